"""A finding as a page: its place, message and hint, its fix, and what its code means. No widget."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from screens.shell.themes import Paints
from workbench.findings import Finding, Fix
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH

_VALUE_CHARS = 600
"""Characters of a fix's new value that are shown."""


def finding_page(
    finding: Finding, fix: Fix | None, paint: Paints, say: Callable[[str], str] = visible, key: str = "f"
) -> Text:
    """A finding's place, message and hint, its fix, and the page of its code; `say` makes advice safe to draw.

    `key` applies the fix.
    """
    from workbench.checks.registry import codes

    text = Text()
    text.append(f"{SEVERITY_GLYPH[finding.severity]} {visible(finding.code)}", paint.severity[finding.severity])
    if finding.where:
        text.append(f"  {visible(str(finding.where))}", paint.muted)
    text.append(f"\n{visible(finding.message)}", paint.strong)
    if finding.hint:
        text.append(f"\n→ {say(finding.hint)}", paint.accent)
    if fix is not None:
        text.append("\n\n").append_text(_fix_text(fix, paint, key))
    page = codes().get(finding.code)
    if page is not None:
        text.append(f"\n\n{page.title}", paint.strong)
        for name, body in (("cause", page.cause), ("example", page.example), ("what to do", page.fix)):
            text.append(f"\n\n{name}\n", paint.muted).append("\n".join(map(say, body.splitlines())))
    return text


def _fix_text(fix: Fix, paint: Paints, key: str) -> Text:
    from workbench.recipe.yaml.document import dotted, write_value

    text = Text()
    text.append(f"{key} applies: ", paint.accent).append(visible(fix.described))
    for edit in fix.edits:
        name = visible(dotted(edit.path))
        if edit.rename:
            text.append(f"\n- {name}", paint.severity["error"])
            text.append(f"\n+ {visible(dotted((*edit.path[:-1], edit.rename)))}", paint.accent)
            continue
        if edit.remove:
            text.append(f"\n- {name}", paint.severity["error"])
            continue
        # Written under a plain key: the brackets of a path would be quoted.
        value = name + write_value("x", edit.value).removeprefix("x")
        body = "\n".join(f"+ {visible(line)}" for line in value[:_VALUE_CHARS].splitlines())
        text.append(f"\n{body}" + ("…" if len(value) > _VALUE_CHARS else ""), paint.accent)
    return text
