"""Every family's boundaries, measured again: `specs/evidence.json` and the table in `specs/README.md` say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.environment import ROOT
from conformance.families import EVIDENCE, MEASURED, measured, readme_rows
from tests.support import processors

KEPT: dict[str, Any] = json.loads(EVIDENCE.read_text("utf-8"))


@pytest.mark.parametrize("builder", MEASURED)
def test_recall_and_leaks_are_those_on_record(builder: str) -> None:
    if processors.TOKENIZERS is None:
        # The stand-ins give other figures; a spec whose markers do not fit at all shows with them too.
        _, entry = measured(builder, inferred=[])
        recalled, content, *_ = entry["spec"]["assistant"]
        assert recalled > content / 2
        return
    rows = next(entry["role_boundaries"] for name, entry in KEPT.items() if builder in (name, entry["tokenizer"]))
    name, entry = measured(builder, inferred=rows)
    assert entry == KEPT[name]
    for role, (recalled, content, stopped, stops, *leaked) in entry["spec"].items():
        print(f"{name:18} {role:10} recall {recalled / content:7.1%}  ends {stopped}/{stops}  leaked {sum(leaked)}")


def test_every_measured_family_is_on_record() -> None:
    assert len(KEPT) == len(MEASURED)


def test_the_readme_shows_what_is_on_record() -> None:
    shown = (ROOT / "specs" / "README.md").read_text("utf-8").splitlines()
    rows = readme_rows()
    assert len(rows) >= 5
    head = next(number for number, line in enumerate(shown) if line.startswith("| family | assistant, by the spec"))
    table = list(shown[head + 2 : shown.index("", head)])
    assert table == rows
