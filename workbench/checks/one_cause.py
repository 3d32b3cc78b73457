"""One cause, one finding: the trainer's own stop is joined with the finding of the bench that knows its cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.findings import Finding

_STOPS = "A015"
_REFUSES = "A012"
_KERNELS = "A014"
_UNPLACED = ("", "base_model")
"""The fields of a stop whose message names no key: any cause may be meant."""


def one_cause(findings: Iterable[Finding], refused_at: str = "") -> list[Finding]:
    """The findings of a recipe, each cause once.

    The loader's stop (A015) gives way to an error at the same key, which knows the cause and the fix, and which then
    says that axolotl stops there. `refused_at` is the stage at which the axolotl that was asked about the rows refused
    the recipe: where its loader stops before it builds a model too, that is the same stop, told without a place (A012).
    """
    found = list(findings)
    stops = [one for one in found if one.code == _STOPS]
    known = next((one for one in found if one.code == _KERNELS and one.severity == "error"), None)
    if not stops and refused_at == "kernels" and known is not None:
        stops = [one for one in found if one.code == _REFUSES and one.severity == "error" and not one.where]
        return [_joined(one) if one is known else one for one in found if one not in stops]
    if stops and refused_at in ("validate", "kernels"):
        found = [one for one in found if one.code != _REFUSES or one.severity != "error" or one.where]
    for stop in stops:
        known = next((one for one in found if _same(one, stop)), None)
        if known is None:
            continue
        found = [_joined(known) if one is known else one for one in found if one is not stop]
    return found


def _joined(known: Finding) -> Finding:
    return replace(known, message=f"{known.message}; the axolotl that was asked stops there")


def _same(one: Finding, stop: Finding) -> bool:
    """True where an error is at the key that a stop is put at."""
    field = _top(one)
    return one.code != _STOPS and one.severity == "error" and field == _top(stop) and field not in _UNPLACED


def _top(one: Finding) -> str:
    """The key of the recipe's top level that a finding is about."""
    return str(one.where.field or "").partition("[")[0].partition(".")[0] if one.where.row is None else ""
