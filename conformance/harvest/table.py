"""The table of the installed axolotl: `python -m conformance.harvest` runs this in the environment of each release.

With the names of parts (`templates`, `kernels`, …) these alone are asked anew.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conformance.environment import ROOT, here
from conformance.harvest import defaults, kernels, keys, losses, outdated, sources, strategies, templates

FOLDER = ROOT / "workbench" / "consumers" / "axolotl" / "tables"
PARTS = {
    "versions": lambda: {name: version(name) for name in ("axolotl", "transformers", "torch")},
    "templates": templates.collect,
    "strategies": strategies.collect,
    "multimodal": defaults.multimodal,
    "use_reentrant": defaults.reentrant,
    "loss_by_tokens": losses.collect,
    "kernels": kernels.collect,
    "outdated": outdated.collect,
    "sources": sources.collect,
    "schema": keys.collect,
}
_OPEN = {"plugins": 2, "sections": 2}
"""Parts of the schema whose entries hold entries again: each of those has a line of its own."""


def collect(part: str) -> Any:
    """The answer of the installed axolotl for one part of the table, in the types of JSON."""
    return json.loads(json.dumps(PARTS[part]()))


def stored() -> dict[str, Any]:
    """The table of the installed release as it is stored."""
    return dict(json.loads(file().read_text("utf-8")))


def file() -> Path:
    """The file of the installed release."""
    return FOLDER / f"{here().release}.json"


def written(table: dict[str, Any]) -> str:
    """The text of the file: one line an entry, so that a difference between two releases can be read."""
    parts = []
    for part, content in table.items():
        deep = any(isinstance(value, dict) for value in content.values()) and part in (
            "strategies",
            "schema",
            "kernels",
            "outdated",
        )
        blocks = (f"  {json.dumps(name)}: {_block(value, '  ', _OPEN.get(name, 1))}" for name, value in content.items())
        parts.append(
            f"{json.dumps(part)}: " + ("{\n" + ",\n".join(blocks) + "\n }" if deep else _block(content, " ", 1))
        )
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def _block(value: Any, indent: str, levels: int) -> str:
    """A mapping with a line for each entry, `levels` deep; a list of names in lines that are filled."""
    if isinstance(value, dict) and value and levels:
        lines = (f"{indent} {json.dumps(key)}: {_block(one, indent + ' ', levels - 1)}" for key, one in value.items())
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and len(json.dumps(value)) > 90:
        lines = [""]
        for item in value:
            told = json.dumps(item) + ("," if item is not value[-1] else "")
            if lines[-1] and len(lines[-1]) + len(told) > 110:
                lines.append("")
            lines[-1] += f" {told}" if lines[-1] else told
        inside = "".join(f"\n{indent} {line}" for line in lines)
        return f"[{inside}\n{indent}]"
    return json.dumps(value)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    asked = sys.argv[1:] or list(PARTS)
    kept = stored() if set(asked) < set(PARTS) else {}
    file().write_text(written({part: collect(part) if part in asked else kept[part] for part in PARTS}), "utf-8")
    print(file().relative_to(ROOT))
