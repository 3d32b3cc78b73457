"""`python -m conformance [pytest arguments]`: make the environment if need be, then run the comparison inside it."""

from __future__ import annotations

import os
import subprocess
import sys

from conformance import environment


def main(arguments: list[str]) -> int:
    """Run the suite with the environment's own interpreter; returns pytest's exit status."""
    try:
        interpreter = environment.ensure()
    except (OSError, subprocess.CalledProcessError) as problem:
        print(f"conformance: the environment could not be made: {problem}", file=sys.stderr)
        return 3
    paths = [os.fspath(environment.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Several workers whose torch has a thread for every core would wait for each other.
    variables = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    where = [] if any(os.path.exists(word.split("::")[0]) for word in arguments) else [os.fspath(environment.HERE)]
    command = [os.fspath(interpreter), "-m", "pytest", "-c", os.fspath(environment.HERE / "pytest.ini")]
    if not any(word.startswith(("-n", "--numprocesses")) for word in arguments):
        command += ["-n", str(min(os.cpu_count() or 1, 4))]
    return subprocess.run([*command, *where, *arguments], cwd=environment.ROOT, env=variables, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
