"""Roles as other formats name them, under the names that chat templates know."""

from __future__ import annotations

from typing import Any

from workbench.convert.talk import Changes, Refused

CALL = "function_call"
"""The role of a turn that is a call of a tool, until it becomes one of the assistant's."""
_ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "chatbot", "model", "chatgpt", "bing", "bard"), "assistant"),
    **dict.fromkeys(
        ("tool", "observation", "ipython", "tool_response", "tool_result", "function", "function_response"), "tool"
    ),
    **dict.fromkeys(("function_call", "tool_call"), CALL),
}


def known_role(role: Any, changes: Changes) -> str:
    """The role under its usual name. Raises Refused for one that no format gives a meaning."""
    found = _ROLES.get(role.strip().lower()) if isinstance(role, str) else None
    if found is None:
        shown = repr(role[:40]) if isinstance(role, str) else type(role).__name__
        raise Refused("a role that is not known", shown, f"Known are {', '.join(_ROLES)}.")
    if found != role:
        changes.made[f"role {role} is {'assistant' if found == CALL else found} now"] += 1
    return found
