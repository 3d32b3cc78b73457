"""The cost of starting: `import workbench` and `vlmbench --help` over a bare interpreter. Target: 50 ms over it."""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.page import record
from tests.benchmarks.timing import medians


def run(*arguments: str) -> None:
    """Run this interpreter to its end."""
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Print milliseconds over a bare interpreter."""
    seconds = medians(
        {
            "bare": lambda: run("-c", "pass"),
            "import workbench": lambda: run("-c", "import workbench"),
            "vlmbench --help": lambda: run("-m", "workbench.cli", "--help"),
        },
        rounds=15,
    )
    bare = seconds.pop("bare")
    print(f"bare interpreter {bare * 1e3:.0f} ms")
    for name, value in seconds.items():
        short = "help" if "help" in name else "import"
        record(short, (value - bare) * 1e3, f"{value * 1e3:.0f} ms in all, a bare one {bare * 1e3:.0f} ms")
        print(f"{name}: {(value - bare) * 1e3:.0f} ms over it ({value / bare:.1f}×)")


if __name__ == "__main__":
    main()
