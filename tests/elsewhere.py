"""`python -m tests.elsewhere lowest|beside-axolotl [pytest arguments]`: the fast part of the suite where users run it.

`lowest` holds the oldest release that pyproject.toml allows of each package that the bench names; `beside-axolotl` is
axolotl with all of its dependencies, at the versions it asks for, and the bench installed into it afterwards, as
somebody who trains with it would.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.environment import ROOT, Environment, Step

AXOLOTL = "axolotl==0.19.0"
PYPROJECT = ROOT / "pyproject.toml"

# What a release of another package can break, and how the bench is used; not the looks, which are those of one Textual,
# nor the exports, which would ask the axolotl beside them: that is what conformance looks at.
FAST = (
    "tests/checks",
    "tests/data",
    "tests/models",
    "tests/recipe",
    "tests/tokens",
    "tests/infer",
    "tests/families",
    "tests/screens/test_app.py",
    "tests/overfit/test_supervised.py::test_the_demo_passes",
    "tests/test_cli.py",
    "tests/test_new_recipes.py",
    "tests/test_row.py",
)


# A minute of processor time, on what no package decides.
NOT_FAST = ("tests/checks/test_fixes.py",)


def lowest(pip: Step) -> None:
    pip("install", "--resolution", "lowest-direct", "-r", PYPROJECT, "--all-extras", "--group", "dev")
    pip("install", "--no-deps", "--editable", ROOT)
    pip("check")


def beside_axolotl(pip: Step) -> None:
    pip("install", AXOLOTL)
    before = distributions()
    pip("install", "--editable", f"{ROOT}[mistral,serve,notebook]", "--group", "dev", AXOLOTL)
    pip("check")
    after = distributions()
    moved = [f"{name} {version} → {after.get(name)}" for name, version in before.items() if after.get(name) != version]
    if moved:
        sys.exit(f"beside-axolotl: installing the bench moved packages of axolotl: {', '.join(moved)}")


def distributions() -> dict[str, str]:
    """The packages of the environment with axolotl, with their versions."""
    home = PLACES["beside-axolotl"][0].home
    folders = home.glob("venv/lib/python3*/site-packages/*.dist-info")
    names = (folder.name.removesuffix(".dist-info").rpartition("-") for folder in folders)
    return {name: version for name, _, version in names}


PLACES = {
    "lowest": (Environment(ROOT / ".lowest", "made-from.sha256", (PYPROJECT,)), lowest),
    "beside-axolotl": (Environment(ROOT / ".beside-axolotl", "made-from.sha256", (PYPROJECT,)), beside_axolotl),
}


def main(arguments: list[str]) -> int:
    """Make the environment if need be and run the fast part in it; returns pytest's exit status."""
    if not arguments or arguments[0] not in PLACES:
        print(__doc__, file=sys.stderr)
        return 2
    name, *arguments = arguments
    environment, install = PLACES[name]
    try:
        python = environment.ensure(install)
    except (OSError, subprocess.CalledProcessError) as problem:
        print(f"{name}: the environment could not be made: {problem}", file=sys.stderr)
        return 3
    variables = {"OMP_NUM_THREADS": "1", "AXOLOTL_DO_NOT_TRACK": "1", **os.environ, "PYTHONPATH": os.fspath(ROOT)}
    named = any(os.path.exists(word.split("::")[0]) for word in arguments)
    where = [] if named else [*FAST, *(f"--ignore={file}" for file in NOT_FAST)]
    workers = str(min(os.cpu_count() or 1, 4))
    command = [os.fspath(python), "-m", "pytest", "-n", workers, "--dist", "loadscope", *where, *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
