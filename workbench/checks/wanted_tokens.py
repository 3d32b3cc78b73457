"""The wanted tokens of a row, those that should be trained: by the trace and the roles, whatever the markers say."""

from __future__ import annotations

import numpy as np

from workbench.checks.row_facts import BoolArray, RowFacts
from workbench.tokens.mask import Reason
from workbench.tokens.trace import Owner


def wanted(facts: RowFacts) -> BoolArray:
    """Per token: text of a role that is trained, or the token that ends its turn."""
    found = facts.wanted.copy()
    stops = facts.stops[facts.role_trained[:-1]]
    found[stops[stops >= 0]] = True
    return found


def shared(facts: RowFacts) -> BoolArray:
    """Tokens that text of a trained role shares with the template or with another part."""
    mine = np.zeros(len(facts.ids), dtype=bool)
    for place in facts.trace.places:
        if not place.media and facts.role_trained[place.message]:
            mine[place.first : place.last] = True
    found: BoolArray = mine & (facts.trace.kind == Owner.SPLIT)
    return found


def unwanted(facts: RowFacts) -> BoolArray:
    """Per token: trained, and neither wanted nor excused.

    Excused are tokens that a trained text shares, the end of a trained turn where the template has no control token of
    its own for it, and that of a turn that has no text at all.
    """
    found = facts.mask.keep & ~wanted(facts) & ~shared(facts)
    ending = np.flatnonzero(found & (facts.mask.reason == Reason.END))
    if len(ending):
        spans = facts.mask.span[ending]
        own = facts.own[spans]
        empty = np.concatenate(([0], np.cumsum(facts.trace.message >= 0)))
        stop = np.minimum(facts.spans.end[spans], len(facts.ids))
        bare = empty[stop] == empty[np.minimum(facts.spans.content[spans], stop)]
        without = np.append(facts.stops, 0)[own] < 0
        after = ending > np.append(facts.last, len(facts.ids))[own]
        mine = facts.role_trained[own] & after & without
        found[ending[bare | mine]] = False
    return found


def lost_and_gained(old: RowFacts, new: RowFacts, *, retrains: bool) -> tuple[int, int]:
    """(lost, gained): wanted tokens that are no longer trained, and unwanted tokens that are trained now."""
    judge = new if retrains else old
    if np.array_equal(old.ids, new.ids):
        lost = (wanted(judge) | shared(judge)) & old.mask.keep & ~new.mask.keep
        here = judge.under(new.mask)
        return int(np.count_nonzero(lost)), int(np.count_nonzero(unwanted(here) & ~old.mask.keep))
    # Rendered otherwise: tokens cannot be told apart by their place, but they can be counted.
    missed = [int(np.count_nonzero(wanted(facts) & ~facts.mask.keep)) for facts in (old, new)]
    more = [int(np.count_nonzero(unwanted(facts))) for facts in (old, new)]
    return max(0, missed[1] - missed[0]), max(0, more[1] - more[0])
