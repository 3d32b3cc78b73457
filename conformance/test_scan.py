"""`workbench.tokens.mask.scan` against axolotl's two scanners, bit for bit, on generated cases over at most six ids."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from conformance.cases import BRANCHES, SIZE, TRAIN_ON_EOS, Case, decode, walk
from workbench.tokens import mask
from workbench.tokens.boundaries import RoleBoundary
from workbench.tokens.mask import scan

EXAMPLES = 20_000
FLOOR = 500


@pytest.fixture(scope="module")
def axolotl() -> Any:
    """axolotl's masking module."""
    from axolotl import processing_strategies

    return processing_strategies


@dataclass
class Record:
    """The generated cases with their expected masks and the branches that each one takes."""

    cases: list[Case] = field(default_factory=list)
    wanted: list[np.ndarray] = field(default_factory=list)
    hits: list[Counter[str]] = field(default_factory=list)

    @property
    def totals(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for hit in self.hits:
            total.update(hit)
        return total


def generate(check: Callable[[Case], None]) -> None:
    """Run a check over hypothesis's cases: it finds and shrinks one that fails. They are the same at every call."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(st.binary(min_size=SIZE, max_size=SIZE))
    def one(data: bytes) -> None:
        case = decode(data)
        note(case.describe())
        check(case)

    one()


def theirs(module: Any, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The keep masks of axolotl's plain and vectorised scanners."""
    boundaries = [
        module.RoleBoundary(b.role, list(b.start), list(b.end), b.include_start, b.include_end) for b in case.boundaries
    ]
    ids = torch.from_numpy(case.ids)
    arguments = (ids, boundaries, set(case.roles), case.train_on_eos)
    plain = module._compute_role_keep_mask(*arguments)
    vectorized = module._compute_role_keep_mask_vectorized(*arguments)
    return plain.numpy(), vectorized.numpy()


def their_labels(module: Any, case: Case) -> np.ndarray:
    """The labels that `ProcessingStrategy.process_labels` gives for a case, pad and media masked."""
    strategy = object.__new__(module.ProcessingStrategy)
    strategy.processor = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=case.pad_id))
    strategy.image_token_id = case.media_id
    strategy.train_on_inputs = case.train_on_inputs
    strategy.roles_to_train = list(case.roles)
    strategy.train_on_eos = case.train_on_eos
    strategy.role_boundaries = [
        module.RoleBoundary(b.role, list(b.start), list(b.end), b.include_start, b.include_end) for b in case.boundaries
    ]
    return strategy.process_labels(torch.from_numpy(case.ids)).numpy()


def ours(module: Any, case: Case) -> np.ndarray:
    """The labels of `scan`, from the module given (the real one, or a mutant of it)."""
    after: dict[str, Any] = {}
    if case.extras:
        media = () if case.media_id is None else (case.media_id,)
        after = {"train_on_inputs": case.train_on_inputs, "pad_id": case.pad_id, "media_ids": media}
    made = module.scan(case.ids, case.boundaries, roles_to_train=case.roles, train_on_eos=case.train_on_eos, **after)
    return made.labels


def labels(case: Case, keep: np.ndarray) -> np.ndarray:
    """Labels from a keep mask."""
    return np.where(keep, case.ids, -100)


@pytest.fixture(scope="module")
def record(axolotl: Any) -> Record:
    """Every generated case with axolotl's labels, and the branches it takes; our scan is asserted on the way."""
    seen = Record()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def check(case: Case) -> None:
        plain, vectorized = theirs(axolotl, case)
        walked, hit = walk(case)
        assert np.array_equal(plain, vectorized), "axolotl's two scanners disagree"
        assert np.array_equal(plain, walked), "the counting walk is not axolotl's scanner"
        wanted = their_labels(axolotl, case) if case.extras else labels(case, plain)
        seen.cases.append(case)
        seen.wanted.append(wanted)
        seen.hits.append(hit)

    # Plain random bytes take every branch too, in a fifth of hypothesis's time.
    random = np.random.default_rng(0)
    for _ in range(EXAMPLES):
        check(decode(random.bytes(SIZE)))
    torch.set_num_threads(threads)
    return seen


def test_scan_equals_both_scanners(axolotl: Any, record: Record) -> None:
    """Bit for bit, on every generated case."""
    assert len(record.cases) >= EXAMPLES
    assert max(len(np.unique(case.ids)) for case in record.cases) <= 6
    assert {case.train_on_eos for case in record.cases} == set(TRAIN_ON_EOS)

    def check(case: Case) -> None:
        plain, _ = theirs(axolotl, case)
        wanted = their_labels(axolotl, case) if case.extras else labels(case, plain)
        assert np.array_equal(ours(mask, case), wanted)

    different = [
        case
        for case, wanted in zip(record.cases, record.wanted, strict=True)
        if not np.array_equal(ours(mask, case), wanted)
    ]
    if different:
        generate(check)
        pytest.fail(f"{len(different)} of {len(record.cases)} differ, the first:\n{different[0].describe()}")


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_branch_is_taken(record: Record, branch: str) -> None:
    """A counter for each branch of the scan: the cases above really go there."""
    taken = record.totals[branch]
    assert taken >= FLOOR, f"{branch}: {taken} times"


def test_a_row_alone_is_the_row_of_its_batch(record: Record) -> None:
    """`[L]`, `[1, L]` and row b of `[B, L]` give one answer, reasons and spans included, in any integer type."""
    for case in record.cases[:: EXAMPLES // 2_000]:
        arguments: dict[str, Any] = {"roles_to_train": case.roles, "train_on_eos": case.train_on_eos}
        batch = scan(case.ids, case.boundaries, **arguments)
        for index in range(len(case.ids)):
            alone = scan(case.ids[index].astype(np.int32), case.boundaries, **arguments)
            row = batch.row(index)
            for name in ("labels", "keep", "reason", "span"):
                assert np.array_equal(getattr(alone, name), getattr(row, name)), (name, case.describe())
            for name in ("boundary", "start", "content", "end", "stop", "terminated", "trained"):
                assert np.array_equal(getattr(alone.spans, name), getattr(row.spans, name)), (name, case.describe())


@pytest.mark.parametrize(("height", "length"), [(8, 4096), (1, 131_072), (3, 1), (2, 0)])
@pytest.mark.parametrize("train_on_eos", TRAIN_ON_EOS)
def test_long_rows(axolotl: Any, height: int, length: int, train_on_eos: str) -> None:
    """At the sizes of a real batch, with real-looking markers in a large vocabulary."""
    random = np.random.default_rng(length + height)
    boundaries = (
        RoleBoundary("user", (105, 2364, 107), (106,)),
        RoleBoundary("assistant", (105, 4368, 107), (106,), include_start=True),
        RoleBoundary("system", (3,), (4, 5), include_end=False),
        RoleBoundary("tool", (4, 5), (3,)),
    )
    ids = random.integers(6, 262_144, size=(height, length))
    markers = [m for b in boundaries for m in (b.start, b.end)]
    for row in ids:
        for place in random.integers(0, max(length - 4, 1), size=length // 12):
            marker = markers[random.integers(len(markers))]
            if place + len(marker) <= length:
                row[place : place + len(marker)] = marker
    case = Case(ids, boundaries, ("assistant", "system"), train_on_eos, False, False, None, None)
    plain, vectorized = theirs(axolotl, case)
    assert np.array_equal(labels(case, plain), ours(mask, case))
    assert np.array_equal(plain, vectorized)
    if length > 1000:
        assert 0 < plain.sum() < plain.size


# Branch -> the text of one source line, and what it becomes.
MUTANTS: dict[str, tuple[str, str]] = {
    "tie": ("key=lambda i: -len(boundaries[i].start)", "key=lambda i: (-len(boundaries[i].start), -i)"),
    "nested": ("key=lambda i: -len(boundaries[i].start)", "key=lambda i: len(boundaries[i].start)"),
    "match inside a span": ("chosen = _chain(following)", "chosen = None"),
    "start across rows": (
        "whole = position + finder.start_length[boundary] <= edges[_row_of(edges, position) + 1]",
        "whole = position >= 0",
    ),
    "end across rows": ("inside = nearest + len(marker) <= row_end[mine]", "inside = nearest < row_end[mine]"),
    "shared end and start": (
        "following = np.searchsorted(position, resume)",
        'following = np.searchsorted(position, resume, side="right")',
    ),
    "rewind": ("np.where(terminated & ~finder.include_end[boundary], end, stop)", "stop.copy()"),
    "unterminated": ("end = row_end.copy()", "end = content.copy()"),
    "empty end": ("end_index.get(b.end, -1)", "end_index.get(b.end, 0)"),
    "end of several tokens": ("end + finder.end_length[boundary], row_end", "end + 1, row_end"),
    "end overlaps start": ("np.searchsorted(places, content[mine])", "np.searchsorted(places, position[mine])"),
    "span without content": (
        "np.searchsorted(places, content[mine])",
        'np.searchsorted(places, content[mine], side="right")',
    ),
    "include_start": ("if finder.any_include_start:", "if False:"),
    "turn": ("closed = closed & spans.trained", "closed = closed.copy()"),
    "all": ('if train_on_eos == "all":', 'if train_on_eos == "al":'),
    "none": ('if train_on_eos == "none":', 'if train_on_eos == "non":'),
    "last": ("np.append(rows[1:] != rows[:-1], True)", "np.append(True, rows[1:] != rows[:-1])"),
    "last is not the last span": ("trained[candidates[final]] = True", "trained[-1:] = True"),
    "role not trained": (
        "np.where(spans.trained, np.uint8(Reason.CONTENT), np.uint8(Reason.ROLE_NOT_TRAINED))",
        "np.uint8(Reason.CONTENT)",
    ),
    "nothing matches": ("reason_value = np.zeros(", "reason_value = np.ones("),
    "pad": ("= Reason.PAD", "= Reason.CONTENT"),
    "media": ("= Reason.MEDIA", "= Reason.CONTENT"),
    "train_on_inputs": ("if train_on_inputs or not boundaries:", "if not boundaries:"),
    "no boundaries": ("if train_on_inputs or not boundaries:", "if train_on_inputs:"),
}


def mutant(name: str) -> ModuleType:
    """The scanner's module with one line changed. Fails where the line is no longer in the source."""
    before, after = MUTANTS[name]
    source = Path(mask.__file__).read_text(encoding="utf-8")
    holding = [line for line in source.splitlines() if before in line]
    assert len(holding) == 1, f"the mutation of {name!r} no longer applies: {len(holding)} lines hold {before!r}"
    module = ModuleType(f"mutant_{name.replace(' ', '_')}")
    sys.modules[module.__name__] = module
    exec(compile(source.replace(before, after), module.__name__, "exec"), module.__dict__)
    return module


def test_every_branch_has_a_mutant() -> None:
    """No branch is counted without being proved."""
    assert set(MUTANTS) == set(BRANCHES)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_of_each_branch_fails(record: Record, name: str) -> None:
    """One changed line in a branch is noticed by cases that take this very branch."""
    module = mutant(name)
    for case, wanted, hit in zip(record.cases, record.wanted, record.hits, strict=True):
        if not hit[name]:
            continue
        try:
            same = np.array_equal(ours(module, case), wanted)
        except (IndexError, ValueError):
            same = False
        if not same:
            return
    pytest.fail(f"no case notices that {MUTANTS[name][0]!r} became {MUTANTS[name][1]!r}")
