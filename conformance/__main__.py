"""`python -m conformance [--axolotl RELEASE] [--full] [pytest arguments]`: compare the bench with axolotl itself.

Each release has an environment of its own, which is made if need be. Without `--axolotl` the newest and the oldest
release are compared with, where this machine has a Python for them. What cannot differ between them is proved on the
newest alone (`once.py` says what that is, and how it is known), and the older release is asked of fewer pictures,
unless pytest arguments say what to run; `--full` runs everything on every release.
"""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser

from conformance.environment import HERE, PYTHONS, ROOT, NoInterpreterError, Place
from conformance.once import same_on


def main(arguments: list[str]) -> int:
    """Run the suite with the interpreter of each release; returns the worst of pytest's exit statuses."""
    parser = ArgumentParser("conformance", description=__doc__, add_help=False, allow_abbrev=False)
    parser.add_argument("--axolotl", choices=PYTHONS, action="append")
    parser.add_argument("--full", action="store_true")
    options, words = parser.parse_known_args(arguments)
    if options.full:
        os.environ["VLMBENCH_CONFORMANCE"] = "full"
    known = tuple(PYTHONS)
    wanted = options.axolotl or (known if options.full else (known[0], known[-1]))
    proved: str | None = None
    ran = False
    worst = 0
    for release in reversed(known):
        if release not in wanted:
            continue
        try:
            python = Place(release).ensure()
        except NoInterpreterError as problem:
            print(f"conformance: {problem}; it is not compared with here", file=sys.stderr)
            worst = max(worst, 3 if options.axolotl else 0)
            continue
        except (OSError, subprocess.CalledProcessError) as problem:
            print(f"conformance: the environment of axolotl {release} could not be made: {problem}", file=sys.stderr)
            worst = max(worst, 3)
            continue
        again = proved is not None and not options.full and not words
        skipped = list(same_on(release, proved)) if proved is not None and again else []
        print(f"== axolotl {release}, Python {PYTHONS[release]}", flush=True)
        for file in skipped:
            print(f"not run again: {file}, proved with axolotl {proved}, which is the same there", flush=True)
        status = _run(os.fspath(python), words, skipped, again=again)
        worst = max(worst, status)
        ran = True
        if status == 0:
            proved = proved or release
    if not ran and not worst:
        print("conformance: no Python was found for any release", file=sys.stderr)
        return 3
    return worst


def _run(python: str, words: list[str], skipped: list[str], *, again: bool) -> int:
    paths = [os.fspath(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Several workers whose torch has a thread for every core would wait for each other.
    variables = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    if again:
        variables["VLMBENCH_CONFORMANCE"] = "again"
    where = [] if any(os.path.exists(word.split("::")[0]) for word in words) else [os.fspath(HERE)]
    command = [python, "-m", "pytest", "-c", os.fspath(HERE / "pytest.ini")]
    if not any(word.startswith(("-n", "--numprocesses")) for word in words):
        command += ["-n", str(min(os.cpu_count() or 1, 4))]
    command += [f"--ignore={HERE / file}" for file in skipped]
    return subprocess.run([*command, *where, *words], cwd=ROOT, env=variables, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
