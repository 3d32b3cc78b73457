"""The block path: many rows judged together, with what `check_row` would find in each.

A block is rendered and encoded at once and masked by one scan. Rows that no check can have anything to say about are
done with that; every other row is checked alone, by the reference. T002 and T004 render the beginnings of a row again
and are looked for in the first rows of each form, by their place in the data; see `Forms`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.blocks import suspects
from workbench.blocks.facts import BlockFacts
from workbench.blocks.prompts import LocatedPrompt, locate_block
from workbench.checks.registry import run
from workbench.checks.row_checks import ROW_CHECKS, UNRENDERED_CHECKS, check_row, in_order, in_parts_findings
from workbench.checks.run import cause
from workbench.checks.template import form_of
from workbench.errors import BenchError
from workbench.findings import Finding
from workbench.tokens.mask import scan_ragged
from workbench.tokens.render import Rendering, TextCall, media_runs

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row

IntArray = npt.NDArray[np.int64]
PROBED = 3
"""Rows of a form, the first of a block, whose beginnings are rendered again; of a form is told in `form_of`."""
ALIKE = 10
"""By default, suspects of one structure that are checked alone; where all have the same causes, the rest are taken to
have them."""
PROVED_EVERY = 500
"""One row of so many is also rendered and masked alone, and compared."""
PROVED_FIRST = 20
_GENERATION = re.compile(r"{%-?\s*generation\b")


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """One row of a data set, judged: its size, what of it is trained, and its findings.

    `tokens`, `trained`, `media` count tokens, -1 where the row has no rendering; `pictures` counts pictures. `form` is
    the form that T002 and T004 are looked for by; None where the row has no conversation.
    """

    index: int
    tokens: int
    trained: int
    media: int
    pictures: int
    findings: tuple[Finding, ...]
    form: tuple[Any, ...] | None
    alone: bool
    """True where the row was checked alone."""
    like: tuple[Finding, ...] = ()
    """The findings of another row of the same structure, which this one has as well: the numbers and excerpts in them
    are the other row's."""


@dataclass(slots=True)
class _Structure:
    """What was found in the rows of one structure, checked alone, until enough of them are alike."""

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


@dataclass(slots=True)
class _Form:
    """The rows of one form so far; `dirty`: beginnings of one of them render otherwise."""

    rows: int = 0
    dirty: bool = False


@dataclass
class BlockPath:
    """Judges rows of one bench, a block at a time."""

    bench: Bench
    differs: str = ""
    """The reason why the block path was given up: what it made of a row is not what the row alone is."""
    proved: int = 0
    alike: int | None = ALIKE
    """Suspects of one structure that are checked alone before the rest are taken to be like them; None for all."""
    matched: set[str] = field(default_factory=set)
    """The roles whose markers were found in rows so far."""
    forms: dict[Any, _Form] | None = None
    """A dictionary where blocks come in the order of the rows: then the first rows of a form are those of all blocks,
    and the size of a block changes nothing. None where blocks come in any order."""
    _known: dict[Any, _Structure] = field(default_factory=dict)
    _since: int = field(default=PROVED_EVERY)

    @cached_property
    def reason(self) -> str:
        """The reason why rows of this bench must be checked one by one; "" where they need not."""
        bench = self.bench
        if bench.path.kind != "multimodal":
            return f"blocks are for the multimodal path, and the recipe takes the {bench.path.kind} path"
        if not bench.renderer.is_fast:
            return "this tokenizer does not give the characters under its tokens"
        if bench.masking.terminator_ids and bench.masking.train_on_eos in ("none", "last"):
            return "turn ends inside of spans are masked row by row"
        if _GENERATION.search(bench.template.text or bench.loaded.processor_template or ""):
            return "transformers' own assistant mask is compared row by row"
        if missing := suspects.without_suspects(ROW_CHECKS):
            return f"these checks look at one row at a time: {', '.join(missing)}"
        return ""

    @cached_property
    def _call(self) -> TextCall | None:
        for text in ("Hello", "What is this?"):
            parts = [{"type": "text", "text": text}]
            talk = [{"role": "user", "content": parts}, {"role": "assistant", "content": parts}]
            call = self.bench.renderer.text_call(talk)
            if call is not None:
                return call
        return None

    def judge(self, rows: Sequence[Row]) -> list[JudgedRow]:
        """The result of each row, in order. Never raises for what a row holds."""
        results = self._judged(rows)
        self._in_parts(rows, results)
        return results

    def _judged(self, rows: Sequence[Row]) -> list[JudgedRow]:
        if self.reason or self.differs or self._call is None:
            return [self._alone(row) for row in rows]
        plain = [row for row in rows if _is_plain(row)]
        facts = self._facts(plain)
        by_index = self._together(facts) if facts is not None else {}
        return [by_index.get(row.index) or self._alone(row) for row in rows]

    def _in_parts(self, rows: Sequence[Row], results: list[JudgedRow]) -> None:
        """Add T002 and T004: of the first rows of each form; of all its rows where one of them has a finding."""
        forms = {} if self.forms is None else self.forms
        for number, result in enumerate(results):
            if result.tokens < 0:
                continue
            form = forms.setdefault(result.form, _Form())
            form.rows += 1
            if form.rows > PROBED and not form.dirty:
                continue
            if found := in_parts_findings(rows[number]):
                form.dirty = True
                findings = tuple(in_order([*result.findings, *found]))
                results[number] = replace(result, findings=findings)

    def _facts(self, rows: Sequence[Row]) -> BlockFacts | None:
        """The block of those rows whose every part is in its place; None where there is none."""
        bench = self.bench
        located = locate_block(bench.renderer, [row.conversation.messages for row in rows])
        pairs = [(row, talk) for row, talk in zip(rows, located, strict=True) if talk is not None]
        if not pairs or self._call is None:
            return None
        prompts = [talk.prompt for _, talk in pairs]
        encodings = bench.renderer.encodings(prompts, add_special_tokens=self._call.add_special_tokens)
        placed = [_places(encoding, talk) for encoding, (_, talk) in zip(encodings, pairs, strict=True)]
        if any(place is None for place in placed):
            kept = [number for number, place in enumerate(placed) if place is not None]
            pairs = [pairs[number] for number in kept]
            encodings = [encodings[number] for number in kept]
            placed = [placed[number] for number in kept]
        if not pairs:
            return None
        each = [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]
        edges = np.concatenate(([0], np.cumsum([len(ids) for ids in each], dtype=np.int64)))
        ids = np.concatenate(each)
        masking = bench.masking
        mask = scan_ragged(
            ids,
            edges,
            masking.boundaries,
            roles_to_train=masking.roles_to_train,
            train_on_eos=masking.train_on_eos,
            train_on_inputs=masking.train_on_inputs,
            pad_id=masking.pad_id,
            media_ids=masking.media_ids,
        )
        self.matched.update(mask.spans.roles[number] for number in np.unique(mask.spans.boundary).tolist())
        counts = [len(talk.message) for _, talk in pairs]
        row_of = np.repeat(np.arange(len(pairs), dtype=np.int64), counts)
        flat = np.array([place for places in placed for place in places or ()], dtype=np.int64).reshape(-1, 4)
        base = edges[row_of]
        message = np.array([number for _, talk in pairs for number in talk.message], dtype=np.int64)
        first, last = flat[:, 0] + base, flat[:, 1] + base
        shared = np.zeros(len(ids), dtype=bool)
        shared[first[flat[:, 2] > 0] - 1] = True
        shared[last[flat[:, 3] > 0]] = True
        rows, talks = zip(*pairs, strict=True)
        return BlockFacts(bench, rows, talks, encodings, ids, edges, mask, first, last, shared, row_of, message)

    def _together(self, facts: BlockFacts) -> dict[int, JudgedRow]:
        """The results of rows by index: clean ones, and suspects by the first rows of their structure."""
        named = suspects.named(facts)
        suspicious: npt.NDArray[np.bool_] = np.any(named, axis=0)
        self._prove(facts, suspicious)
        if self.differs:
            return {}
        media = self._media_counts(facts)
        found: dict[int, JudgedRow] = {}
        lengths, trained = facts.lengths.tolist(), facts.trained.tolist()
        for number, row in enumerate(facts.rows):
            form = form_of(row.conversation.messages)
            result = JudgedRow(row.index, lengths[number], trained[number], media[number], 0, (), form, alone=False)
            if suspicious[number]:
                key = facts.structures[number]
                structure = self._known.setdefault((key, named[:, number].tobytes(), form), _Structure())
                if key is None or not structure.settled(self.alike):
                    row.__dict__["rendering"] = self._rendering(facts, number)
                    result = self._alone(row)
                    structure.add(result.findings)
                else:
                    result = replace(result, like=structure.findings)
            found[row.index] = result
        return found

    def _media_counts(self, facts: BlockFacts) -> list[int]:
        kinds = list(self.bench.renderer.media_kinds)
        if not kinds:
            return [0] * len(facts)
        total = np.concatenate(([0], np.cumsum(np.isin(facts.ids, kinds))))
        counts: list[int] = (total[facts.edges[1:]] - total[facts.edges[:-1]]).tolist()
        return counts

    def _rendering(self, facts: BlockFacts, number: int) -> Rendering:
        renderer, talk = self.bench.renderer, facts.located[number]
        ids = facts.ids[facts.edges[number] : facts.edges[number + 1]]
        offsets = np.array(facts.encodings[number].offsets, dtype=np.int32).reshape(-1, 2)
        runs = media_runs(ids, renderer.media_kinds)
        return Rendering(talk.prompt, talk.prompt, ids, offsets, runs, renderer.vocabulary)

    def _prove(self, facts: BlockFacts, suspicious: npt.NDArray[np.bool_]) -> None:
        """Render some rows alone and compare: ids and labels, and that nothing is found in what is called clean."""
        for number, row in enumerate(facts.rows):
            self._since += 1
            if self.proved >= PROVED_FIRST and self._since < PROVED_EVERY:
                continue
            self._since = 0
            self.proved += 1
            span = slice(int(facts.edges[number]), int(facts.edges[number + 1]))
            what = _difference(row, facts.ids[span], facts.mask.labels[span], clean=not suspicious[number])
            if what:
                self.differs = f"row {row.index}: {what}"
                return

    def _alone(self, row: Row) -> JudgedRow:
        """A row judged by the reference."""
        findings = tuple(check_row(row, in_parts=False))
        try:
            form = form_of(row.conversation.messages)
        except BenchError:
            return JudgedRow(row.index, -1, -1, -1, -1, findings, None, alone=True)
        if row.error is not None:
            return JudgedRow(row.index, -1, -1, -1, -1, findings, form, alone=True)
        spans = row.mask.spans
        self.matched.update(spans.role(number) for number in range(len(spans)))
        runs = row.rendering.media
        pictures = sum(name == "image" for name in runs.modality)
        media = int(runs.soft.sum()) if len(runs) else 0
        return JudgedRow(row.index, len(row.rendering), row.mask.trained, media, pictures, findings, form, alone=True)


def _is_plain(row: Row) -> bool:
    """True where a row has a conversation of texts alone, about which nothing is to be said before it is rendered."""
    try:
        talk = row.conversation
    except BenchError:
        return False
    if talk.findings or talk.tools or not talk.messages:
        return False
    for message in talk.messages:
        for part in message["content"]:
            if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
                return False
    return not any(True for _ in run(UNRENDERED_CHECKS, row))


def _places(encoding: Any, talk: LocatedPrompt) -> list[tuple[int, int, int, int]] | None:
    """The tokens [first, last) of each part; None where one of them cannot be told.

    A token that a part shares with its neighbour belongs to neither: the third and fourth number are 1 where one stands
    before the part or after it.
    """
    found: list[tuple[int, int, int, int]] = []
    length, count = len(talk.prompt), len(encoding)
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


def _difference(row: Row, ids: IntArray, labels: IntArray, *, clean: bool) -> str:
    """The first thing in which a row alone is not what its block made of it; "" where there is none."""
    if row.error is not None:
        return "it cannot be rendered alone"
    if not np.array_equal(row.rendering.input_ids, ids):
        return "its tokens are others when it is rendered alone"
    if not np.array_equal(row.mask.labels, labels):
        return "its labels are others when it is masked alone"
    if clean and (found := check_row(row, in_parts=False)):
        return f"{found[0].code} is found when it is checked alone"
    return ""
