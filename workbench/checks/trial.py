"""Fixes, tried on a copy of the bench before they are offered.

A fix is offered only if its own finding goes and no new error comes; and where it touches the mask, only if no row that
was looked at loses a token that ought to be trained or gains one that ought not. What ought to be is the trace's to
say: the text of the roles that are trained, and the control token with which the template ends their turns. Rows are
masked again as they were rendered; they are rendered anew only where template, processor or rows become others.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.checks.recipe_checks import model_findings, recipe_findings
from workbench.checks.row_checks import mask_findings, row_findings
from workbench.checks.row_facts import RowFacts, counted
from workbench.checks.wanted_tokens import lost_and_gained
from workbench.errors import BenchError
from workbench.findings import Finding, Fix, apply_fix
from workbench.judged import RowResults
from workbench.recipe.knobs import LOADING_KEYS, outside_the_mask
from workbench.recipe.yaml.document import Document

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row

_KEPT_TOKENS = 2_000_000
"""Rows of about this many tokens are kept as they were rendered; later ones are rendered again for a trial."""
_FEW = 4
_TOGETHER = 3
"""So many fixes may be needed at once: where one brings to light what another one mends."""
_MODEL_KEYS = (
    *("adapter", "lora_", "peft_", "freeze_", "unfrozen_", "attn_", "gradient_", "fsdp", "load_in_", "base_model"),
    *("processor_type", "flash_attention", "sdp_attention", "xformers_attention", "flex_attention", "eager_attention"),
    "gemma4_hybrid",
)
Key = tuple[str, int | None, int | None, str]


def place_of(finding: Finding) -> Key:
    """The identity of a finding, without its numbers: code, row, message, and the place in the recipe."""
    return finding.code, finding.where.row, finding.where.message, str(finding.where.field or "")


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of a trial: the `fix` that may be offered, or None, and `why` not."""

    fix: Fix | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The effect of a fix, alone or with others, on the bench; it may be offered where `why` is empty.

    `gone` counts how many findings fewer there are at each place.
    """

    fix: Fix
    why: str
    gone: Counter[Key]
    after: _BenchState | None = None
    compared: _Comparison | None = None


class Trials:
    """Trials of fixes on a bench as it is now, against the rows that were added."""

    def __init__(self, bench: Bench, rows: Iterable[Row] = ()) -> None:
        """`rows` are taken with the masks that they have; nothing is rendered for it."""
        self._state = _BenchState(bench)
        self._rows: list[int | Row] = []
        self._tokens = 0
        self._known: dict[str, tuple[int, _Outcome]] = {}
        self._places: dict[int, int] = {}
        self.most: int | None = None
        """Fixes are tried on so many rows and no more, for now; None for all of them."""
        self._gone: set[Key] = set()
        self._been = [bench.document.data]
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Look at one more row from now on."""
        if row.error is not None:
            return
        self._places[row.index] = len(self._rows)
        if self._tokens < _KEPT_TOKENS:
            self._tokens += len(row.rendering)
            self._rows.append(_slim(row))
        else:
            self._rows.append(row.index)

    def add_number(self, index: int) -> None:
        """Look at one more row, which can be rendered, from now on: it is rendered for the first trial."""
        self._places[index] = len(self._rows)
        self._rows.append(index)

    def __len__(self) -> int:
        """The number of rows to try fixes on."""
        return len(self._rows)

    @classmethod
    def seen(cls, bench: Bench) -> Trials:
        """Against the rows that the bench keeps as they were rendered."""
        kept = list(bench._kept.values())
        return cls(bench, [row for row in kept if {"rendering", "trace"} <= row.__dict__.keys()])

    def fork(self, earlier: Trials | None = None) -> Trials:
        """The same, to `accept` on; what `earlier` ones mended and where they have been is not gone back to."""
        other = copy(self)
        other._rows, other._known = list(self._rows), dict(self._known)
        other._places = dict(self._places)
        other._gone = set(earlier._gone) if earlier is not None else set()
        other._been = [*self._been, *(earlier._been if earlier is not None else ())]
        return other

    def quick(self, finding: Finding) -> bool:
        """True where nothing has to be read, rendered or built to try its fix and those that stand in for it."""
        document, fix = self._state.bench.document, finding.fix
        while fix is not None:
            try:
                now = _edited(document, fix).data
            except BenchError:
                now = document.data
            if _how(document.data, now) != "mask" or _of_the_model(document.data, now):
                return False
            fix = fix.instead
        return not finding.code.startswith("A")

    def of(self, finding: Finding) -> Tried:
        """The result for a finding's fix, or for the first of its replacements that may be offered."""
        outcome, why = self._best(finding)
        return Tried(outcome.fix if outcome is not None else None, why)

    def _best(self, finding: Finding) -> tuple[_Outcome | None, str]:
        fix, first = finding.fix, ""
        while fix is not None:
            outcome = self._outcome(fix, _TOGETHER, deep=finding.code.startswith("A"))
            why = outcome.why
            if not why and self._reached(finding) and outcome.gone[place_of(finding)] <= 0:
                why = "would leave the finding as it is"
            if not why:
                return outcome, ""
            first, fix = first or why, fix.instead
        return None, first

    def offered(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings, with those fixes alone that may be offered. A hint that advises a bad one says so instead."""
        return [self._offered(finding, finding.fix) if finding.fix is not None else finding for finding in findings]

    def _offered(self, finding: Finding, fix: Fix) -> Finding:
        tried = self.of(finding)
        if tried.fix is None:
            return replace(finding, fix=None, hint=f"No fix is offered: “{fix.title}” {tried.why}.")
        if tried.fix.edits == fix.edits:
            return finding
        return replace(finding, fix=tried.fix, hint=f"Make this edit: {tried.fix.title}.")

    def accept(self, finding: Finding) -> Fix | None:
        """Try a finding's fix, and where it may be offered go on from the bench that it makes.

        None where it may not, would bring back what an earlier one mended, or leads to a recipe that was there before.
        """
        outcome, _ = self._best(finding)
        after = outcome.after if outcome is not None else None
        if outcome is None or after is None:
            return None
        data = after.bench.document.data
        if (data in self._been and not _tidies(outcome.fix)) or any(outcome.gone[key] < 0 for key in self._gone):
            return None
        self._been.append(data)
        self._gone.add(place_of(finding))
        self._state, self._known = after, {}
        self._rows = [row if isinstance(row, int) else after.kept(row) for row in self._rows]
        return outcome.fix

    @property
    def _reach(self) -> int:
        return len(self._rows) if self.most is None else min(self.most, len(self._rows))

    def _reached(self, finding: Finding) -> bool:
        """False where its row is one that fixes are not tried on yet."""
        return finding.where.row is None or self._places.get(finding.where.row, -1) < self._reach

    def _everything(self, start: int) -> Iterator[Row]:
        for place in range(start, self._reach):
            row = self._rows[place]
            if isinstance(row, int):
                row = self._state.bench.peek(row)
                if self._tokens < _KEPT_TOKENS and row.error is None:
                    self._tokens += len(row.rendering)
                    self._rows[place] = row = _slim(row)
            yield row

    def _outcome(self, fix: Fix, depth: int, *, deep: bool) -> _Outcome:
        """The effect of a fix, tried once for all the findings that it is offered for."""
        name = f"{depth} {deep} {fix.retrains} {fix.edits!r}"
        seen, outcome = self._known.get(name, (0, None))
        # More rows can only bring more that is against it, and those seen are not looked at again.
        if outcome is not None and seen < self._reach and not outcome.why:
            outcome = self._tried_further(outcome, seen)
        if outcome is None:
            outcome = self._try(fix, depth, deep=deep)
        self._known[name] = max(seen, self._reach), outcome
        return outcome

    def _tried_further(self, outcome: _Outcome, start: int) -> _Outcome | None:
        """The outcome with the rows from `start` on; None where they are against it, and all is to be tried anew."""
        assert outcome.compared is not None
        compared = outcome.compared.copy()
        for row in self._everything(start) if outcome.after is not None and outcome.after.how != "same" else ():
            compared.row(row)
            if compared.why:
                return None
        return replace(outcome, gone=compared.gone, compared=compared)

    def _try(self, fix: Fix, depth: int, *, deep: bool) -> _Outcome:
        base = self._state
        try:
            after = base.edited(fix)
        except BenchError as problem:
            return _Outcome(fix, f"cannot be made here: {problem.title}", Counter())
        if after.bench.document.data == base.bench.document.data and not _tidies(fix):
            return _Outcome(fix, "would change nothing", Counter())
        deep = deep or after.of_the_model
        compared = _Comparison(base, after, fix.retrains)
        compared.compare(base.recipe_findings(deep), after.recipe_findings(deep))
        bad = 0
        for row in self._everything(0) if after.how != "same" else ():
            compared.row(row)
            bad += bool(compared.why)
            if bad and (depth <= 1 or bad > _FEW):
                break
        if not compared.why:
            return _Outcome(fix, "", compared.gone, after, compared)
        # What comes to light may have a fix of its own, and the two together nothing against them.
        others = {repr(error.fix): error.fix for error in compared.new_errors if error.fix is not None}
        for other in list(others.values())[:_TOGETHER] if depth > 1 else ():
            edits = (*fix.edits, *other.edits)
            both = Fix(f"{fix.title}, and {other.title}", edits, fix.retrains or other.retrains)
            outcome = self._outcome(both, depth - 1, deep=deep)
            if not outcome.why:
                return outcome
        return _Outcome(fix, compared.why, Counter())


class _Comparison:
    """The objection to a fix: `why`, in words that follow its title, and the `new_errors` that it would bring.

    `gone` counts how many findings fewer there are at each place.
    """

    def __init__(self, base: _BenchState, after: _BenchState, retrains: bool) -> None:
        self._base, self._after, self._retrains = base, after, retrains
        self.gone: Counter[Key] = Counter()
        self.new_errors: list[Finding] = []
        self._masked = self._broken = ""

    def copy(self) -> _Comparison:
        """The same so far, to go on with further rows."""
        other = copy(self)
        other.gone, other.new_errors = Counter(self.gone), list(self.new_errors)
        return other

    @property
    def why(self) -> str:
        """The reason, or "". Its effect on the mask comes first: that is what people are here for."""
        return self._masked or self._broken

    def compare(self, before: Iterable[Finding], after: Iterable[Finding]) -> None:
        """Take note of the findings of one row, or of the recipe, before and after."""
        before, known = list(before), Counter[Key]()
        for finding in before:
            self.gone[place_of(finding)] += 1
            known[place_of(finding)] += finding.severity == "error"
        for finding in after:
            place = place_of(finding)
            self.gone[place] -= 1
            if finding.severity != "error":
                continue
            if known[place] <= 0:
                self.new_errors.append(finding)
                where = f" in row {finding.where.row}" if finding.where.row is not None else ""
                self._broken = self._broken or f"would bring another error, {finding.code}{where}: {finding.message}"
            known[place] -= 1

    def row(self, row: Row) -> None:
        """Hold a row as it is against what the fix makes of it."""
        new = self._after.row(row)
        if new.error is not None:
            self._broken = self._broken or f"would leave row {row.index} without a rendering: {new.error.message}"
            return
        changed = RowFacts(new)
        if self._after.how == "mask":
            old, before = self._base.judged(row)
            now = mask_findings(changed)
        else:
            whole = self._base.bench.peek(row.index)
            old, before, now = RowFacts(whole), row_findings(whole), row_findings(new)
        lost, gained = lost_and_gained(old, changed, retrains=self._retrains)
        if lost or gained:
            parts = [f"lose {counted(lost, 'token')} that ought to be trained"] if lost else []
            parts += [f"train {counted(gained, 'token')} that ought not to be"] if gained else []
            self._masked = self._masked or f"would {' and '.join(parts)} in row {row.index}"
        self.compare(before, now)


class _BenchState:
    """A bench as it is, or as a fix would make it. `how` a row's mask follows: same, mask, rows or model."""

    def __init__(self, bench: Bench, how: str = "same", of_the_model: bool = False) -> None:
        self.bench, self.how, self.of_the_model = bench, how, of_the_model
        self._judged: dict[int, tuple[RowFacts, list[Finding]]] = {}
        self._recipe: dict[bool, list[Finding]] = {}

    def edited(self, fix: Fix) -> _BenchState:
        """The state after a fix, on a copy; raises BenchError where it cannot be made or read."""
        bench, document = self.bench, _edited(self.bench.document, fix)
        was, now = bench.document.data, document.data
        other = copy(bench)
        other._document, other._kept, other._marker_ids = document, OrderedDict(), dict(bench._marker_ids)
        other.results = RowResults()
        how = _how(was, now)
        if how == "model":
            other.load()
        elif how == "rows":
            other.apply()
        else:
            other.remask()
            how = "mask" if other.masking != bench.masking else "same"
            other._kept = OrderedDict((index, _on(row, other)) for index, row in list(bench._kept.items()))
        return _BenchState(other, how, _of_the_model(was, now))

    def row(self, row: Row) -> Row:
        """The same row on this bench; what was rendered is taken along where it would not be rendered otherwise."""
        return _on(row, self.bench) if self.how in ("same", "mask") else self.bench.peek(row.index)

    def kept(self, row: Row) -> Row:
        """The same, to be kept."""
        return _slim(self.row(row))

    def judged(self, row: Row) -> tuple[RowFacts, list[Finding]]:
        """A row of this state and what its mask shows; both are kept, for every fix is held against them."""
        known = self._judged.get(row.index)
        if known is None or known[0].row is not row:
            facts = RowFacts(row)
            known = self._judged[row.index] = facts, mask_findings(facts)
        return known

    def recipe_findings(self, deep: bool) -> list[Finding]:
        """The findings about the recipe; with `deep` about its model too."""
        if deep not in self._recipe:
            self._recipe[deep] = [
                *recipe_findings(self.bench, self._few()),
                *(model_findings(self.bench) if deep else ()),
            ]
        return self._recipe[deep]

    def _few(self) -> list[Row]:
        """Kept rows that are rendered already."""
        kept = [row for row in list(self.bench._kept.values()) if {"rendering", "trace"} <= row.__dict__.keys()]
        return kept[:_FEW]


def _tidies(fix: Fix) -> bool:
    """True where a fix takes text away that no reader minds, and means to change no value."""
    return all(edit.unrepeat for edit in fix.edits)


def _edited(document: Document, fix: Fix) -> Document:
    other = Document(document.text, document.name, path=document.path)
    apply_fix(other, fix)
    return other


def _changed(was: dict[Any, Any], now: dict[Any, Any]) -> set[Any]:
    return {key for key in {*was, *now} if was.get(key) != now.get(key)}


def _of_the_model(was: dict[Any, Any], now: dict[Any, Any]) -> bool:
    """True where the findings about the model may differ."""
    return any(str(key).startswith(_MODEL_KEYS) for key in _changed(was, now))


def _how(was: dict[Any, Any], now: dict[Any, Any]) -> str:
    """The part to be read again after an edit: `model`, `rows`, or `mask`."""
    if _changed(was, now) & LOADING_KEYS:
        return "model"
    return "rows" if outside_the_mask(was) != outside_the_mask(now) else "mask"


@dataclass(frozen=True)
class _Bare:
    """A conversation without its pictures and texts: what the checks of a mask ask of one."""

    messages: list[dict[str, Any]]
    origin: Any
    findings: tuple[Finding, ...] = ()


def _on(row: Row, bench: Bench) -> Row:
    """The row on another bench that renders it alike; what is known of it is taken along, but for its mask."""
    other = copy(row)
    other.__dict__ |= {"bench": bench, "_masked": None, "checked": None}
    return other


def _slim(row: Row) -> Row:
    """The row with its rendering and trace, without its pictures and raw data: to be kept for long."""
    other, conversation = copy(row), row.conversation
    if row.bench.path.kind == "text":
        # Found while the row still has its own texts.
        other.__dict__["turns"] = row.turns
        other.__dict__["_turn_texts"] = row._turn_texts
    other.__dict__ |= {
        "where": row.where,
        "rendering": row.rendering,
        "trace": row.trace,
    }
    bare = _Bare([{"role": message.get("role")} for message in conversation.messages], conversation.origin)
    raw = replace(row.raw, data=None)
    other.__dict__ |= {"conversation": bare, "raw": raw, "error": None, "checked": None, "located": None}
    return other
