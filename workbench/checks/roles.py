"""D012: roles that no boundary and no branch of the template knows; M009 is about the recipe's own lists of roles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from workbench.checks.registry import check
from workbench.data.remedies import RENAME
from workbench.findings import Edit, Finding, Fix
from workbench.tokens.sentinels import text_parts

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row

STANDARD = ("system", "user", "assistant")
_MEANT = {
    **dict.fromkeys(("human", "prompter", "customer", "question", "questioner", "client", "person"), "user"),
    **dict.fromkeys(
        ("bot", "gpt", "chatgpt", "model", "ai", "llm", "answer", "answerer", "agent", "response"), "assistant"
    ),
    **dict.fromkeys(("function_call", "tool_call", "tool_calls", "tool_use", "function-call"), "assistant"),
    **dict.fromkeys(
        ("observation", "tool_response", "tool_result", "function", "ipython", "environment", "tool"), "tool"
    ),
    **dict.fromkeys(("developer", "instruction", "instructions", "sys", "context"), "system"),
}
_QUOTED = re.compile(r"""["']([A-Za-z][\w -]{0,30})["']""")


@lru_cache(maxsize=16)
def _branches(template: str) -> frozenset[str]:
    """The words that a template's text holds in quotes: a role that it treats in its own way is one of them."""
    return frozenset(_QUOTED.findall(template))


def unknown_roles(row: Row) -> dict[str, str]:
    """The roles of a row that nothing knows, each with the role that is likely meant ("" where none is)."""
    # A row knows its bench by what it needs of it.
    bench = cast("Bench", row.bench)
    template = bench.template.text or bench.loaded.processor_template or bench.loaded.tokenizer_template or ""
    known = {*STANDARD, *_branches(template), *(boundary.role for boundary in bench.masking.boundaries)}
    roles = [message.get("role") for message in row.conversation.messages]
    found = {role: _meant(role) for role in roles if isinstance(role, str) and role not in known}
    if "tool" in found.values() and not ("tool" in known and _takes_tools(row, found)):
        # The answer of a tool is what the model reads before its next turn.
        found = {role: "user" if meant == "tool" else meant for role, meant in found.items()}
    return found


def _meant(role: str) -> str:
    plain = role.strip().lower()
    return plain if plain in (*STANDARD, "tool") else _MEANT.get(plain, "")


def _takes_tools(row: Row, meant: dict[str, str]) -> bool:
    """True where the template writes the row's tool answers under the role tool: some ask for a call, which is lost."""
    messages = row.conversation.messages
    renamed = [{**message, "role": meant.get(str(message.get("role")), message.get("role"))} for message in messages]
    try:
        prompt = row.prompt(renamed)
    except Exception:
        return False
    answers = [part for part in text_parts(renamed) if part.role == "tool"]
    return all(part.text.strip() in prompt for part in answers)


def answers_to(row: Row) -> set[str]:
    """The roles that the row's unknown ones are likely meant for."""
    return {meant for meant in unknown_roles(row).values() if meant}


@check("D012", stage="unrendered row")
def invented_headers(row: Row) -> Iterator[Finding]:
    """D012: one finding for a row, at the first message of such a role."""
    unknown = unknown_roles(row)
    if not unknown:
        return
    bench = cast("Bench", row.bench)
    roles = [message.get("role") for message in row.conversation.messages]
    wanted = bench.masking.roles_to_train if bench.masking.text is None else bench.masking.text.roles
    named = ", ".join(repr(role) for role in unknown)
    be = "s {} are" if len(unknown) > 1 else " {} is"
    text = f"the role{be.format(named)} in no boundary and in no branch of the template: "
    text += "it refuses the row" if row.error is not None else "it writes a header that the model does not know"
    lost = [role for role, meant in unknown.items() if meant in wanted]
    if lost and row.error is None:
        nothing = not set(roles) & set(wanted)
        text += ", and no token is trained" if nothing else f", and what {' and '.join(lost)} says is never trained"
    renamed = ", ".join(f"{role} → {meant}" for role, meant in unknown.items() if meant)
    where = replace(row.where, message=row.raw_message(roles.index(next(iter(unknown)))))
    if not renamed:
        yield Finding("D012", "error", text, f"Use system, user or assistant. {RENAME}", where)
        return
    if bench.path.kind == "text":
        fix = _mapping(bench, unknown)
        hint = f"Map it in the dataset's entry, roles: ({renamed}), or rename it in the rows."
        yield Finding("D012", "error", text, hint, where, fix)
        return
    yield Finding("D012", "error", text, f"{RENAME} Likely: {renamed}.", where)


def _mapping(bench: Bench, unknown: dict[str, str]) -> Fix | None:
    """The dataset's `roles:` with the unknown ones beside those mapped already: what it lists replaces the defaults."""
    if bench.entry_of(bench.recipe) is None:
        return None
    mapping: dict[str, list[str]] = {}
    for source, target in (
        *bench.turn_keys.roles.items(),
        *((role, meant) for role, meant in unknown.items() if meant),
    ):
        mapping.setdefault(target, []).append(source)
    path = ("datasets", int(bench.options["dataset"]), "roles")
    title = "roles: " + ", ".join(f"{role} → {meant}" for role, meant in unknown.items() if meant)
    return Fix(title, (Edit(path, mapping),), retrains=True)
