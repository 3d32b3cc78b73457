"""`vlmbench check` as people wire it in: a repository of three recipes, one of them good, and its formats and files."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft7Validator

from tests.support.command import Ran, run
from workbench.checks import registry
from workbench.paths import sample_dir

SCHEMA = Path(__file__).parents[1] / "views" / "sarif-schema-2.1.0.json"
GOOD = (sample_dir() / "demo.yaml").read_text("utf-8")
LINE = "learning_rate: 0.002"
assert LINE in GOOD
OUTDATED = "evaluation_strategy: steps"
UNKNOWN = "freeze_mm_module: true"
TEXT = ("check", "--select", "C")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three recipes: a good one, one with a warning and one with an error and a warning; and a YAML that is none."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "good.yaml").write_text(GOOD, "utf-8")
    (folder / "old.yaml").write_text(GOOD.replace(LINE, f"{LINE}\n{OUTDATED}"), "utf-8")
    (folder / "wrong.yaml").write_text(GOOD.replace(LINE, f"learning_rate: fast\n{UNKNOWN}"), "utf-8")
    (folder / "workflow.yaml").write_text("on: push\njobs: {}\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    return tmp_path


RECIPES = ("recipes/good.yaml", "recipes/old.yaml", "recipes/wrong.yaml")


def line_of(recipe: str, text: str) -> int:
    (number,) = [number for number, line in enumerate(Path(recipe).read_text("utf-8").splitlines(), 1) if text in line]
    return number


def told(ran: Ran) -> dict[str, list[tuple[str, int]]]:
    """(code, line) of every finding, by recipe, of a check in JSON."""
    payload = json.loads(ran.stdout)
    checks = payload.get("checks", [payload])
    return {
        one["recipe"]: [(finding["code"], finding["where"].get("line")) for finding in one["findings"]]
        for one in checks
    }


def test_several_recipes_are_told_each_and_summed_up(repository: Path) -> None:
    ran = run(*TEXT, *RECIPES, RECIPES[0], "--statistics")
    assert ran.returncode == 1
    lines = ran.stdout.splitlines()
    assert [line for line in lines if line.endswith(".yaml")] == list(RECIPES)
    # Into a pipe a finding is one line, and no line is filled with blanks.
    assert [line for line in lines if line != line.rstrip()] == []
    (long,) = [line for line in lines if "C002" in line and "wrong.yaml" in line]
    assert len(long) > 120
    assert f"wrong.yaml:{line_of(RECIPES[2], UNKNOWN)}:1" in long
    assert lines[-1] == "3 recipes: 1 error, 2 warnings · 1 without findings"
    counted = [line.split()[:3] for line in lines[-4:-1]]
    assert counted == [["1", "C002", "warning"], ["1", "C003", "warning"], ["1", "C010", "error"]]


def test_json_of_several_holds_the_document_of_each(repository: Path) -> None:
    ran = run(*TEXT, *RECIPES, "nowhere.yaml", "--format", "json")
    payload = json.loads(ran.stdout)
    assert (ran.returncode, payload["schema"]) == (2, "vlmbench.checks/1")
    assert payload["summary"] == {"recipes": 4, "errors": 1, "warnings": 2, "notes": 0, "not_checked": 1}
    assert [one["recipe"] for one in payload["errors"]] == ["nowhere.yaml"]
    assert told(ran) == {
        RECIPES[0]: [],
        RECIPES[1]: [("C003", line_of(RECIPES[1], OUTDATED))],
        RECIPES[2]: [("C010", line_of(RECIPES[2], "fast")), ("C002", line_of(RECIPES[2], UNKNOWN))],
    }
    alone = json.loads(run(*TEXT, RECIPES[1], "--format", "json").stdout)
    assert alone == payload["checks"][1]
    assert alone["schema"] == "vlmbench.check/1"
    # What stands in many rows is told by its cause too.
    assert [(group["code"], group["count"]) for group in alone["groups"]] == [("C003", 1)]


@pytest.mark.parametrize(
    ("recipe", "options", "code"),
    [
        (0, [], 0),
        (1, [], 0),
        (1, ["--fail-on", "warning"], 1),
        (1, ["--fail-on", "warning", "--ignore", "C003"], 0),
        (2, [], 1),
        (2, ["--exit-zero"], 0),
        (2, ["--select", "C002"], 0),
        (2, ["--fail-on", "note", "--exit-zero"], 0),
    ],
)
def test_the_exit_code_is_as_severe_as_was_asked(recipe: int, options: list[str], code: int, repository: Path) -> None:
    chosen = ["check", RECIPES[recipe], *options] if "--select" in options else [*TEXT, RECIPES[recipe], *options]
    assert run(*chosen).returncode == code


def test_what_cannot_be_checked_fails_whatever_is_asked(repository: Path) -> None:
    Path("broken.yaml").write_text("base_model: x\n\tadapter: lora\n", "utf-8")
    ran = run(*TEXT, "broken.yaml", *RECIPES, "--exit-zero", "--format", "github")
    assert ran.returncode == 2
    assert "broken.yaml:2" in ran.stderr
    first, *others = ran.stdout.splitlines()
    assert first.startswith("::error file=broken.yaml,line=2,")
    assert len(others) == 3


def test_sarif_is_of_the_standard_and_its_lines_are_right(repository: Path) -> None:
    Path("broken%.yaml").write_text("base_model: [x\n", "utf-8")
    ran = run(*TEXT, *RECIPES, "broken%.yaml", "--format", "sarif")
    log = json.loads(ran.stdout)
    Draft7Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(log)
    (one,) = log["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["C002", "C003", "C010"]
    for rule in rules:
        page = registry.explain(rule["id"])
        assert rule["helpUri"].startswith("https://")
        assert page.code in rule["helpUri"]
        assert page.fix in rule["help"]["markdown"]
    places = set()
    for result in one["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        places.add((result["ruleId"], place["artifactLocation"]["uri"], place["region"]["startLine"]))
    assert places == {
        ("C002", RECIPES[2], line_of(RECIPES[2], UNKNOWN)),
        ("C003", RECIPES[1], line_of(RECIPES[1], OUTDATED)),
        ("C010", RECIPES[2], line_of(RECIPES[2], "fast")),
    }
    (invocation,) = one["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    (problem,) = invocation["toolExecutionNotifications"]
    assert problem["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "broken%25.yaml"
    # A finding is known again where the recipe has become longer above it.
    before = {one["partialFingerprints"]["vlmbenchCause/v1"] for one in one["results"]}
    for recipe in RECIPES:
        Path(recipe).write_text("# more\n\n" + Path(recipe).read_text("utf-8"), "utf-8")
    again = json.loads(run(*TEXT, *RECIPES, "--format", "sarif").stdout)["runs"][0]["results"]
    assert {one["partialFingerprints"]["vlmbenchCause/v1"] for one in again} == before


def test_annotations_stay_one_command_whatever_stands_in_a_recipe(repository: Path) -> None:
    recipe = Path("recipes/a,b:c.yaml")
    recipe.write_text(GOOD + '"zzz%0A::error::\\nq": 1\n', "utf-8")
    (line,) = run(*TEXT, str(recipe), "--format", "github").stdout.splitlines()
    assert line.startswith("::warning file=recipes/a%2Cb%3Ac.yaml,line=")
    assert "zzz%250A::error::" in line


def test_junit_has_a_suite_a_recipe_and_fails_where_the_check_does(repository: Path) -> None:
    ran = run(*TEXT, *RECIPES, "--format", "junit")
    root = ElementTree.fromstring(ran.stdout.encode())
    suites = {suite.get("name"): (suite.get("tests"), suite.get("failures")) for suite in root}
    assert suites == {RECIPES[0]: ("1", "0"), RECIPES[1]: ("1", "0"), RECIPES[2]: ("2", "1")}
    strict = ElementTree.fromstring(run(*TEXT, *RECIPES, "--format", "junit", "--fail-on", "warning").stdout.encode())
    assert strict.get("failures") == "3"
    assert all(failure.text for failure in strict.iter("failure"))


def test_html_holds_every_recipe(repository: Path) -> None:
    page = run(*TEXT, *RECIPES, "--format", "html").stdout
    assert page.count("<!doctype html>") == 1
    assert all(f"<h2>{recipe}</h2>" in page for recipe in RECIPES)


def test_stdin_is_a_recipe_with_the_name_and_the_settings_of_a_file(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path(RECIPES[2]).read_bytes()
    Path("recipes/.vlmbench.toml").write_text('[check]\nignore = "C010"\n', "utf-8")

    def stdin(*options: str) -> Ran:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text), isatty=lambda: False))
        return run(*TEXT, "-", *options, "--format", "json")

    assert told(stdin()) == {"<stdin>": [("C010", line_of(RECIPES[2], "fast")), ("C002", line_of(RECIPES[2], UNKNOWN))]}
    named = stdin("--stdin-filename", "recipes/new.yaml")
    assert told(named) == {"recipes/new.yaml": [("C002", line_of(RECIPES[2], UNKNOWN))]}
    assert run(*TEXT, "-", "-").returncode in (0, 1, 2)
    assert run("check", "-", "--fix").returncode == 2
    assert run(*TEXT, RECIPES[0], "--stdin-filename", "x.yaml").returncode == 2


def test_the_settings_file_says_all_of_it_and_the_command_line_wins(repository: Path) -> None:
    project = Path("pyproject.toml")
    project.write_text(
        '[tool.vlmbench.check]\nselect = ["C"]\nignore = ["C002"]\nfail-on = "warning"\nformat = "json"\n'
        'statistics = true\nbaseline = "known.json"\n',
        "utf-8",
    )
    assert run("check", *RECIPES, "--write-baseline").returncode == 0
    assert json.loads(Path("known.json").read_text("utf-8"))["schema"] == "vlmbench.baseline/1"
    # Everything is known, so that nothing fails, and C002 is not looked for.
    ran = run("check", *RECIPES)
    assert ran.returncode == 0
    assert told(ran) == {recipe: [] for recipe in RECIPES}
    project.write_text(project.read_text("utf-8").replace('baseline = "known.json"\n', ""), "utf-8")
    assert run("check", RECIPES[1]).returncode == 1
    assert run("check", RECIPES[1], "--fail-on", "error").returncode == 0
    assert run("check", RECIPES[1], "--select", "C001").returncode == 0
    ran = run("check", RECIPES[1], "--format", "text")
    assert "1  C003  warning" in ran.stdout
    assert "1  C003  warning" not in run("check", RECIPES[1], "--format", "text", "--no-statistics").stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[check]\nslect = 'C'\n", "Did you mean select?"),
        ("[check]\nselect = 3\n", 'Write a list of codes: ["M", "T007"].'),
        ("[check]\nselect = 'Z'\n", "A beginning will do"),
        ("[check]\nfail-on = 'all'\n", "Write one of error, warning, note."),
        ("[check]\nexit-zero = 1\n", "Write true or false."),
        ("check = 3\n", "[check] with lines such as"),
    ],
)
def test_a_wrong_setting_is_told_with_its_file(text: str, said: str, repository: Path) -> None:
    Path(".vlmbench.toml").write_text(text, "utf-8")
    ran = run("check", RECIPES[0])
    assert ran.returncode == 2
    assert said in ran.stderr


def test_a_baseline_lets_new_findings_through_alone(repository: Path) -> None:
    known = ("--baseline", "known.json")
    assert "no such file" in run(*TEXT, *RECIPES, *known).stderr.lower()
    ran = run(*TEXT, *RECIPES, *known, "--write-baseline")
    assert (ran.returncode, ran.stderr) == (0, "vlmbench: wrote known.json, a baseline of 3 findings\n")
    # The lines move, and one finding more comes.
    wrong = Path(RECIPES[2])
    wrong.write_text("# first\n\n" + wrong.read_text("utf-8") + "lora_dropuot: 0.1\n", "utf-8")
    ran = run(*TEXT, *RECIPES, *known, "--format", "json", "--fail-on", "warning")
    assert ran.returncode == 1
    assert told(ran) == {RECIPES[0]: [], RECIPES[1]: [], RECIPES[2]: [("C002", line_of(RECIPES[2], "dropuot"))]}
    assert json.loads(ran.stdout)["checks"][2]["summary"]["in_baseline"] == 2
    # What is mended is told, and leaves the baseline when it is written again; other recipes stay in it.
    Path(RECIPES[1]).write_text(GOOD, "utf-8")
    assert "1 finding of known.json no longer there" in run(*TEXT, *RECIPES, *known).stderr
    assert "a baseline of 2 findings" in run(*TEXT, RECIPES[1], *known, "--write-baseline").stderr
    # A code that was not looked for is neither gone nor taken out.
    assert "no longer" not in run("check", "--select", "C003", *RECIPES, *known).stderr
    assert "a baseline of 2 findings" in run("check", "--select", "C003", *RECIPES, *known, "--write-baseline").stderr
    # Nothing but a baseline is written over.
    Path("precious.json").write_text("{}", "utf-8")
    ran = run(*TEXT, RECIPES[0], "--baseline", "precious.json", "--write-baseline")
    assert (ran.returncode, Path("precious.json").read_text("utf-8")) == (2, "{}")
    assert run(*TEXT, RECIPES[0], "--write-baseline").returncode == 2


def test_comments_leave_findings_out_and_useless_ones_are_told(repository: Path) -> None:
    wrong = Path(RECIPES[2])
    text = wrong.read_text("utf-8").replace("learning_rate: fast", "learning_rate: fast  # vlmbench: ignore[C010]")
    wrong.write_text(text.replace(UNKNOWN, f"# vlmbench: ignore[C0]\n{UNKNOWN}"), "utf-8")
    ran = run(*TEXT, RECIPES[2], "--format", "json", "--fail-on", "warning")
    assert (ran.returncode, told(ran)) == (0, {RECIPES[2]: []})
    assert json.loads(ran.stdout)["summary"]["ignored"] == 2
    assert "2 left out by the recipe's comments" in run(*TEXT, RECIPES[2]).stdout
    wrong.write_text(wrong.read_text("utf-8").replace("learning_rate: fast", LINE), "utf-8")
    ran = run(*TEXT, RECIPES[2], "--format", "json")
    assert told(ran) == {RECIPES[2]: [("C020", line_of(RECIPES[2], "ignore[C010]"))]}
    # Where C020 or the code itself is not looked for, nobody can say that the comment is of no use.
    assert told(run("check", "--select", "C002", RECIPES[2], "--format", "json")) == {RECIPES[2]: []}
    assert told(run(*TEXT, "--ignore", "C010", RECIPES[2], "--format", "json")) == {RECIPES[2]: []}


def test_yaml_that_is_no_recipe_is_passed_over_where_that_is_asked_for(repository: Path) -> None:
    everything = sorted(map(str, Path("recipes").iterdir()))
    assert len(everything) == 4
    assert list(told(run(*TEXT, *everything, "--recipes-only", "--format", "json"))) == sorted(RECIPES)
    assert run(*TEXT, "recipes/workflow.yaml", "--recipes-only").returncode == 0
    assert run(*TEXT, "recipes/workflow.yaml").returncode == 1
    # A recipe that does not parse is one all the same.
    Path("broken.yaml").write_text("base_model: x\n\tadapter: lora\n", "utf-8")
    assert run(*TEXT, "broken.yaml", "--recipes-only").returncode == 2
    Path("helm.yaml").write_text("{{ x }}\n---\n", "utf-8")
    assert run(*TEXT, "helm.yaml", "--recipes-only").returncode == 0


def test_the_text_alone_needs_no_model_library(repository: Path) -> None:
    """`check --select C` in a process of its own, as a hook starts it."""
    code = (
        "import sys\nfrom workbench.cli import main\n"
        "try:\n    main(sys.argv[1:])\nfinally:\n"
        "    heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'numpy', 'textual'} & set(sys.modules)\n"
        "    print(sorted(heavy), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code, *TEXT, *RECIPES], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "[]\n"), ran.stderr


def test_the_whole_check_knows_causes_and_comments_too(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With model and rows: a marker that no row has, told by its cause, and then left out by the recipe."""
    for name in ("demo-model", "pictures", "shapes-heldout.jsonl", "vlmbench_axolotl.py"):
        os.symlink(sample_dir() / name, Path("recipes") / name)
    recipe = Path("recipes/marker.yaml")
    recipe.write_text(GOOD.replace('start: "<|turn>model\\n"', 'start: "<|turn>modell\\n"'), "utf-8")
    options = ("--rows", "2", "--format", "json", "--select", "C,M,D")

    def check() -> tuple[int, dict[str, Any]]:
        ran = run("check", str(recipe), *options)
        return ran.returncode, json.loads(ran.stdout)

    code, payload = check()
    codes = payload["summary"]["codes"]
    assert code == 1
    assert "M001" in codes
    (group,) = [group for group in payload["groups"] if group["code"] == "M001"]
    assert (group["count"], group["rows"]) == (2, 2)
    sarif = json.loads(run("check", str(recipe), *options, "--format", "sarif").stdout)
    Draft7Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(sarif)
    (result,) = [one for one in sarif["runs"][0]["results"] if one["ruleId"] == "M001"]
    assert result["occurrenceCount"] == 2
    assert len(result["relatedLocations"]) == 1
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert Path(uri.removeprefix("file://")).is_file()
    recipe.write_text(f"# vlmbench: ignore-file[M,D]\n{recipe.read_text('utf-8')}", "utf-8")
    code, payload = check()
    assert (code, payload["summary"]["codes"]) == (0, {})
    assert payload["summary"]["ignored"] == sum(codes.values())


def test_ctrl_c_tells_what_the_rows_until_then_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.blocks.checking import BlockChecking

    whole = BlockChecking.steps

    def interrupted(self: BlockChecking, seconds: float = 0.5) -> Iterator[int]:
        monkeypatch.setattr("workbench.blocks.known._FIRST", 2)
        for done in whole(self, 0.0):
            yield done
            raise KeyboardInterrupt

    monkeypatch.setattr(BlockChecking, "steps", interrupted)
    monkeypatch.chdir(tmp_path)
    ran = run("check", "--select", "M", "--format", "json", "--baseline", "known.json", "--write-baseline")
    assert (ran.returncode, json.loads(ran.stdout)["summary"]["rows"]) == (130, 2)
    assert "interrupted; what 2 rows show so far" in ran.stderr
    assert not Path("known.json").exists()
