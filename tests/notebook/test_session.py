"""The bench in a notebook: the same answers as the command line's, each shown as text and as HTML."""

from __future__ import annotations

import html.parser
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import workbench
from tests.export.support import record
from tests.test_cli import run
from workbench.bench import Bench
from workbench.errors import BenchError, InputError
from workbench.notebook import Session
from workbench.notebook.display import Result
from workbench.overfit.events import read
from workbench.overfit.runs import EVENTS
from workbench.recipe.yaml.document import Document
from workbench.views.curve import curve

VOID = {"meta", "br", "img"}
KNOWN = {
    *(
        "div",
        "style",
        "h1",
        "h2",
        "p",
        "b",
        "u",
        "i",
        "span",
        "section",
        "table",
        "tr",
        "th",
        "td",
        "code",
        "pre",
        "ul",
    ),
    *("li", "br", "details", "summary", "svg", "title", "line", "text", "polyline", "circle", "img"),
}


class Nesting(html.parser.HTMLParser):
    """Reads HTML strictly: every tag known and closed in its turn, no attribute that acts or asks."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.titles: list[str] = []
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in KNOWN, tag
        names = [name for name, _ in attrs]
        assert not [name for name in names if name.startswith("on") or name in ("href", "srcset", "action")]
        # A picture brings its own bytes.
        assert all((value or "").startswith("data:image/jpeg;base64,") for name, value in attrs if name == "src")
        self.titles += [value or "" for name, value in attrs if name == "title"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def shown(one: Result) -> Nesting:
    """The HTML that a notebook gets of an object, parsed strictly."""
    bundle = one._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"] == repr(one) != ""
    assert "\x1b" not in bundle["text/plain"]
    return Nesting(bundle["text/html"])


def test_importing_loads_nothing_and_opening_is_found_by_name() -> None:
    code = (
        "import sys, workbench; light = set(sys.modules); workbench.open; heavy = set(sys.modules)\n"
        "print([name for name in ('numpy', 'rich', 'torch', 'transformers') if name in light])\n"
        "print([name for name in ('torch', 'transformers', 'anywidget', 'IPython') if name in heavy])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:2] == ["[]", "[]"]
    assert "open" in dir(workbench)
    with pytest.raises(AttributeError, match="nothing"):
        _ = workbench.nothing


def test_the_data_of_every_answer_is_the_command_lines(session: Session) -> None:
    recipe = str(session.bench.document.path)

    def told(*arguments: str) -> Any:
        return json.loads(run(arguments[0], recipe, *arguments[1:], "--format", "json").stdout)

    inspected = told("inspect", "--rows", "3")
    assert session.rows[:3].to_dict() == inspected
    assert session.to_dict() == told("inspect")
    rows = inspected["rows"]
    assert [row.to_dict() for row in session.rows[:3]] == rows
    assert session.rows[1].mask().to_dict() == {
        key: rows[1][key] for key in ("row", "trained", "input_ids", "labels", "spans")
    }
    keys = ("index", "id", "text", "owner")
    assert session.rows[2].trace.to_dict()["tokens"] == [{key: one[key] for key in keys} for one in rows[2]["tokens"]]
    assert session.check().to_dict() == told("check")
    assert session.check(select=["M"]).to_dict() == told("check", "--select", "M")
    assert session.rows[4].check().to_dict() == told("check", "--row", "4")
    inferred = session.infer(rows=4)
    assert inferred.to_dict() == told("infer", "--rows", "4")
    assert "verified for" in "".join(shown(inferred).words)
    assert session.export().to_dict() == told("export")
    assert session.recipe.to_dict() == session.bench.document.data
    # So are the pages.
    assert session.html() == run("inspect", recipe, "--format", "html").stdout
    assert session.check().html() == run("check", recipe, "--format", "html").stdout
    assert inferred.html() == run("infer", recipe, "--rows", "4", "--format", "html").stdout


def test_every_answer_shows_itself(session: Session) -> None:
    row = session.rows[0]
    page = shown(row)
    texts = "".join(page.words)
    assert "The green shape is a triangle." in texts.replace("\xa0", " ")
    assert f"{row.mask().trained} of {len(row.mask().labels)} tokens trained" in texts
    # Each token has its facts, but for those that a picture's chip holds together.
    facts = [title for title in page.titles if title.startswith("token")]
    folded = int(row.row.rendering.media.stop[0] - row.row.rendering.media.start[0])
    assert len(facts) == len(row.mask().labels) - folded + 1
    kept = sum("· trained: " in title for title in facts)
    assert kept == row.mask().trained == int(np.count_nonzero(row.mask().labels != -100))
    for one in (session, session.rows, session.rows[2:4], row.mask(), row.trace, session.check(), session.recipe):
        shown(one)
    towers, step = session.anatomy(), session.memory(sequence=256)
    assert "24 of 33" in shown(towers).words
    assert towers.to_dict()["trained"]["hits"] == {"language": 24}
    assert (step.to_dict()["sequence"], step.to_dict()["total"]) == (256, step.total)
    assert "2 × 256 tokens" in "".join(shown(step).words)
    assert step.total < session.memory().total
    missing = "".join(shown(session.export()).words)
    assert "not proven" in missing
    assert "no overfit run of this recipe is recorded" in missing
    for one in (session, row, session.check()):
        assert one.html().startswith("<!doctype html>")


def test_rows_are_taken_as_python_takes_them(session: Session) -> None:
    rows = session.rows
    assert len(rows) == 8
    assert [row.index for row in rows[2:5]] == [row.index for row in rows[1:][1:4]] == [2, 3, 4]
    assert rows[-1].index == 7
    assert [row.index for row in rows[-2:]] == [6, 7]
    assert (len(rows[6:100]), len(rows[3:3])) == (2, 0)
    few = Session(session.bench, rows=3)
    assert len(few.rows) == 3
    assert few.check().to_dict()["summary"]["rows"] == 3
    for wrong in (8, 100, -9):
        with pytest.raises(InputError, match="no row"):
            _ = rows[wrong]
    with pytest.raises(InputError):
        _ = few.rows[3]
    with pytest.raises(InputError):
        _ = rows[::2]


def test_a_long_row_shows_a_window_and_says_so(session: Session, tmp_path: Path) -> None:
    long = {"messages": [{"role": "user", "content": "word " * 3000}, {"role": "assistant", "content": "fin."}]}
    (tmp_path / "shapes.jsonl").write_text(json.dumps(long) + "\n")
    session.bench.apply()
    row = session.rows[0]
    total = len(row.mask().labels)
    assert total > 3000
    for one in (row, row.mask(), row.trace, session):
        words = "".join(shown(one).words)
        assert f"tokens 0–2,000 of {total:,}: " in words
        assert "fin." not in words
        assert len(one._repr_mimebundle_()["text/html"]) < 600_000
        assert len(one.text().splitlines()) < 60
    end = shown(row.window(total - 10, total + 5))
    assert "fin." in "".join(end.words)
    assert f"tokens {total - 10:,}–{total:,} of {total:,}" in "".join(end.words)
    assert len([title for title in end.titles if title.startswith("token")]) == 10
    assert "fin." in row.window(total - 10, total).mask().text()
    with pytest.raises(InputError):
        row.window(5, 5)


def test_an_edit_is_followed_everywhere(session: Session) -> None:
    before = session.rows[0].mask().trained
    session.set("role_boundaries.0.start", "<|turn>assistant\n")
    assert session.rows[0].mask().trained == 0
    assert "M001" in {one.code for one in session.rows[0].check().findings}
    assert "<|turn>assistant" in session.recipe.diff
    shown(session.recipe)
    session.infer(rows=2).use()
    assert session.rows[0].mask().trained == before
    session.undo()
    session.undo()
    assert session.recipe.diff == ""
    # An edit that the mask alone does not follow is read anew.
    few = session.bench.recipe_dir / "few.jsonl"
    few.write_text((session.bench.recipe_dir / "shapes.jsonl").read_text("utf-8").splitlines()[3] + "\n", "utf-8")
    other = session.rows[3].mask().input_ids
    session.set("datasets.0.path", str(few))
    assert len(session.rows) == 1
    assert np.array_equal(session.rows[0].mask().input_ids, other)


def test_what_was_left_unsaved_is_not_lost(session: Session) -> None:
    def again() -> Session:
        return Session(Bench(Document.from_file(session.bench.document.path or "")).load())

    assert not session.recover()
    session.set("role_boundaries.0.start", "<|turn>assistant\n")
    # The kernel dies here.
    later, other = again(), again()
    assert later.recipe.diff == ""
    assert ".recover()" in later.text()
    assert ".recover()" in "".join(shown(later).words)
    assert later.recover()
    assert later.recipe.yaml == session.recipe.yaml
    assert (later.undo(), later.recover(), ".recover()" in later.text()) == (True, False, False)
    # An edit that does not take it up sets it aside.
    other.set("train_on_inputs", True)
    aside = list(other.editing.working_copy.folder.rglob("*-mine.yaml"))
    assert [file.read_text("utf-8") for file in aside] == [session.recipe.yaml]
    assert other.set("train_on_inputs", None).diff == ""


def test_fixes_are_made_and_taken_back(session: Session) -> None:
    session.set("sample_packing", True)
    checked = session.check()
    broken = [one.code for one in checked.findings if one.fix is not None]
    assert broken
    mended = checked.fix()
    assert mended.to_dict()["fixed"]
    assert not [one for one in mended.findings if one.code in broken]
    assert "fix" in "".join(shown(checked).words)
    shown(mended)
    assert session.undo()
    assert [one.code for one in session.check().findings if one.fix is not None] == broken


def test_problems_are_told_without_a_traceback(
    session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    with pytest.raises(BenchError) as raised:
        session.export(tmp_path / "full.yaml")
    told = "".join(raised.value._render_traceback_())
    assert "overfit: no overfit run of this recipe is recorded" in told
    assert not (tmp_path / "full.yaml").exists()
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_cell("from workbench.errors import InputError\nraise InputError('broken \\x1b[2J', 'because', 'do this')")
    assert capsys.readouterr().out == "✗ broken ␛[2J\nbecause\ndo this\n"
    with pytest.raises(InputError, match="recipe itself"):
        session.export(session.bench.document.path, unvalidated=True, force=True)
    session.editing.type("base_model: [")
    with pytest.raises(InputError):
        _ = session.bench
    assert "base_model: [" in shown(session.recipe).words


def test_a_run_is_shown_with_its_curve(session: Session) -> None:
    from workbench.notebook.results import Overfitted

    run_folder = record(session.bench).folder
    done = Overfitted(tuple(read(run_folder / EVENTS)), run_folder / EVENTS)
    assert done.outcome == "pass"
    page = shown(done)
    assert "pass: the model reproduces these rows after 12 steps" in "".join(page.words)
    assert "loss from 1.5 to 0.0104 nats per token in 12 steps" in page.words
    replayed = run("overfit", "--replay", str(run_folder), "--format", "json")
    assert done.to_dict() == json.loads(replayed.stdout)
    assert done.html() == run("overfit", "--replay", str(run_folder), "--format", "html").stdout
    exported = session.export()
    assert (exported.validated, exported.proven_by) == (False, "bench")
    page = shown(exported)
    assert "proven here; axolotl not asked" in page.words
    assert 'class="outcome doubtful"' in exported.html()
    assert exported.text().splitlines()[:2] == [session.bench.path.title, "proven here; axolotl not asked"]


def test_a_curve_keeps_what_matters_of_many_points() -> None:
    losses = [2.0] * 5000
    losses[1234], losses[4321], losses[7] = 9.0, 0.001, float("nan")
    drawn = curve(losses, 5000, 7.0)
    points = drawn.split('points="')[1].split('"')[0].split()
    assert len(points) <= 302
    heights = [float(point.split(",")[1]) for point in points]
    usual = max(set(heights), key=heights.count)
    assert (sum(height < usual for height in heights), sum(height > usual for height in heights)) == (1, 1)
    assert curve([], 10) == curve([float("inf")], 10) == ""
