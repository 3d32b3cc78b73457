"""Write `workbench/recipe/axolotl_templates.json`: the sha256 of the chat templates that axolotl bundles, by version.

`python -m conformance.axolotl_templates` inside the conformance environment writes the part of the axolotl that is
installed there; with a version and a folder of templates, the part of that one. A version names only what differs from
the version before it, and null for what is gone. `test_templates.py` holds the file equal to what axolotl says.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "workbench" / "recipe" / "axolotl_templates.json"


def collect() -> dict[str, str]:
    """Name -> sha256 of the text, as the installed axolotl would render with it."""
    from axolotl.utils.chat_templates.base import _CHAT_TEMPLATES

    return hashes(_CHAT_TEMPLATES)


def hashes(texts: Mapping[str, str]) -> dict[str, str]:
    """Name -> sha256 of each text in UTF-8."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(texts.items())}


def written(known: Mapping[str, Mapping[str, str]]) -> str:
    """The file for these versions: one line a template, and only where a version differs from the one before."""
    before: Mapping[str, str] = {}
    blocks = []
    for number in sorted(known, key=lambda text: [int(part) for part in text.split(".")]):
        now = known[number]
        changed = {name: now.get(name) for name in sorted({*before, *now}) if now.get(name) != before.get(name)}
        lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(digest)}" for name, digest in changed.items())
        blocks.append(f"  {json.dumps(number)}: {{\n{lines}\n  }}" if lines else f"  {json.dumps(number)}: {{}}")
        before = now
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main(arguments: list[str]) -> None:
    """Put one version into the file."""
    from workbench.recipe.bundled_templates import table

    known = dict(table())
    if arguments:
        number, folder = arguments
        known[number] = hashes({file.stem: file.read_text("utf-8") for file in Path(folder).glob("*.jinja")})
    else:
        known[version("axolotl")] = collect()
    FILE.write_text(written(known), encoding="utf-8")
    print(FILE)


if __name__ == "__main__":
    main(sys.argv[1:])
