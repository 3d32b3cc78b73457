"""The readers of events and of recipes, given whatever hypothesis thinks of: an error with a remedy, or a result."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.kinds.events import places, put, recorded
from workbench.errors import InputError
from workbench.overfit.events import parse
from workbench.overfit.schema import faults
from workbench.overfit.verdict import judge
from workbench.recipe.model import DatasetSpec, Recipe
from workbench.recipe.yaml.document import Document
from workbench.views.html_reports import run_html
from workbench.views.overfit import overfit_payload, overfit_text

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(("nan", "inf", "-inf", "1e999", "\x1b[2J", "\u202e"))
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
PLACES = [(number, at) for number, event in enumerate(recorded()) for at in places(event)]


def require_words(problem: InputError, file: str) -> None:
    """An error names the file, and says what to do."""
    assert problem.hint
    assert problem.where.file == file


@QUICK
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.just(...) | ANYTHING), min_size=1, max_size=3))
def test_events_are_refused_at_their_line_or_judged_and_drawn_in_every_face(changes: Any) -> None:
    events = deepcopy(list(recorded()))
    for (number, at), new in changes:
        if at in set(places(events[number])):
            put(events[number], at, deepcopy(new) if new is not ... else ...)
    try:
        read = list(parse([json.dumps(event) for event in events], "events.jsonl"))
    except InputError as problem:
        require_words(problem, "events.jsonl")
        return
    verdict = judge(read)
    json.dumps(overfit_payload(read, verdict, "f"))
    assert "\x1b" not in overfit_text(read, verdict, "f") + run_html(read, verdict, "f")


@QUICK
@given(st.text(max_size=200))
def test_lines_that_are_no_events_are_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        list(parse([text, text], "f"))
    assert refused.value.hint


def test_what_the_bench_writes_has_the_form_that_it_reads() -> None:
    kinds = set()
    for event in recorded():
        assert list(faults(event)) == []
        kinds.add((event["event"], event.get("name")))
    assert len(kinds) >= 10


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"event": "step", "step": 1}, "`loss`"),
        ({"event": "done", "steps": -1, "seconds": 1.0}, "`steps`"),
        ({"event": "done", "steps": True, "seconds": 1.0}, "`steps`"),
        ({"event": "done", "steps": "1", "seconds": 1.0}, "`steps`"),
        ({"event": "done", "steps": 1, "seconds": math.inf}, "`seconds`"),
        ({"event": "done", "steps": 1, "seconds": None}, "`seconds`"),
        ({"event": "probe", "name": "swap", "applicable": True}, "`rise`"),
        ({"event": "probe", "name": "swap", "applicable": False}, "`why`"),
        ({"event": "probe"}, "`name`"),
        ({"event": "error", "kind": "memory", "estimate": {"weights": 1}}, "`total`"),
        ({"event": "token_nll", "when": "after", "row": 0, "input_ids": [1], "nll": []}, "0 losses of 1 tokens"),
    ],
)
def test_a_fault_names_its_field(event: dict[str, Any], says: str) -> None:
    assert any(says in fault for fault in faults(event))


@pytest.mark.parametrize("event", [{"event": "later", "x": []}, {"event": "probe", "name": "later"}])
def test_what_a_later_bench_adds_is_passed_over(event: dict[str, Any]) -> None:
    assert list(faults(event)) == []


KEYS = sorted(Recipe.model_fields)
FIELDS = sorted(DatasetSpec.model_fields)


@QUICK
@given(
    st.dictionaries(st.sampled_from(KEYS), ANYTHING, min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=3),
)
def test_each_wrong_type_of_a_recipe_is_an_error_at_its_line(values: dict[str, Any], entry: dict[str, Any]) -> None:
    lines = [f"{key}: {json.dumps(value)}" for key, value in values.items() if key != "datasets"]
    lines += [
        "datasets:",
        "  - path: x",
        *(f"    {key}: {json.dumps(value)}" for key, value in entry.items() if key != "path"),
    ]
    text = "\n".join(lines)
    try:
        document = Document(text, "recipe.yaml")
    except InputError as problem:
        require_words(problem, "recipe.yaml")
        return
    recipe, findings = Recipe.read(document)
    for finding in findings:
        assert finding.hint
        assert finding.where.file == "recipe.yaml"
        key = (finding.where.field or "").split(".")[0].split("[")[0]
        assert text.splitlines()[(finding.where.line or 0) - 1].lstrip().startswith((key, '"', "- ", "path", *entry))
    # What is left has the types that the rest of the bench takes for granted.
    assert recipe.sequence_len + 0 >= recipe.sequence_len
    assert all(isinstance(role, str) for role in recipe.roles_to_train)


@QUICK
@given(st.binary(max_size=120) | st.text(max_size=120).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_recipe_or_an_error_with_a_remedy(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(raw)
    try:
        Recipe.read(Document.from_file(file))
    except InputError as problem:
        require_words(problem, str(file))
