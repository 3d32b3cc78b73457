"""Groups of tests that go to one worker together."""

from __future__ import annotations

from typing import Any

from tests.support.processors import BUILDERS


def scope(nodeid: str) -> str:
    """The unit of work that a test belongs to: a family over all files, or a file without families."""
    module, _, test = nodeid.partition("::")
    parameters = test.partition("[")[2].rstrip("]").split("-")
    return next((word for word in parameters if word in BUILDERS), module)


def by_family(config: Any, log: Any) -> Any:
    """A scheduler that keeps a unit in one worker, so that what is costly is opened once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFamily(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid)

    return ByFamily(config, log)
