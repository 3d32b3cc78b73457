"""Reading what the list of samples says of rows, in blocks, on the background thread."""

from __future__ import annotations

from collections.abc import Sequence

from screens.inspect.context import InspectContext
from workbench.errors import BenchError
from workbench.row import NOT_RENDERED
from workbench.views.row_view import Sample, read_sample, read_samples

STEP_SECONDS = 0.05
"""Seconds that a block of rows takes about; a key is answered between two blocks."""


def samples_of(context: InspectContext, indices: Sequence[int]) -> list[Sample]:
    """The samples of a block, of its rows one by one where one of them is the bench's own error; fewer at the end."""
    bench, against = context.bench, context.editing.compared_masking
    try:
        return read_samples(bench, indices, against)
    except Exception:
        found = []
    for index in indices:
        try:
            found.append(read_sample(bench, index, against))
        except BenchError:
            break
        except Exception:
            found.append(Sample(index, 0, 0, NOT_RENDERED.code, "error"))
    return found
