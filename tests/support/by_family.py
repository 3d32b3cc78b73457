"""Which tests go to one worker together."""

from __future__ import annotations

from typing import Any

from tests.support.processors import BUILDERS


def by_family(config: Any, log: Any) -> Any:
    """One unit of work is a family over all files, or a file without families: what is costly is opened once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFamily(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module, _, test = nodeid.partition("::")
            parameters = test.partition("[")[2].rstrip("]").split("-")
            return next((word for word in parameters if word in BUILDERS), module)

    return ByFamily(config, log)
