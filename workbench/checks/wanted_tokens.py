"""The tokens of a row that ought to be trained: by the trace and the roles alone, whatever the markers say."""

from __future__ import annotations

import numpy as np

from workbench.checks.row_facts import BoolArray, Scene
from workbench.tokens.mask import Reason
from workbench.tokens.trace import Owner


def ought(scene: Scene) -> BoolArray:
    """The tokens that ought to be trained: text of the roles that are trained, and the tokens that end their turns."""
    wanted = scene.wanted.copy()
    stops = scene.stops[scene.role_trained[:-1]]
    wanted[stops[stops >= 0]] = True
    return wanted


def shared(scene: Scene) -> BoolArray:
    """Tokens that text of a trained role shares with the template or with another part."""
    mine = np.zeros(len(scene.ids), dtype=bool)
    for place in scene.trace.places:
        if not place.media and scene.role_trained[place.message]:
            mine[place.first : place.last] = True
    found: BoolArray = mine & (scene.trace.kind == Owner.SPLIT)
    return found


def beyond(scene: Scene) -> BoolArray:
    """The trained tokens that ought not to be.

    Neither tokens that a trained text shares, nor the end of a trained turn where the template has no control token of
    its own for it, nor that of a turn that has no text at all.
    """
    found = scene.mask.keep & ~ought(scene) & ~shared(scene)
    ending = np.flatnonzero(found & (scene.mask.reason == Reason.END))
    if len(ending):
        spans = scene.mask.span[ending]
        own = scene.own[spans]
        empty = np.concatenate(([0], np.cumsum(scene.trace.message >= 0)))
        stop = np.minimum(scene.spans.end[spans], len(scene.ids))
        bare = empty[stop] == empty[np.minimum(scene.spans.content[spans], stop)]
        without = np.append(scene.stops, 0)[own] < 0
        after = ending > np.append(scene.last, len(scene.ids))[own]
        mine = scene.role_trained[own] & after & without
        found[ending[bare | mine]] = False
    return found


def moved(old: Scene, new: Scene, *, retrains: bool) -> tuple[int, int]:
    """How many tokens that ought to be trained are so no longer, and how many more are that ought not to be."""
    judge = new if retrains else old
    if np.array_equal(old.ids, new.ids):
        lost = (ought(judge) | shared(judge)) & old.mask.keep & ~new.mask.keep
        here = judge.under(new.mask)
        return int(np.count_nonzero(lost)), int(np.count_nonzero(beyond(here) & ~old.mask.keep))
    # Rendered otherwise: tokens cannot be told apart by their place, but they can be counted.
    missed = [int(np.count_nonzero(ought(one) & ~one.mask.keep)) for one in (old, new)]
    more = [int(np.count_nonzero(beyond(one))) for one in (old, new)]
    return max(0, missed[1] - missed[0]), max(0, more[1] - more[0])
