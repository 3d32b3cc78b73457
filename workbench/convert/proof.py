"""The proof that converted rows are what a model's recipe trains: checked, whole, and with every picture.

Each row goes the bench's own way, from its messages to its tokens: the row's checks find no error, the trace finds the
text of every part whole in the rendering, and every part that is a medium has tokens of its own.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.checks.row_checks import check_row
from workbench.convert.talk import Refused
from workbench.data.row_notes import LOST_TEXT
from workbench.data.rows import RawRow
from workbench.errors import InputError, Where
from workbench.row import NOT_RENDERED, Row
from workbench.tokens.trace import Owner

if TYPE_CHECKING:
    from workbench.bench import Bench

_NOT_PROVEN = "Not proven: "


class RowProof:
    """The proof of rows, one after the other, with a loaded bench. `rows` counts those that it holds for.

    `findings` counts the warnings and notes of proven rows by code, severity and message of the first.
    """

    def __init__(self, bench: Bench, out: Path) -> None:
        """Raises InputError where the bench does not follow the recipe's path, so that nothing can be proven."""
        if not bench.path.shown:
            raise InputError(
                "The rows cannot be proven for this recipe",
                f"It is {bench.path.title}; converted rows are conversations.",
                "Leave --config out to convert the shape alone, or give --model.",
                Where(bench.document.name),
            )
        self.bench = bench
        self.rows = 0
        self.media = 0
        self.tokens = 0
        self.findings: Counter[tuple[str, str]] = Counter()
        self.first: dict[tuple[str, str], str] = {}
        self._out = out

    @property
    def by(self) -> str:
        """The model and path that the rows were proven for."""
        return f"{self.bench.title} ({self.bench.path.kind} path)"

    def prove(self, index: int, data: dict[str, Any]) -> None:
        """Prove one converted row. Raises Refused, with the finding or what is missing."""
        raw = RawRow(index, data, None, self._out.name, index + 1, self._out.parent)
        row = Row(self.bench, index, raw)
        found = check_row(row)
        wrong = [one for one in found if one.severity == "error"]
        if not wrong and (lost := self._lost(row)):
            # Text that is moved, or stands in another's turn, is there all the same.
            wrong = [one for one in found if one.code == LOST_TEXT.code]
            if not wrong:
                raise Refused(f"{_NOT_PROVEN}a text is not whole in the rendering", lost)
        if wrong:
            # What the processor raises is often the consequence of another finding.
            cause = next((finding for finding in wrong if finding.code != NOT_RENDERED.code), wrong[0])
            raise Refused(f"{_NOT_PROVEN}{cause.code}", cause.message, cause.hint)
        media = self._media(row)
        for finding in found:
            kind = (finding.code, finding.severity)
            self.findings[kind] += 1
            self.first.setdefault(kind, finding.message)
        self.rows += 1
        self.media += media
        self.tokens += len(row.rendering)

    def _lost(self, row: Row) -> str:
        """The first text part of which characters, but for white space at its edges, are not in the rendering."""
        trace = row.trace
        kept: Counter[tuple[int, int]] = Counter()
        for place in trace.places:
            if not place.media:
                kept[place.message, place.part] += place.stop - place.start
        for number, message in enumerate(row.conversation.messages):
            content = message["content"]
            for part, item in enumerate(content if isinstance(content, list) else [{"type": "text", "text": content}]):
                text = item.get("text") if item.get("type") == "text" else None
                if isinstance(text, str) and kept[number, part] < len(text.strip()):
                    return f"{kept[number, part]} of {len(text.strip())} characters of message {number}"
        return ""

    def _media(self, row: Row) -> int:
        """The number of media of a row; each has its tokens in the rendering."""
        if self.bench.path.kind == "text":
            parts = [part for message in row.raw_messages for part in message["content"] if part["type"] != "text"]
            if parts:
                raise Refused(f"{_NOT_PROVEN}the text path gives the model no media", f"{len(parts)} in the row")
            return 0
        wanted = {
            (number, part): str(item["type"])
            for number, message in enumerate(row.conversation.messages)
            for part, item in enumerate(message["content"])
            if item["type"] != "text"
        }
        trace = row.trace
        own = trace.kind == Owner.MEDIA
        shown = set(zip(trace.message[own].tolist(), trace.part[own].tolist(), strict=True))
        if shown == wanted.keys():
            return len(wanted)
        # Tokens of pictures that stand side by side are one run: the template's placeholders tell them apart.
        for kind, count in Counter(wanted.values()).items():
            written = [row.rendering.prompt.count(token) for token in self._placeholders(kind)]
            if count not in written or not own.any():
                detail = f"{count} of the kind {kind} in the messages, {max(written, default=0)} in the rendering"
                raise Refused(f"{_NOT_PROVEN}media of the messages and of the rendering do not agree", detail)
        return len(wanted)

    def _placeholders(self, kind: str) -> set[str]:
        """The tokens that may stand for a medium of a kind in the template's text."""
        renderer = self.bench.renderer
        found = {renderer.vocabulary.text(token) for token, of in renderer.media_kinds.items() if of.startswith(kind)}
        found.add(str(getattr(renderer.processor, f"{kind}_token", "")))
        return found - {""}
