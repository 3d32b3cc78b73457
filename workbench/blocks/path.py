"""The block path: many rows judged together, with what `check_row` would find in each.

A block is rendered and encoded at once and masked by one scan. Rows that no check can have anything to say about are
done with that; every other row is checked alone, by the reference. Pictures are not decoded: what the processor writes
for one follows from its size, which its header tells; some rows are processed in full, and must be the same. T002 and
T004 render the beginnings of a row again and are looked for in the first rows of each form, by their place in the data;
see `form_of`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.blocks import suspects
from workbench.blocks.facts import BlockFacts
from workbench.blocks.pictures import PictureTexts, in_full
from workbench.blocks.prompts import Form, LocatedPrompt, Written, locate_block, located_parts, with_pictures
from workbench.blocks.template_words import TemplateWords, template_words
from workbench.blocks.turns import can_be_located, locate_turns, ragged_turns, turn_tokens
from workbench.checks import handed_over, roles
from workbench.checks.report import cause
from workbench.checks.row_checks import ROW_CHECKS, check_row, in_order, in_parts_findings, unrendered_findings
from workbench.checks.template import form_of
from workbench.data.picture_header import NeedsDecoding, PictureHeader, headers_of, is_measured
from workbench.errors import BenchError
from workbench.findings import Emitter, Finding
from workbench.judged import JudgedRow, RowSize
from workbench.tokens.by_role import trained_by_role
from workbench.tokens.mask import scan_ragged
from workbench.tokens.render import Rendering, TextCall, media_runs
from workbench.tokens.turns_ragged import mask_ragged

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Masking, Row
    from workbench.tokens.mask import Mask
    from workbench.tokens.turns_ragged import RaggedTurns

IntArray = npt.NDArray[np.int64]
PROBED = 3
"""Rows of a form, the first in their order, whose beginnings are rendered again; see `form_of`."""
ALIKE = 10
"""By default, suspects of one structure that are checked alone in a block; where all have the same causes, the rest of
them are taken to have those."""
PROVED_EVERY = 500
"""One row of so many is also rendered and masked alone, and compared."""
PROVED_FIRST = 20
FORMS_KEPT = 2000
"""Forms of rows at most that are kept from block to block, with their words."""
NOT_COUNTED = Emitter("D021", __name__)
_LATER = (handed_over.lost_parts, roles.invented_headers)
"""Checks of rows that need not render which look at the rendering all the same."""
_GENERATION = re.compile(r"{%-?\s*generation\b")


@dataclass(frozen=True, slots=True)
class _PlainRow:
    """A row whose parts are texts and measured pictures, with what is found in it before it is rendered."""

    row: Row
    findings: tuple[Finding, ...]
    headers: list[tuple[int, PictureHeader]]
    """Of its pictures, each with its message."""


@dataclass(slots=True)
class _Structure:
    """The findings in the rows of one structure, checked alone, until enough of them are alike."""

    findings: tuple[Finding, ...] = ()
    rows: int = 0
    unlike: bool = False

    def settled(self, enough: int | None) -> bool:
        """True where other rows of this structure need not be checked: so many were, and all had the same causes."""
        return enough is not None and self.rows >= enough and not self.unlike

    def add(self, findings: tuple[Finding, ...]) -> None:
        """Take the findings of one more row."""
        if self.rows and list(map(cause, findings)) != list(map(cause, self.findings)):
            self.unlike = True
        self.findings = self.findings if self.rows else findings
        self.rows += 1


class Forms:
    """The forms of the rows so far, in their order: the first rows of each are probed for T002 and T004, and all of one
    in which something was found."""

    def __init__(self) -> None:
        self._rows: Counter[Any] = Counter()
        self._dirty: set[Any] = set()

    def take(self, form: Any) -> bool:
        """Take one more row of a form; true where it is to be probed."""
        self._rows[form] += 1
        return self._rows[form] <= PROBED or form in self._dirty

    def found(self, form: Any) -> None:
        """Something was found in a row of this form."""
        self._dirty.add(form)


@dataclass(frozen=True)
class JudgedBlock:
    """The results of a block's rows, without T002 and T004. `facts`: of those rows that were judged together."""

    results: list[JudgedRow]
    facts: BlockFacts | None = None
    _rendered: Callable[[BlockFacts, int], Row] | None = None

    @cached_property
    def _places(self) -> dict[int, int]:
        return {row.index: number for number, row in enumerate(self.facts.rows)} if self.facts is not None else {}

    def parts_of(self, row: Row) -> tuple[Finding, ...]:
        """T002 and T004 of one of the rows, which renders its beginnings again."""
        if self.facts is not None and self._rendered is not None and row.index in self._places:
            row = self._rendered(self.facts, self._places[row.index])
        return tuple(in_parts_findings(row))


@dataclass
class BlockPath:
    """Judges rows of one bench, a block at a time."""

    bench: Bench
    differs: str = ""
    """The reason why the block path was given up: what it made of a row is not what the row alone is."""
    proved: int = 0
    seen: Callable[[], None] = lambda: None
    """Called for each row that is checked alone, which takes long."""
    proved_pictures: int = 0
    """Rows with pictures that were processed in full, and compared."""
    uncounted: str = ""
    """The reason why rows with pictures are processed in full, where there is one."""
    alike: int | None = ALIKE
    """Suspects of one structure that are checked alone before the rest are taken to be like them; None for all."""
    _known: dict[Any, _Structure] = field(default_factory=dict)
    _written: dict[Form, Written] = field(default_factory=dict)
    """The words that the template writes around the texts of each form of row, from the blocks so far."""
    _forms: dict[Any, Any] = field(default_factory=dict)
    """The forms of results and the roles matched in them, by themselves: equal ones are kept once."""
    _since: int = field(default=PROVED_EVERY)
    _since_pictures: int = field(default=PROVED_EVERY)

    @property
    def reason(self) -> str:
        """The reason why rows of this bench must be checked one by one; "" where they need not."""
        return self._reason or one_by_one(self.bench.masking)

    @cached_property
    def _reason(self) -> str:
        bench = self.bench
        if not bench.path.shown:
            return f"there is no mask of these rows to check in blocks: {bench.path.title}"
        if not bench.renderer.is_fast:
            return "this tokenizer does not give the characters under its tokens"
        if _GENERATION.search(bench.template.text or bench.loaded.processor_template or ""):
            return "transformers' own assistant mask is compared row by row"
        if self._as_text and self._words is None:
            return "what the chat template looks for in the texts cannot be told"
        if missing := suspects.without_suspects(ROW_CHECKS):
            return f"these checks look at one row at a time: {', '.join(missing)}"
        return ""

    @property
    def _as_text(self) -> bool:
        """True on axolotl's text path, where a mask is made of the turns that are found in a row."""
        return self.bench.path.kind == "text"

    @cached_property
    def _words(self) -> TemplateWords | None:
        """On the text path, the words that the template looks for; None where they cannot be told."""
        if not self._as_text:
            return None
        text = self.bench.renderer.template or getattr(self.bench.renderer.tokenizer, "chat_template", None)
        return template_words(text) if isinstance(text, str) else None

    @cached_property
    def _call(self) -> TextCall | None:
        for text in ("Hello", "What is this?"):
            parts: Any = text if self._as_text else [{"type": "text", "text": text}]
            talk = [{"role": "user", "content": parts}, {"role": "assistant", "content": parts}]
            call = self.bench.renderer.text_call(talk)
            if call is not None:
                return call
        return None

    @cached_property
    def _texts(self) -> PictureTexts:
        return PictureTexts(self.bench.renderer)

    def begin(self, *, first: bool) -> None:
        """Forget the blocks before: what is found in the next one, and which of its rows are processed in full, depends
        on that block alone, whoever judged others. `first`: it is the first of its data set."""
        self.differs = self.uncounted = ""
        self.proved = self.proved_pictures = 0 if first else PROVED_FIRST
        self._since = self._since_pictures = PROVED_EVERY

    def judge(self, rows: Sequence[Row]) -> list[JudgedRow]:
        """The result of each row, in order. Never raises for what a row holds."""
        # What is checked alone is decided within a block: who judged which blocks before changes nothing.
        self._known.clear()
        self._written.clear()
        block = self.each(rows)
        forms = Forms()
        return [
            with_parts(result, block.parts_of(row), forms) if result.tokens >= 0 and forms.take(result.form) else result
            for row, result in zip(rows, block.results, strict=True)
        ]

    def each(self, rows: Sequence[Row]) -> JudgedBlock:
        """The findings that each row has by itself: all but T002 and T004, which are for some rows of a form."""
        if self.reason or self.differs or self._call is None:
            return JudgedBlock([self._alone(row) for row in rows])
        results, facts = self._judged(rows)
        return JudgedBlock(results, facts, self._rendered)

    def located(self, rows: Sequence[Row]) -> JudgedBlock:
        """A block for `parts_of` alone: rendered together, and not judged."""
        if self.reason or self.differs or self._call is None:
            return JudgedBlock([])
        facts = self._facts([plain for row in rows if (plain := self._plain(row)) is not None])
        return JudgedBlock([], facts, self._rendered)

    def sizes(self, rows: Sequence[Row]) -> tuple[dict[int, RowSize], list[JudgedRow]]:
        """The sizes, by index, of those rows that a check may have something to say about, which none is asked for;
        and the results of all other rows, as `each` has them."""
        sized: dict[int, RowSize] = {}
        if self.reason or self.differs or self._call is None:
            return sized, [self._alone(row) for row in rows]
        return sized, self._judged(rows, sized)[0]

    def trained(self, rows: Sequence[Row], masking: Masking) -> list[int]:
        """The trained tokens of each row under another masking of this bench; -1 where it has no rendering."""
        return [-1 if kept is None else int(np.count_nonzero(kept[0])) for kept in self.kept_under(rows, (masking,))]

    def kept_under(
        self, rows: Sequence[Row], maskings: Sequence[Masking]
    ) -> list[tuple[npt.NDArray[np.bool_], ...] | None]:
        """Per row, the tokens that each of some maskings of this bench trains; None where it has no rendering."""
        found: dict[int, tuple[npt.NDArray[np.bool_], ...]] = {}
        if not (self._reason or any(map(one_by_one, maskings)) or self.differs or self._call is None):
            facts = self._facts([plain for row in rows if (plain := self._plain(row)) is not None])
            if facts is not None:
                keeps = [_masked(facts.ids, facts.edges, facts.turns, masking)[0].keep for masking in maskings]
                edges = facts.edges.tolist()
                for number, row in enumerate(facts.rows):
                    if not (facts.pictures[number] and self.uncounted):
                        found[row.index] = tuple(keep[edges[number] : edges[number + 1]] for keep in keeps)
        return [
            found.get(row.index) or (None if row.error is not None else tuple(row.mask_under(m).keep for m in maskings))
            for row in rows
        ]

    def _judged(
        self, rows: Sequence[Row], sized: dict[int, RowSize] | None = None
    ) -> tuple[list[JudgedRow], BlockFacts | None]:
        """The results of rows. Suspects go into `sized` instead, if it is given."""
        originals = {row.index: row for row in rows}
        plain = [found for row in rows if (found := self._plain(row)) is not None]
        facts = self._facts(plain)
        by_index = self._together(facts, originals, sized) if facts is not None else {}
        left = sized or {}
        results = [by_index.get(row.index) or self._alone(row) for row in rows if row.index not in left]
        return results, facts if by_index else None

    def _plain(self, row: Row) -> _PlainRow | None:
        """The row with its findings so far and the headers of its pictures; None where it must be judged alone."""
        if row.raw.error is not None:
            return None
        if self._as_text:
            return _plain_turns(row)
        try:
            measured = row.measured()
        except (BenchError, NeedsDecoding):
            return None
        talk = measured.conversation
        if talk.tools or not talk.messages:
            return None
        for message in talk.messages:
            for part in message["content"]:
                if is_measured(part):
                    continue
                if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
                    return None
        headers = headers_of(talk.messages)
        if headers and self._no_pictures(len(headers)):
            return None
        findings = unrendered_findings(measured, without=_LATER)
        if any(finding.severity == "error" for finding in findings):
            return None
        return _PlainRow(measured, tuple(in_order(findings)), headers)

    def _no_pictures(self, count: int) -> bool:
        """True where a row with so many pictures is processed in full."""
        if not self.uncounted and (reason := self._texts.reason):
            self.uncounted = reason
        return bool(self.uncounted) or (count > 1 and not self._texts.together)

    def _expanded(self, plain: _PlainRow, talk: LocatedPrompt | None) -> LocatedPrompt | None:
        """The prompt with the texts of the row's pictures; None where one of them must be processed."""
        if talk is None or not plain.headers:
            return talk
        texts = [(message, self._texts.of(header)) for message, header in plain.headers]
        known = [(message, text) for message, text in texts if text is not None]
        return with_pictures(talk, self._texts.placeholder, known) if len(known) == len(texts) else None

    def _encoded(self, pairs: Sequence[tuple[_PlainRow, LocatedPrompt]]) -> list[Any]:
        """The encoding of each text, as the processor has it encoded with pictures and without."""
        assert self._call is not None
        encodings: list[Any] = [None] * len(pairs)
        for pictures in (False, True):
            mine = [number for number, (plain, _) in enumerate(pairs) if bool(plain.headers) == pictures]
            if not mine:
                continue
            special = self._texts.add_special_tokens if pictures else self._call.add_special_tokens
            texts = [pairs[number][1].text for number in mine]
            made = self.bench.renderer.encodings(texts, add_special_tokens=special)
            for number, encoding in zip(mine, made, strict=True):
                encodings[number] = encoding
        return encodings

    def _located(self, rows: Sequence[_PlainRow]) -> list[tuple[_PlainRow, LocatedPrompt]]:
        """Those of the rows whose every part is in its place, each with its prompt, pictures expanded."""
        talks = [row.row.conversation.messages for row in rows]
        if len(self._written) > FORMS_KEPT:
            self._written.clear()
        if self._words is not None:
            found = locate_turns(self.bench.renderer, talks, self._words, self._written)
        else:
            found = locate_block(self.bench.renderer, talks, self._written)
        if headers := [header for row in rows for _, header in row.headers]:
            self._texts.learn(headers)
        expanded = [self._expanded(row, talk) for row, talk in zip(rows, found, strict=True)]
        return [(row, talk) for row, talk in zip(rows, expanded, strict=True) if talk is not None]

    def _facts(self, rows: Sequence[_PlainRow]) -> BlockFacts | None:
        """The block of those rows whose every part is in its place; None where there is none."""
        pairs, bench = self._located(rows), self.bench
        if not pairs:
            return None
        encodings = self._encoded(pairs)
        soft = self._texts.soft_id if any(plain.headers for plain, _ in pairs) else -1
        tokens = [_tokens(encoding, talk, soft) for encoding, (_, talk) in zip(encodings, pairs, strict=True)]
        kept = [number for number, found in enumerate(tokens) if found is not None]
        if not kept:
            return None
        pairs, encodings = [pairs[number] for number in kept], [encodings[number] for number in kept]
        each, placed, of_turns = zip(*(found for found in tokens if found is not None), strict=True)
        edges = np.concatenate(([0], np.cumsum([len(ids) for ids in each], dtype=np.int64)))
        ids = np.concatenate(each)
        turns = None
        if self._as_text:
            talks = [plain.row.conversation.messages for plain, _ in pairs]
            turns = ragged_turns(talks, of_turns, skip_system=bench.turn_keys.skip_system)
        mask, fate = _masked(ids, edges, turns, bench.masking)
        counts = [len(talk.message) for _, talk in pairs]
        row_of = np.repeat(np.arange(len(pairs), dtype=np.int64), counts)
        flat = np.array([place for places in placed for place in places], dtype=np.int64).reshape(-1, 4)
        base = edges[row_of]
        message = np.array([number for _, talk in pairs for number in talk.message], dtype=np.int64)
        first, last = flat[:, 0] + base, flat[:, 1] + base
        shared = np.zeros(len(ids), dtype=bool)
        shared[first[flat[:, 2] > 0] - 1] = True
        shared[last[flat[:, 3] > 0]] = True
        return BlockFacts(
            bench,
            [plain.row for plain, _ in pairs],
            [talk for _, talk in pairs],
            encodings,
            ids,
            edges,
            mask,
            first,
            last,
            shared,
            row_of,
            message,
            [len(plain.headers) for plain, _ in pairs],
            [plain.findings for plain, _ in pairs],
            turns,
            fate,
        )

    def _together(
        self, facts: BlockFacts, originals: Mapping[int, Row], sized: dict[int, RowSize] | None
    ) -> dict[int, JudgedRow]:
        """The results of rows by index: clean ones, and suspects by the first rows of their structure.

        With `sized`, the suspects are only measured.
        """
        named = suspects.named(facts)
        suspicious: npt.NDArray[np.bool_] = np.any(named, axis=0)
        proof = self._prove(facts, suspicious, originals)
        if self.differs:
            return {}
        found: dict[int, JudgedRow] = {}
        lengths, trained = facts.lengths.tolist(), facts.trained.tolist()
        by_role = trained_by_role(facts.mask, facts.edges)
        for number, row in enumerate(facts.rows):
            if self.uncounted and facts.pictures[number]:
                continue
            form, matched = self._once(form_of(row.conversation.messages)), self._once(facts.matched[number])
            media, pictures = self._media(facts, number)
            size = (row.index, lengths[number], trained[number], media, pictures)
            before = facts.findings[number]
            result = JudgedRow(*size, before, form, alone=False, by_role=by_role[number], matched=matched)
            if suspicious[number] and sized is not None:
                sized[row.index] = RowSize(result.tokens, result.trained, result.pictures, result.media)
                continue
            if suspicious[number]:
                key = facts.structures[number]
                causes = tuple(map(cause, before))
                structure = self._known.setdefault((key, named[:, number].tobytes(), form, causes), _Structure())
                if key is None or not structure.settled(self.alike):
                    result = self._alone(self._rendered(facts, number))
                    structure.add(result.findings)
                else:
                    result = replace(result, findings=(), like=structure.findings)
            found[row.index] = result
        if proof is not None:
            row, finding = proof
            result = self._alone(row)
            found[row.index] = replace(result, findings=tuple(in_order([finding, *result.findings])))
            if sized is not None:
                sized.pop(row.index, None)
        return found

    def _media(self, facts: BlockFacts, number: int) -> tuple[int, int]:
        """The soft tokens of a row, and its pictures, as its rendering counts them."""
        if not facts.pictures[number]:
            return 0, 0
        runs = media_runs(facts.ids[facts.edges[number] : facts.edges[number + 1]], self.bench.renderer.media_kinds)
        return int(runs.soft.sum()), sum(name == "image" for name in runs.modality)

    def _rendered(self, facts: BlockFacts, number: int) -> Row:
        """A row of the block with the rendering that the block made of it."""
        row = facts.rows[number]
        if "rendering" not in row.__dict__:
            row.__dict__["rendering"] = self._rendering(facts, number)
            # What the block has found the row need not render again for.
            row.located = located_parts(facts.located[number], row.conversation.messages)
            if facts.turns is not None and (turns := facts.turns.found(number)) is not None:
                row.__dict__["turns"] = turns
        return row

    def _rendering(self, facts: BlockFacts, number: int) -> Rendering:
        renderer, talk = self.bench.renderer, facts.located[number]
        ids = facts.ids[facts.edges[number] : facts.edges[number + 1]]
        encoding, text = facts.encodings[number], talk.text
        if talk.times:
            text = in_full(text, self._texts.soft, talk.times)
            (encoding,) = renderer.encodings([text], add_special_tokens=self._texts.add_special_tokens)
        offsets = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
        runs = media_runs(ids, renderer.media_kinds)
        return Rendering(talk.prompt, text, ids, offsets, runs, renderer.vocabulary)

    def _prove(
        self, facts: BlockFacts, suspicious: npt.NDArray[np.bool_], originals: Mapping[int, Row]
    ) -> tuple[Row, Finding] | None:
        """Render some rows alone and compare: ids and labels, and that no more is found in what is called clean.

        The first row with pictures that differs is given with its finding; no picture is counted from then on.
        """
        for number, row in enumerate(facts.rows):
            pictures = facts.pictures[number] > 0
            if (pictures and self.uncounted) or not self._is_due(pictures):
                continue
            span = slice(int(facts.edges[number]), int(facts.edges[number + 1]))
            ids, labels = facts.ids[span], facts.mask.labels[span]
            # The row as it was read, whose pictures are decoded; never the one that was measured.
            alone = replace(originals[row.index])
            what = _difference(alone, ids, labels, None if suspicious[number] else facts.findings[number])
            if what and pictures:
                self.uncounted = f"row {row.index}: {what}"
                return alone, _not_counted(alone, what, len(ids))
            if what:
                self.differs = f"row {row.index}: {what}"
                return None
        return None

    def _is_due(self, pictures: bool) -> bool:
        """True where this row is one to prove, counted among those with pictures or without."""
        since = (self._since_pictures if pictures else self._since) + 1
        proved = self.proved_pictures if pictures else self.proved
        due = proved < PROVED_FIRST or since >= PROVED_EVERY
        if pictures:
            self._since_pictures, self.proved_pictures = 0 if due else since, proved + due
        else:
            self._since, self.proved = 0 if due else since, proved + due
        return due

    def _alone(self, row: Row) -> JudgedRow:
        """A row judged by the reference."""
        self.seen()
        result = judged_alone(row, check_row(row, in_parts=False))
        if result.tokens < 0:
            # A role may be a list then, which no template takes.
            return result
        return replace(result, form=self._once(result.form), matched=self._once(result.matched))

    def _once(self, value: Any) -> Any:
        """The first value equal to this one. Garbage collection goes through every tuple of a hundred thousand rows."""
        if len(self._forms) > FORMS_KEPT:
            self._forms.clear()
        return self._forms.setdefault(value, value)


def judged_alone(row: Row, found: Iterable[Finding]) -> JudgedRow:
    """The result of a row of which `check_row` without parts has found these."""
    findings = tuple(found)
    try:
        form = form_of(row.conversation.messages)
    except BenchError:
        return JudgedRow(row.index, -1, -1, -1, -1, findings, None, alone=True)
    if row.error is not None:
        return JudgedRow(row.index, -1, -1, -1, -1, findings, form, alone=True)
    spans = row.mask.spans
    matched = frozenset(spans.role(number) for number in range(len(spans)))
    runs = row.rendering.media
    pictures = sum(name == "image" for name in runs.modality)
    media = int(runs.soft.sum()) if len(runs) else 0
    (by_role,) = trained_by_role(row.mask)
    size, trained = len(row.rendering), row.mask.trained
    return JudgedRow(row.index, size, trained, media, pictures, findings, form, True, (), by_role, matched)


def one_by_one(masking: Masking) -> str:
    """The reason why rows of a masking are masked one by one; "" where they are not."""
    if masking.terminator_ids and masking.train_on_eos in ("none", "last"):
        return "turn ends inside of spans are masked row by row"
    return ""


def with_parts(result: JudgedRow, found: Sequence[Finding], forms: Forms | None = None) -> JudgedRow:
    """A result with T002 and T004 among its findings; `forms` learn of them."""
    if not found:
        return result
    if forms is not None:
        forms.found(result.form)
    return replace(result, findings=tuple(in_order([*result.findings, *found])))


def _masked(
    ids: IntArray, edges: IntArray, turns: RaggedTurns | None, masking: Masking
) -> tuple[Mask, npt.NDArray[np.uint8] | None]:
    """The mask of rows by their markers, or on the text path by their turns; there with what becomes of each."""
    if masking.text is None or turns is None:
        return scan_ragged(ids, edges, masking.boundaries, **masking.knobs), None
    return mask_ragged(ids, edges, turns, masking.text)


def _plain_turns(row: Row) -> _PlainRow | None:
    """A row of the text path with its findings so far; None where it must be judged alone."""
    try:
        talk = row.conversation
    except BenchError:
        return None
    if talk.tools or not can_be_located(talk.messages):
        return None
    findings = unrendered_findings(row, without=_LATER)
    if any(finding.severity == "error" for finding in findings):
        return None
    return _PlainRow(row, tuple(in_order(findings)), [])


_Tokens = tuple[IntArray, list[tuple[int, int, int, int]], list[tuple[int, int]]]


def _tokens(encoding: Any, talk: LocatedPrompt, soft: int) -> _Tokens | None:
    """The ids of a row, with each run of the pictures' token in full, and the places of its parts and turns among
    them; None where one of these cannot be told."""
    places, turns = _places(encoding, talk), turn_tokens(talk, encoding.offsets) if talk.turns else []
    if places is None or turns is None:
        return None
    ids = np.array(encoding.ids, dtype=np.int64)
    if not talk.times:
        return ids, places, turns
    runs = np.flatnonzero(ids == soft)
    if len(runs) != len(talk.times):
        return None
    times = np.ones(len(ids), dtype=np.int64)
    times[runs] = talk.times
    edges = np.concatenate(([0], np.cumsum(times))).tolist()
    placed = [(edges[first], edges[last], *shared) for first, last, *shared in places]
    return np.repeat(ids, times), placed, turns


def _places(encoding: Any, talk: LocatedPrompt) -> list[tuple[int, int, int, int]] | None:
    """The tokens [first, last) of each part; None where one of them cannot be told.

    A token that a part shares with its neighbour belongs to neither: the third and fourth number are 1 where one stands
    before the part or after it.
    """
    found: list[tuple[int, int, int, int]] = []
    length, count = len(talk.text), len(encoding)
    token_at, chars_of = encoding.char_to_token, encoding.token_to_chars
    for start, stop in zip(talk.start, talk.stop, strict=True):
        first = token_at(start)
        last = count if stop >= length else token_at(stop)
        if first is None or last is None:
            return None
        before = int(chars_of(first)[0] < start)
        after = int(stop < length and chars_of(last)[0] < stop)
        found.append((first + before, max(first + before, last), before, after))
    return found


def _difference(row: Row, ids: IntArray, labels: IntArray, clean: Sequence[Finding] | None) -> str:
    """The first thing in which a row alone is not what its block made of it; "" where there is none.

    `clean`: all that is found in a row that is not suspected of more.
    """
    if row.error is not None:
        return f"it is refused when it is processed alone: {row.error.message}"
    if not np.array_equal(row.rendering.input_ids, ids):
        return "its tokens are others when it is rendered alone"
    if not np.array_equal(row.mask.labels, labels):
        return "its labels are others when it is masked alone"
    if clean is not None:
        known = list(map(cause, clean))
        more = [finding for finding in check_row(row, in_parts=False) if cause(finding) not in known]
        if more:
            return f"{more[0].code} is found when it is checked alone"
    return ""


def _not_counted(row: Row, what: str, counted: int) -> Finding:
    """The finding for a row whose pictures are not what their sizes gave."""
    if row.error is None and len(row.rendering) != counted:
        what = f"{counted:,} tokens by the sizes of its pictures, {len(row.rendering):,} when they are processed"
    hint = "Trust the rows that were processed in full: those with pictures after it, in an audit those of its block."
    return NOT_COUNTED(
        "warning", f"pictures counted from their headers are not what the processor makes: {what}", hint, row.where
    )
