"""The order of causes: of several findings on one run, the one that explains the others stands first and they go.

A table and no more: it says which finding is the consequence of which, for any run.
"""

from __future__ import annotations

from collections.abc import Iterable

from workbench.findings import SEVERITIES, Finding

# From the earliest link of the chain to the latest: what could not begin, what was measured before the first step, what
# went wrong while it trained, what the probes found at the end.
_ORDER = (
    *("R017", "R033", "R015", "R016", "R018"),
    *("R001", "R002", "R030", "R032", "R003", "R031", "R004", "R024"),
    *("R006", "R007", "R009", "R010", "R012", "R021", "R013"),
    *("R020", "R019", "R022", "R023"),
)
# What a model that learned nothing, or forgot everything, cannot show.
_UNLEARNED = frozenset(("R012", "R013", "R019", "R021"))
EXPLAINS: dict[str, frozenset[str]] = {
    # Nothing was computed, so nothing was learned either.
    "R002": frozenset(("R003", "R007", "R009")) | _UNLEARNED,
    "R030": frozenset(("R004", "R005", "R006", "R008", "R011", "R022")) | _UNLEARNED,
    # Rows with random embeddings in them begin high, and cannot be learned.
    "R032": frozenset(("R005", "R012", "R013", "R019")),
    # Adapters in a tower that does not write the answers.
    "R003": frozenset(("R007", "R009")) | _UNLEARNED,
    # A template that the model was not trained with is why it begins high.
    "R031": frozenset(("R004", "R005")),
    "R004": frozenset(("R005",)) | _UNLEARNED,
    # The model as it was is gone; a gradient norm and a loss that rise are one thing.
    "R006": frozenset(("R011", "R022")) | _UNLEARNED,
    "R007": frozenset(("R009",)) | _UNLEARNED,
    "R009": _UNLEARNED,
    "R012": frozenset(("R013", "R019")),
    # Equal questions about pictures that are not seen have no answer to learn.
    "R021": frozenset(("R012", "R013", "R019")),
    "R013": frozenset(("R019",)),
}
"""By the code of a cause: the codes of its consequences, which are left out where the cause is an error or warning.

R009 and R013 explain as errors alone: adapters of one tower without a gradient, or a loss that is nearly there, are no
reason for anything else.
"""
_AS_ERRORS = frozenset(("R009",))


def first_causes(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings without those that another explains, the worst first, and of equals the earliest cause first."""
    findings = list(found)
    explained = {
        code
        for finding in findings
        if finding.severity == "error" or (finding.severity == "warning" and finding.code not in _AS_ERRORS)
        for code in EXPLAINS.get(finding.code, ())
    }
    kept = [finding for finding in findings if finding.code not in explained]
    return tuple(sorted(kept, key=lambda finding: (SEVERITIES.index(finding.severity), _place(finding.code))))


def _place(code: str) -> int:
    return _ORDER.index(code) if code in _ORDER else len(_ORDER)
