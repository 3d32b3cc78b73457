"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ran, run
from workbench.cli import cli, main
from workbench.paths import sample_dir

DEMO = sample_dir()


@pytest.fixture
def vlmbench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: str, cwd: Path | None = None) -> Ran:
        if cwd is not None:
            monkeypatch.chdir(cwd)
        return run(*arguments)

    return call


@pytest.fixture(scope="module")
def demo() -> dict[str, Any]:
    ran = run("inspect", "--rows", "all", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    payload: dict[str, Any] = json.loads(ran.stdout)
    return payload


def test_trained_labels_of_the_demo_are_the_assistants_texts_and_their_ends(demo):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(DEMO / "demo-model")
    raw = [json.loads(line) for line in (DEMO / "shapes-heldout.jsonl").read_text("utf-8").splitlines()]
    assert len(demo["rows"]) == len(raw) >= 8
    for row, source in zip(demo["rows"], raw, strict=True):
        assert len(row["input_ids"]) == len(row["labels"]) == len(row["tokens"])
        trained = [token for token in row["labels"] if token != -100]
        answers = [message["content"] for message in source["messages"] if message["role"] == "assistant"]
        texts = [answer if isinstance(answer, str) else answer[0]["text"] for answer in answers]
        assert tokenizer.decode(trained) == "".join(f"{text}<turn|>" for text in texts)


def test_the_json_says_what_design_promises(demo):
    assert demo["schema"] == "vlmbench.inspect/1"
    assert demo["family"] == "gemma4"
    assert [boundary["start_ids"][0] for boundary in demo["boundaries"]] == [105, 105, 105]
    row = demo["rows"][0]
    for token in row["tokens"]:
        assert token["id"] == row["input_ids"][token["index"]]
        assert token["trained"] == (row["labels"][token["index"]] != -100)
        if token["owner"]["kind"] == "content":
            assert token["owner"]["role"] in {"user", "assistant", "system"}
            assert token["trained"] == (token["owner"]["role"] == "assistant")
    assert [media["modality"] for media in row["media"]] == ["image"]
    assert sum(boundary["unterminated"] for boundary in demo["boundaries"]) == 0


def test_the_plain_view_is_legible_without_colour(vlmbench):
    ran = vlmbench("inspect", "--row", "0")
    assert ran.returncode == 0
    assert "\x1b" not in ran.stdout
    answers = json.loads((DEMO / "shapes-heldout.jsonl").read_text("utf-8").splitlines()[0])["messages"][1]["content"]
    answer = answers if isinstance(answers, str) else answers[0]["text"]
    assert f"⟦{answer}⟨turn|⟩⟧" in ran.stdout
    assert "▣ image × 64" in ran.stdout


def test_no_command_is_the_demo(vlmbench):
    assert vlmbench().stdout == vlmbench("inspect").stdout != ""


def test_html_is_one_safe_page(tmp_path, vlmbench):
    (tmp_path / "rows.jsonl").write_text(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": "<script>alert(1)</script> \u202e"},
                    {"role": "assistant", "content": "<img src=x onerror=alert(1)>"},
                ]
            }
        )
    )
    ran = vlmbench("inspect", "--data", str(tmp_path / "rows.jsonl"), "--format", "html")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("<!doctype html>")
    lowered = ran.stdout.lower()
    assert "<script" not in lowered
    assert "<img" not in lowered
    assert "http://" not in lowered.replace("http-equiv", "")
    assert "https://" not in lowered
    assert "\u202e" not in ran.stdout


def test_a_broken_row_does_not_hide_the_others(tmp_path, vlmbench):
    good = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    lines = [json.dumps(good), '{"messages": [', json.dumps({"messages": [{"role": "user"}]}), json.dumps(good)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    ran = vlmbench("inspect", "--data", "rows.jsonl", "--rows", "all", "--format", "json", cwd=tmp_path)
    assert ran.returncode == 1
    rows = json.loads(ran.stdout)["rows"]
    assert [bool(row["tokens"]) for row in rows] == [True, False, False, True]
    places = [rows[index]["findings"][0]["where"] for index in (1, 2)]
    assert [(place["file"], place["line"], place["row"]) for place in places] == [
        ("rows.jsonl", 2, 1),
        ("rows.jsonl", 3, 2),
    ]
    assert "content" in places[1]["field"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["inspect", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["inspect", "--row", "999"], 2, "no row 999"),
        (["inspect", "--row", "1", "--rows", "2"], 2, "exclude each other"),
        (["inspect", "--rows", "0"], 2, "1 or more"),
        (["inspect", "--data", "nowhere.jsonl"], 2, "nowhere.jsonl"),
        (["inspect", "--model", "./nowhere"], 2, "nowhere"),
        (["inspect", "--family", "gemma9"], 2, "gemma9"),
        (["inspect", "--axolotl-python", "/nowhere/python", "named.yaml"], 3, "cannot be run"),
        (["inspect", "--model", "nobody/nothing", "--offline"], 3, "nobody/nothing"),
        (["inspect", "broken.yaml"], 2, "broken.yaml:2"),
        (["inspect", "typo.yaml"], 2, "typo.yaml:3"),
        (["families", "gemma9"], 2, "gemma9"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_bad_input_is_named_and_has_its_exit_code(arguments, code, says, tmp_path, vlmbench):
    (tmp_path / "broken.yaml").write_text("base_model: x\n  datasets: [\n")
    model = DEMO / "demo-model"
    (tmp_path / "named.yaml").write_text(f"base_model: {model}\nchat_template: gemma4\ndatasets:\n  - path: x.jsonl\n")
    (tmp_path / "typo.yaml").write_text(f"base_model: {model}\nrole_boundaries:\n  - role: [assistant]\n    start: x\n")
    ran = vlmbench(*arguments, cwd=tmp_path)
    assert ran.returncode == code, ran.stderr
    assert says in ran.stderr
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr


def test_errors_are_json_where_json_was_asked_for(tmp_path, vlmbench):
    ran = vlmbench("inspect", "nowhere.yaml", "--format", "json", cwd=tmp_path)
    payload = json.loads(ran.stdout)
    assert (ran.returncode, payload["schema"], payload["exit_code"]) == (2, "vlmbench.error/1", 2)
    assert "nowhere.yaml" in payload["error"]["title"] + str(payload["error"]["where"])


def test_families_lists_every_spec_and_tells_one(vlmbench):
    names = {path.stem for path in (Path(__file__).parent.parent / "specs").glob("*.yaml")} - {"axolotl"}
    listed = {line.split()[0] for line in vlmbench("families").stdout.splitlines() if line.strip()}
    assert names <= listed
    told = vlmbench("families", "gemma4").stdout
    assert "105 4368 107" in told
    assert json.loads(vlmbench("families", "--format", "json").stdout)["schema"] == "vlmbench.families/1"


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m workbench.cli inspect --rows all --format json | head -c 10"
    ran = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", ["", *cli.commands])
def test_every_help_ends_with_examples_that_its_options_allow(name: str) -> None:
    command = cli.commands[name] if name else cli
    assert command.epilog is not None
    examples = [line.strip() for line in command.epilog.splitlines() if line.startswith("  vlmbench")]
    assert examples
    for example in examples:
        words = list(shlex.split(example.split(" > ")[0].split(" < ")[0])[1:])
        if not words or words[0].endswith(".yaml"):
            words = ["inspect", *words]
        assert name in ("", words[0])
        chosen = cli.commands[words[0]]
        context = chosen.make_context(words[0], words[1:])
        assert context.params
    shown = run(*([name] if name else []), "--help").stdout
    # Each example stands in a line of its own, however narrow the terminal is.
    assert all(example in shown.splitlines() or f"  {example}" in shown for example in examples)
    assert "Exit codes: 0" in shown


def test_defaults_are_in_the_help() -> None:
    for name in ("inspect", "check", "audit", "overfit"):
        shown = " ".join(run(name, "--help").stdout.split())
        assert "default: text" in shown
        assert "[default: 0]" in shown


def test_a_recipe_in_the_place_of_a_command_is_inspected(tmp_path, vlmbench):
    (tmp_path / "mine.yaml").write_text("base_model: [\n", "utf-8")
    ran = vlmbench("mine.yaml", "--row", "0", cwd=tmp_path)
    assert (ran.returncode, "mine.yaml:2" in ran.stderr) == (2, True)
    assert "cannot be opened" in vlmbench("nowhere.yaml").stderr
    wrong = vlmbench("chekc", "mine.yaml")
    assert (wrong.returncode, "Did you mean check?" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("vlmbench che", {"check"}),
        ("vlmbench check --select M001,C01", {"M001,C010", "M001,C011", "M001,C012", "M001,C013"}),
        ("vlmbench explain a01", {f"A01{digit}" for digit in range(10)}),
        ("vlmbench families gemma3", {"gemma3", "gemma3n"}),
        ("vlmbench check --family qwen3_v", {"qwen3_vl"}),
        ("vlmbench check --axolotl-version 0.1", {"0.19"}),
        ("vlmbench check --fail-on w", {"warning"}),
    ],
)
def test_the_shell_completes_commands_codes_and_families(words, completed, monkeypatch):
    last = len(words.split()) - 1
    monkeypatch.setenv("_VLMBENCH_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(last))
    # click writes bytes, which only a stream with a buffer takes.
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with redirect_stdout(out), pytest.raises(SystemExit):
        main([])
    out.flush()
    found = {line.partition(",")[2] for line in out.buffer.getvalue().decode().splitlines()}
    assert found == completed


def test_python_m_is_the_same_command(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "workbench", "explain", "C002"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout.split()[0]) == (0, "C002")
