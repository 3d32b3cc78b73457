"""The same poisoned recipe and rows in every face: terminal, JSON, HTML, the notebook and the app."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from screens.keys.screen_registry import SCREENS
from tests.hostile.case import recipe
from tests.hostile.strings import ATTACKS
from tests.screens.conftest import Opened, opened, until  # noqa: F401
from tests.views.support import read as read_page
from workbench.audit.follow import FollowedAudit
from workbench.audit.question import write_question
from workbench.audit.run import audit, recipe_plan
from workbench.bench import prepare
from workbench.checks.registry import codes
from workbench.cli import main
from workbench.errors import BenchError, Where
from workbench.findings import Finding
from workbench.notebook import session
from workbench.overfit.verdict import judge
from workbench.views.codes_markdown import codes_markdown
from workbench.views.html import findings as findings_page
from workbench.views.html_reports import run_html
from workbench.views.overfit import overfit_payload, overfit_text

SHORT = "\x1b[2Jowned\x07\u202e<img src=x onerror=alert(1)>".replace("/", "")
POISON = "owned " + " ".join(ATTACKS)
_OWN = re.compile(r"\x1b\[[0-9;]*[mH]")
"""The sequences that Textual itself writes: colours and places."""


def acting(text: str) -> set[str]:
    """The characters of a text that would act on a terminal, or turn its text around."""
    turning = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    found = set(text) - {"\n"}
    return {repr(char) for char in found if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in turning}


@pytest.fixture
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe whose name, keys and values are poisoned, with rows whose every text is; some cannot be read."""
    monkeypatch.chdir(tmp_path)
    quoted = json.dumps(POISON)
    turns = [
        {"role": "user", "content": [{"type": "text", "text": POISON}]},
        {"role": "assistant", "content": POISON},
    ]
    asked = {"role": POISON, "content": [{"type": POISON, POISON: POISON}]}
    rows: list[Any] = [
        {"messages": turns},
        {"messages": [asked, turns[1]], POISON: POISON},
        {"messages": [{"role": "user", "content": [{"type": "image", "path": SHORT}]}]},
        {"messages": [{"role": "user"}]},
    ]
    lines = [json.dumps(row) for row in rows] + ['{"messages": ' + POISON.replace("\n", " ")]
    (tmp_path / f"{SHORT}.jsonl").write_text("\n".join(lines), "utf-8", "surrogatepass")
    entry = {"path": f"{SHORT}.jsonl", "type": "chat_template", "roles_to_train": ["assistant", POISON]}
    marker = f'{{role: {quoted}, start: {quoted}, end: "<turn|>"}}'
    own = '{role: assistant, start: "<|turn>model\\n", end: "<turn|>"}'
    text = recipe(datasets=json.dumps([entry]), role_boundaries=f"[{own}, {marker}]", wandb_project=quoted)
    file = tmp_path / f"{SHORT}.yaml"
    file.write_text(text + f"{quoted}: {quoted}\n", "utf-8")
    return file


def printed(*arguments: str) -> tuple[str, str]:
    """The text that a command prints on stdout and on stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        main(list(arguments))
    assert left.value.code in (0, 1)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("command", ["inspect", "check", "infer"])
def test_the_command_line(command: str, poisoned: Path) -> None:
    for output in ("text", "json", "html"):
        shown, told = printed(command, poisoned.name, "--rows", "5", "--format", output)
        assert acting(shown + told) == set(), output
        assert "owned" in shown or command == "infer", output
        if output == "json":
            json.loads(shown)
        if output == "html":
            read_page(shown)


def test_an_audit_on_the_command_line_and_in_its_files(poisoned: Path, tmp_path: Path) -> None:
    for output in ("text", "json", "html"):
        shown, told = printed("audit", poisoned.name, "--workers", "1", "--format", output, "--out", f"out-{output}")
        assert acting(shown + told) == set(), output
        assert "owned" in shown, output
        if output == "json":
            assert json.loads(shown)["rows"] == 5
        if output == "html":
            read_page(shown)
            assert "<img" not in shown
            assert "<script" not in shown
        page = (tmp_path / f"out-{output}" / "report.html").read_text("utf-8")
        assert acting(page) == set()
        assert "owned" in page
        json.loads((tmp_path / f"out-{output}" / "report.json").read_text("utf-8"))


def test_the_notebook(poisoned: Path) -> None:
    bench = session.open(poisoned)
    for result in (bench, bench.rows, bench.rows[0], bench.rows[1], bench.rows[2], bench.check()):
        bundle = result._repr_mimebundle_()
        assert acting(bundle["text/plain"]) == set()
        page = bundle["text/html"]
        assert acting(re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)) == set()
        assert "<img" not in page
        assert "owned" in page


def audited(bench: Any) -> None:
    """An audit of a bench's recipe, in the folder where the app looks for it."""
    folder = FollowedAudit(bench).folder
    folder.mkdir(parents=True)
    write_question(folder, bench)
    audit(bench, recipe_plan(bench), workers=1, out=folder)


async def test_the_app(opened: Opened, poisoned: Path) -> None:  # noqa: F811
    async with opened((160, 50), bench=prepare(poisoned)) as pilot:
        app: Any = pilot.app
        audited(app.bench)
        seen = ""
        for name in SCREENS:
            await app.show(name)
            await pilot.pause()
            if name == "audit":
                await until(pilot, lambda: app.screen.report is not None)
            more = {"inspect": ((), ("J",), ("J",)), "audit": ((), ("down",), ("down",), ("down",), ("enter",))}
            for keys in more.get(name, ((),)):
                await pilot.press(*keys)
                await pilot.pause()
                drawn = app.screen._compositor.render_full_update().render_segments(app.console)
                assert acting(_OWN.sub("", drawn)) == set(), name
                seen += drawn
        assert "owned" in seen


def test_a_run_of_poisoned_events() -> None:
    events: list[dict[str, Any]] = [
        {"event": "start", "version": 1, "plan": {"rows": [0]}, "not_honoured": {POISON: POISON}},
        {"event": POISON},
        {"event": "probe", "name": POISON},
        {"event": "error", "kind": "crash", "message": POISON, "tail": POISON, "hint": POISON},
    ]
    verdict = judge(events)
    text, page = overfit_text(events, verdict, POISON), run_html(events, verdict, POISON)
    assert acting(text) == set()
    assert acting(page) == set()
    read_page(page)
    assert "owned" in text
    assert "owned" in page
    json.dumps(overfit_payload(events, verdict, POISON))


def test_errors_and_findings_and_the_page_of_codes() -> None:
    error = BenchError(POISON, POISON, POISON, Where(file=POISON, field=POISON))
    assert acting("\n".join(error._render_traceback_())) == set()
    assert error.line.count("owned") == 3 * POISON.count("owned")
    assert "\n" not in error.line
    found = Finding("M001", "error", POISON, POISON, Where(file=POISON, field=POISON))
    page = findings_page([found])
    assert acting(page) == set()
    read_page(page)
    # Its texts are ours, and Markdown takes them for text all the same.
    assert "<script" not in codes_markdown(codes().values())
