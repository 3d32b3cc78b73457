"""The boundary editor: the recipe's `role_boundaries` as text, and a row's mask that follows every keystroke.

It edits the session's own document, so undo is shared with the session. Only the lines of `role_boundaries` are shown;
the document's comments in them, and everything around them, stay as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from markupsafe import Markup

from workbench.checks.row_checks import row_findings
from workbench.errors import BenchError
from workbench.notebook.open_recipe import OpenRecipe
from workbench.views import html
from workbench.views.skeleton import draw, safe
from workbench.views.style import style

if TYPE_CHECKING:
    from workbench.editing.session import Editing
    from workbench.findings import Fix
    from workbench.recipe.yaml.document import Document
    from workbench.row import Row

KEY = "role_boundaries"
TOKENS = 1_000
"""The most tokens of the row that are drawn; each keystroke sends them again."""
_STYLE = """
.vlmbench.editor{padding:.6rem .8rem;border:1px solid var(--line);border-radius:6px}
.vlmbench.editor .tools{display:flex;gap:.3rem;align-items:center;margin-bottom:.4rem}
.vlmbench.editor .tool{min-width:2rem;padding:.1rem .5rem;border:1px solid var(--line);border-radius:4px;\
background:var(--panel);color:var(--ink);font:inherit;cursor:pointer}
.vlmbench.editor .which{min-width:4rem;text-align:center;color:var(--muted)}
.vlmbench.editor textarea{display:block;width:100%;resize:vertical;padding:.5rem .7rem;border:1px solid var(--line);\
border-radius:4px;background:var(--panel);color:var(--ink);font:13px/1.5 ui-monospace,Menlo,Consolas,monospace;\
white-space:pre;overflow:auto}
.vlmbench.editor.wrong textarea{border-color:var(--error)}
.vlmbench.editor.wrong .mask{opacity:.55}
.vlmbench.editor.wrong .status{cursor:pointer}
.vlmbench.editor .fix{margin:.15rem .5rem .15rem 0;padding:.1rem .5rem;border:1px solid var(--line);border-radius:4px;\
background:var(--panel);color:var(--ink);font:inherit;cursor:pointer}
.vlmbench.editor .tool:disabled{opacity:.4;cursor:default}
.vlmbench.editor .status{min-height:1.6rem;margin:.4rem 0}
"""


class BoundaryEditor(anywidget.AnyWidget):
    """A widget for Jupyter, VS Code and marimo. `text` is what is typed; `html`, `status` and the others follow it.

    `place` is the line and column of what is wrong, counted from 1 in `text`; [] where nothing is. `last` is the last
    row, -1 where their number is not known; `findings` are those of the row, as HTML, with a button for each fix.
    """

    _esm = Path(__file__).with_name("editor.js")
    _css = style() + _STYLE
    text = traitlets.Unicode().tag(sync=True)
    row = traitlets.Int(0, min=0).tag(sync=True)
    html = traitlets.Unicode().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    place = traitlets.List(traitlets.Int()).tag(sync=True)
    placeholder = traitlets.Unicode().tag(sync=True)
    last = traitlets.Int(-1).tag(sync=True)
    findings = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: OpenRecipe, *, row: int = 0) -> None:
        self._session = session
        self._before, self._after = "", ""
        self._drawn: int | None = None
        self._fixes: list[Fix] = []
        super().__init__(
            row=row, text=self._lines(), placeholder=f"{KEY}:\n  - role: assistant\n    start: …\n    end: …"
        )
        self.on_msg(self._asked)
        session.editors.add(self)
        self.refresh()

    @property
    def editing(self) -> Editing:
        """The recipe under edit."""
        return self._session.editing

    def refresh(self) -> None:
        """Show the document as it is now."""
        if self._before + self.text + self._after != self.editing.document.text:
            self.text = self._lines()
        self._draw()

    def _lines(self) -> str:
        """The lines of `role_boundaries`; what is before and after them is kept."""
        document = self.editing.document
        text = document.text
        if document.error is not None:
            # Undone into the middle of something typed: what is around it has not changed.
            if not (text.startswith(self._before) and text.endswith(self._after)):
                self._before, self._after = "", ""
        else:
            self._before, self._after = _around(document)
        return text[len(self._before) : len(text) - len(self._after)]

    @traitlets.observe("text")
    def _typed(self, change: Any) -> None:
        whole = self._before + self.text + self._after
        if whole != self.editing.document.text:
            self._session.edit(lambda editing: editing.type(whole))

    @traitlets.observe("row")
    def _moved(self, change: Any) -> None:
        self._draw()

    def _asked(self, widget: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        action, title = content.get("do"), content.get("title")
        if action in ("undo", "redo"):
            getattr(self._session, action)()
        elif action == "fix":
            # By its words: what is shown in the browser may be older than what is known here.
            fix = next((fix for fix in self._fixes if fix.described == title), None)
            if fix is not None:
                self._make(fix)

    def _make(self, fix: Fix) -> None:
        try:
            self._session.edit(lambda editing: editing.apply(fix))
        except BenchError as problem:
            self._say(problem)

    def _draw(self) -> None:
        try:
            bench = self._session.bench
        except BenchError as problem:
            # The mask of the last good text stays, of this row alone.
            if self._drawn != self.row:
                self._clear()
            self._say(problem)
            return
        try:
            self.last = self._last()
            if self.last >= 0 and self.row > self.last:
                # Observed, and so drawn.
                self.row = self.last
                return
            row = bench.row(self.row)
        except BenchError as problem:
            self._clear()
            self._say(problem)
            return
        self._drawn = row.index
        found = row_findings(row)
        self._fixes = [one.fix for one in found if one.fix is not None]
        self.findings = draw("editor_findings.jinja", found=found)
        if row.error is not None:
            self.html = ""
            self._say(BenchError(row.error.message, hint=row.error.hint))
            return
        self.html, self.status, self.place = self._mask(row), self._counts(row), []

    def _last(self) -> int:
        """The last of the rows that are looked at; -1 where only reading on would tell."""
        known = self._session.bench.rows.known_length
        ends = [end for end in (known, self._session.limit) if end is not None]
        return max(0, min(ends) - 1) if ends else -1

    def _clear(self) -> None:
        """Show nothing of a row that is not the one that is meant."""
        self._drawn, self._fixes = None, []
        self.html = self.findings = ""

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget; a notebook that is saved keeps what it showed when it was displayed, as HTML without script."""
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return data | {"text/html": self.still()}, metadata

    def still(self) -> str:
        """The editor as it is now, as HTML without script."""
        return html.fragment(
            draw(
                "editor.jinja",
                row=self.row,
                lines=[(None, line) for line in self.text.splitlines()],
                status=Markup(self.status),
                mask=Markup(self.html),
                findings=Markup(self.findings),
            )
        )

    def _mask(self, row: Row) -> str:
        change = self.editing.change(row)
        drawn = html.tokens(row, window=(0, TOKENS), more="the bench's rows show more", change=change)
        return f"{drawn}{html.boundaries(self._session.bench, [row])}"

    def _counts(self, row: Row) -> str:
        change = self.editing.change(row)
        added, removed = change.counts if change is not None else (0, 0)
        moved = f'<b class="yes">+{added}</b> <b class="no">−{removed}</b> trained · ' if added or removed else ""
        return f"{moved}{row.mask.trained:,} of {len(row.rendering):,} tokens trained"

    def _say(self, problem: BenchError) -> None:
        where = problem.where
        line = where.line - self._before.count("\n") if where.line is not None else 0
        self.place = [line, where.column or 1] if line > 0 else []
        at = f"line {line}, column {where.column or 1}: " if line > 0 else ""
        # A cause may quote the line by its number in the whole recipe.
        cause = problem.cause.replace(f"(line {where.line}", f"(line {line}") if line > 0 else problem.cause
        more = " · ".join(safe(text) for text in (cause, problem.hint) if text)
        self.status = f'<b class="no">✗ {at}{safe(problem.title)}</b> <span class="muted">{more}</span>'


def _around(document: Document) -> tuple[str, str]:
    """The text before and after the lines of `role_boundaries`; where there are none, they would come last."""
    parsed, text = document.parsed, document.text
    mark = len(text) - len(parsed.text)
    index = parsed.root.index(KEY) if parsed.root is not None and parsed.root.kind == "map" else None
    if index is None or parsed.root is None:
        return (text, "") if not text or text.endswith("\n") else ("", "")
    key, value = parsed.root.value[index]
    if parsed.place(key.start)[1] != 1:
        return "", ""
    end = parsed.text.find("\n", value.end)
    end = len(parsed.text) if end < 0 else end + 1
    return text[: mark + key.start], text[mark + end :]
