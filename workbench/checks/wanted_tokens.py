"""The tokens of a row that ought to be trained: by the trace and the roles alone, whatever the markers say."""

from __future__ import annotations

import numpy as np

from workbench.checks.row_facts import BoolArray, RowFacts
from workbench.tokens.mask import Reason
from workbench.tokens.trace import Owner


def ought(facts: RowFacts) -> BoolArray:
    """The tokens that ought to be trained: text of the roles that are trained, and the tokens that end their turns."""
    wanted = facts.wanted.copy()
    stops = facts.stops[facts.role_trained[:-1]]
    wanted[stops[stops >= 0]] = True
    return wanted


def shared(facts: RowFacts) -> BoolArray:
    """Tokens that text of a trained role shares with the template or with another part."""
    mine = np.zeros(len(facts.ids), dtype=bool)
    for place in facts.trace.places:
        if not place.media and facts.role_trained[place.message]:
            mine[place.first : place.last] = True
    found: BoolArray = mine & (facts.trace.kind == Owner.SPLIT)
    return found


def beyond(facts: RowFacts) -> BoolArray:
    """The trained tokens that ought not to be.

    Neither tokens that a trained text shares, nor the end of a trained turn where the template has no control token of
    its own for it, nor that of a turn that has no text at all.
    """
    found = facts.mask.keep & ~ought(facts) & ~shared(facts)
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


def moved(old: RowFacts, new: RowFacts, *, retrains: bool) -> tuple[int, int]:
    """How many tokens that ought to be trained are so no longer, and how many more are that ought not to be."""
    judge = new if retrains else old
    if np.array_equal(old.ids, new.ids):
        lost = (ought(judge) | shared(judge)) & old.mask.keep & ~new.mask.keep
        here = judge.under(new.mask)
        return int(np.count_nonzero(lost)), int(np.count_nonzero(beyond(here) & ~old.mask.keep))
    # Rendered otherwise: tokens cannot be told apart by their place, but they can be counted.
    missed = [int(np.count_nonzero(ought(facts) & ~facts.mask.keep)) for facts in (old, new)]
    more = [int(np.count_nonzero(beyond(facts))) for facts in (old, new)]
    return max(0, missed[1] - missed[0]), max(0, more[1] - more[0])
