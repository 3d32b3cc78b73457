"""Peak memory of `vlmbench inspect` against loading the processor alone. Target: at most 1.2 times, never any weights.

`python -m tests.benchmarks.bench_memory [MODEL]`; the embedded demo's model by default.
"""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.page import record
from workbench.paths import sample_dir

PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=__import__('sys').stderr)"
ALONE = "from transformers import AutoProcessor; AutoProcessor.from_pretrained({model!r})"
INSPECT = """
from workbench.cli import main
try:
    main(['inspect', '--model', {model!r}, '--data', {data!r}, '--format', 'json'])
except SystemExit as left:
    assert left.code == 0
"""


def peak(code: str) -> float:
    """MiB that a fresh interpreter needed at most to run this."""
    command = [sys.executable, "-c", f"{code}\n{PEAK}"]
    ran = subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return int(ran.stderr.splitlines()[-1]) / 1024


def main(model: str) -> None:
    """Print both peaks and their ratio."""
    data = str(sample_dir() / "shapes.jsonl")
    alone, inspect = peak(ALONE.format(model=model)), peak(INSPECT.format(model=model, data=data))
    record("inspect memory", inspect / alone, f"{inspect:,.0f} of {alone:,.0f} MiB")
    print(f"{model}: processor alone {alone:.0f} MiB, inspect {inspect:.0f} MiB ({inspect / alone:.2f}×)")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(sample_dir() / "demo-model"))
