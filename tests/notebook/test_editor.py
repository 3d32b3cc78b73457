"""The boundary editor: its Python side through traitlets, its browser side in a browser, and both together."""

from __future__ import annotations

import html
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import workbench.notebook
from tests.support.browser import Answer, dump, needs_browser, site
from workbench.errors import EnvironmentProblem
from workbench.notebook import Session
from workbench.notebook.editor import BoundaryEditor

GOOD = "<|turn>model"
WRONG = "<|turn>assistant"


def test_what_is_typed_is_the_recipes_and_the_mask_follows(session: Session) -> None:
    whole = session.recipe.yaml
    editor = session.editor()
    assert editor.text.startswith("role_boundaries:\n  - role: assistant\n")
    assert editor.text.endswith('end: "<turn|>"\n')
    assert whole.count(editor.text) == 1
    assert editor.place == []
    trained = session.rows[0].mask().trained
    assert editor.status == f"{trained} of {len(session.rows[0].mask().labels)} tokens trained"
    drawn, good = editor.html, editor.text
    assert drawn.count('class="t k3"') > 5

    editor.text = good.replace(GOOD, WRONG)
    assert session.recipe.yaml == whole.replace(GOOD, WRONG)
    assert f"−{trained}</b> trained · 0 of" in editor.status
    assert editor.html != drawn
    assert 'class="t k3"' not in editor.html
    assert editor.html.count(" rem") == trained

    # What is wrong is told by its place in these lines; the mask stays that of the last good text.
    kept = editor.html
    editor.text = good + "  - role: [user]\n    start: x\n"
    assert editor.place[0] == good.count("\n") + 1
    assert f"line {editor.place[0]}, column {editor.place[1]}" in editor.status
    editor.text = good.replace("  - role: user", "  - role: {user")
    assert f"line {editor.place[0]}" in editor.status
    assert editor.html == kept
    assert session.recipe.yaml == whole.replace("  - role: user", "  - role: {user")

    editor.text = good + "  # mine\n"
    assert (editor.place, editor.html) == ([], drawn)
    assert session.recipe.yaml.count("# mine") == 1


def test_there_is_one_history(session: Session) -> None:
    editor, other = session.editor(), session.editor(row=3)
    good, whole = editor.text, session.recipe.yaml
    editor.text = good.replace(GOOD, WRONG)
    session.set("role_boundaries.1.start", "<|turn>human\n")
    assert "<|turn>human" in editor.text
    editor._handle_custom_msg({"do": "undo"}, [])
    assert (editor.text, other._before) == (good.replace(GOOD, WRONG), editor._before)
    assert session.undo()
    assert (editor.text, session.recipe.yaml) == (good, whole)
    editor._handle_custom_msg({"do": "redo"}, [])
    assert editor.text == good.replace(GOOD, WRONG)
    # Messages that are none are nothing to it.
    for strange in ({"do": "save"}, {"do": ["undo"]}, "undo", None):
        editor._handle_custom_msg(strange, [])
    assert editor.text == other.text == good.replace(GOOD, WRONG)
    # Undone into the middle of something that does not parse, and out of it again.
    editor.text = "role_boundaries: ["
    editor.editing._typed = 0.0
    editor.text = "role_boundaries: [x"
    session.undo()
    assert editor.text == "role_boundaries: ["
    assert editor.place != []
    session.undo()
    session.undo()
    assert (editor.text, session.recipe.yaml, editor.place) == (good, whole, [])


def test_rows_and_recipes_without_any(session: Session) -> None:
    editor = session.editor(row=2)
    assert "tokens trained" in editor.status
    # It stops at the last row.
    editor.row = 99
    assert (editor.row, editor.last) == (7, 7)
    editor.row = 1
    assert f"{session.rows[1].mask().trained} of" in editor.status
    session.set("role_boundaries.0.start", "<script>alert(1)</script>")
    assert "<script" not in editor.html + editor.status
    whole = session.recipe.yaml.replace(editor.text, "")
    session.edit(lambda editing: editing.type(whole))
    assert editor.text == ""
    assert "everything is trained" in editor.html
    editor.text = f"role_boundaries:\n  - role: assistant\n    start: {json.dumps(GOOD)}\n    end: eos_token\n"
    assert session.recipe.yaml == whole + editor.text
    assert session.bench.recipe.role_boundaries is not None


def test_a_row_that_cannot_be_shown_has_no_mask(session: Session) -> None:
    rows = session.bench.recipe_dir / "shapes.jsonl"
    lines = rows.read_text("utf-8").splitlines()
    lines[1] = json.dumps({"messages": [{"role": "user", "content": [{"type": "image", "path": "no.png"}]}]})
    rows.write_text("\n".join(lines) + "\n", "utf-8")
    session.bench.apply()
    editor = session.editor()
    drawn, good = editor.html, editor.text
    assert drawn
    editor.row = 1
    assert (editor.html, "✗" in editor.status) == ("", True)
    assert "D005" in editor.findings
    editor.row = 0
    assert editor.html == drawn
    # A text that is wrong keeps the mask of this row; of another row nothing is shown under it.
    editor.text = good + "  - role: [user]\n"
    assert editor.html == drawn
    editor.row = 2
    assert (editor.html, editor.findings) == ("", "")
    editor.text = good
    assert editor.html
    assert editor.place == []


def test_findings_are_shown_and_fixed(session: Session) -> None:
    editor = session.editor()
    good = editor.text
    assert editor.findings == ""
    editor.text = good.replace(GOOD, WRONG)
    assert "M002" in editor.findings
    (title,) = set(re.findall(r'data-fix="([^"]*)"', editor.findings))
    editor._handle_custom_msg({"do": "fix", "title": "another"}, [])
    assert editor.text == good.replace(GOOD, WRONG)
    editor._handle_custom_msg({"do": "fix", "title": html.unescape(title)}, [])
    assert editor.findings == ""
    assert f"{session.rows[0].mask().trained} of" in editor.status
    assert editor.text.count(GOOD) >= 1
    editor._handle_custom_msg({"do": "undo"}, [])
    assert editor.text == good.replace(GOOD, WRONG)


def test_a_saved_notebook_keeps_what_was_shown(session: Session) -> None:
    editor = session.editor(row=1)
    data, _ = editor._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    kept = data["text/html"]
    assert "<script" not in kept
    assert "<textarea" not in kept
    assert editor.html in kept
    assert "role: assistant" in kept
    assert "on row 1" in kept


def test_it_says_when_anywidget_is_missing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "workbench.notebook.editor")
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(EnvironmentProblem) as raised:
        session.editor()
    assert "pip install anywidget" in raised.value.hint


# A stand-in for the notebook's side: it keeps the traits, and hands changes to the real widget over the wire.
PAGE = """<!doctype html><meta charset="utf-8"><style>%s</style><div id="here"></div>
<script type="module">
import editor from "/editor.js";
const traits = %s, listeners = {}, log = [];
const tell = async (message) => {
  const answer = await (await fetch("/", {method: "POST", body: JSON.stringify(message)})).json();
  for (const [name, value] of Object.entries(answer)) {
    if (JSON.stringify(traits[name]) === JSON.stringify(value)) continue;
    traits[name] = value;
    (listeners["change:" + name] || []).forEach((one) => one());
  }
};
let changed = {};
const model = {
  get: (name) => traits[name],
  set: (name, value) => {
    traits[name] = changed[name] = value;
    (listeners["change:" + name] || []).forEach((one) => one());
  },
  save_changes: () => { log.push(Object.keys(changed)); const sent = changed; changed = {}; return tell(sent); },
  send: (content) => tell({message: content}),
  on: (name, one) => { (listeners[name] ||= []).push(one); },
  off: (name, one) => { listeners[name] = (listeners[name] || []).filter((other) => other !== one); },
};
const here = document.querySelector("#here");
const stop = editor.render({model, el: here});
const area = here.querySelector("textarea");
const seen = {};
const look = (name) => { seen[name] = {text: area.value, wrong: here.firstChild.classList.contains("wrong"),
  status: here.querySelector(".status").textContent, trained: here.querySelectorAll(".mask .k3").length,
  removed: here.querySelectorAll(".mask .rem").length, fixes: here.querySelectorAll(".found .fix").length,
  ends: [...here.querySelectorAll(".tool")].slice(2).map((one) => one.disabled),
  row: here.querySelector(".which").textContent}; };
const wait = (time) => new Promise((done) => setTimeout(done, time));
const type = (text) => { area.value = text; area.dispatchEvent(new Event("input", {bubbles: true})); };
const press = (key, more = {}) => area.dispatchEvent(
  new KeyboardEvent("keydown", {key, ctrlKey: true, bubbles: true, cancelable: true, ...more}));
const good = area.value;
look("opened");
for (const letter of "abc") type(good.replace("model", "model" + letter));
type(good.replace("model", "assistant"));
await wait(400); look("typed");
type(good + "  - role: {user");
await wait(400); look("broken");
here.querySelector(".status").click();
seen.cursor = area.selectionStart;
press("z"); await wait(400); look("undone");
press("y"); await wait(400); look("redone");
press("z"); await wait(400);
here.querySelector("[title='The row after']").click();
await wait(400); look("moved");
type(good.replace("model", "assistant"));
await wait(400); look("again");
here.querySelector(".found .fix").click();
await wait(400); look("fixed");
model.set("row", 7); model.save_changes();
await wait(400); look("last");
here.querySelector("[title='The row after']").click();
await wait(200); look("beyond");
stop();
seen.log = log; seen.left = Object.values(listeners).flat().length;
const told = document.createElement("pre");
told.id = "told"; told.textContent = JSON.stringify(seen); document.body.append(told);
</script>"""


@needs_browser
def test_typing_in_a_browser_changes_the_mask_below(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the browser is, what is typed here is one step to undo.
    monkeypatch.setattr("workbench.editing.session._PAUSE_SECONDS", 1e9)
    editor = session.editor()
    names = ("text", "row", "html", "status", "place", "placeholder", "last", "findings")

    def posted(body: bytes) -> Answer:
        sent: dict[str, Any] = json.loads(body)
        if "message" in sent:
            editor._handle_custom_msg(sent["message"], [])
        for name, value in sent.items():
            if name in names:
                setattr(editor, name, value)
        return "application/json", json.dumps({name: getattr(editor, name) for name in names}).encode()

    traits = json.dumps({name: getattr(editor, name) for name in names}).replace("<", "\\u003c")
    good = editor.text
    row = session.rows[0].mask()
    with site() as here:
        here.files["/editor.js"] = (
            "text/javascript",
            Path(workbench.notebook.__file__).with_name("editor.js").read_bytes(),
        )
        here.files["/"] = ("text/html; charset=utf-8", (PAGE % (BoundaryEditor._css, traits)).encode())
        here.posted = posted
        drawn = dump(here, "/", tmp_path / "profile", milliseconds=12000)
    told = re.search(r'<pre id="told">(.*)</pre>', drawn, re.DOTALL)
    assert told is not None, drawn[-2000:]
    seen = json.loads(html.unescape(told[1]))
    assert seen["opened"]["text"] == good
    assert seen["opened"]["trained"] > 5
    typed = seen["typed"]
    assert (typed["trained"], typed["removed"]) == (0, row.trained)
    assert f"+0 −{row.trained} trained" in typed["status"]
    broken = seen["broken"]
    assert broken["wrong"]
    assert re.search(r"✗ line \d+, column \d+: ", broken["status"])
    assert broken["removed"] == row.trained
    assert 0 < seen["cursor"] <= len(good) + 20
    # The browser's keys undo what the recipe's history has, in the steps of the recipe's history.
    assert seen["undone"]["text"] == good
    assert (seen["undone"]["wrong"], seen["undone"]["trained"]) == (False, seen["opened"]["trained"])
    assert seen["redone"]["text"] == good + "  - role: {user"
    assert (seen["opened"]["row"], seen["opened"]["ends"]) == ("row 0 of 0–7", [True, False])
    assert (seen["moved"]["row"], seen["moved"]["ends"]) == ("row 1 of 0–7", [False, False])
    # A finding has its fix as a button.
    assert (seen["moved"]["fixes"], seen["again"]["fixes"], seen["fixed"]["fixes"]) == (0, 1, 0)
    assert seen["again"]["trained"] == 0 < seen["fixed"]["trained"]
    assert seen["last"]["row"] == seen["beyond"]["row"] == "row 7 of 0–7"
    assert seen["last"]["ends"] == [False, True]
    assert f"{session.rows[1].mask().trained} of" in seen["moved"]["status"]
    # Fast typing is sent once, and nothing listens after the end.
    assert seen["log"][0] == ["text"]
    assert len([one for one in seen["log"] if one == ["text"]]) == 3
    assert seen["left"] == 0
