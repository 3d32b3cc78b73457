"""A recipe's patterns against the names of a model, before PEFT asks: none that does not compile, none that never ends.

Python matches a pattern in one piece and lets no other thread in meanwhile, so `(.+)+x` would stop the whole process.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError
from workbench.recipe.patterns import Pattern, broken, patterns

if TYPE_CHECKING:
    from workbench.recipe.model import Recipe

PATIENCE_SECONDS = 2.0
_REPEATS = re.compile(r"[*+{]")
_CERTAIN = 2
"""A pattern that repeats less often than so many times is not tried: it ends soon, whatever the name."""
_TRIAL = """
import json, re, sys, warnings
warnings.simplefilter("ignore")
patterns, names = json.load(sys.stdin)
print("begun", flush=True)
for pattern in patterns:
    compiled = re.compile(pattern)
    for name in names:
        compiled.fullmatch(name)
    print("tried", flush=True)
"""


class PatternError(InputError):
    """A pattern that cannot be used. `endless`: it compiles, and takes for ever on a name of the model."""

    def __init__(self, pattern: Pattern, cause: str, hint: str, recipe: Recipe, *, endless: bool = False) -> None:
        super().__init__(f"The pattern in {pattern} cannot be used", cause, hint, recipe.where(pattern.path, key=True))
        self.endless = endless


def require_usable(recipe: Recipe, model: Any) -> None:
    """See that every pattern of a recipe compiles, and ends on every name of the model.

    Raises:
        PatternError: one does not.
    """
    keys = recipe.model_dump(exclude_none=True)
    for pattern, problem in broken(keys):
        raise PatternError(pattern, f"{pattern.shown} does not compile: {problem}.", hint_for(pattern), recipe)
    risky = [pattern for pattern in patterns(keys) if len(_REPEATS.findall(pattern.written)) >= _CERTAIN]
    if not risky:
        return
    names = tuple(name for name, _ in (*model.named_modules(), *model.named_parameters()) if name)
    ended = _ended(tuple(pattern.compiled for pattern in risky), names)
    if ended < len(risky):
        pattern = risky[ended]
        cause = f"{pattern.shown} did not finish within {PATIENCE_SECONDS:g} s on the names of the model's modules."
        hint = "Do not nest repetitions, as in (a+)+: Python then tries every way to divide a name."
        raise PatternError(pattern, cause, hint, recipe, endless=True)


def hint_for(pattern: Pattern) -> str:
    """The remedy for a pattern that does not compile."""
    if pattern.path[0] == "lora_target_modules":
        return "A text here is a regular expression over whole module names; names of modules go into a list, [a, b]."
    return "It is a regular expression: write a backslash before a literal bracket."


@lru_cache(maxsize=64)
def _ended(tried: Sequence[str], names: Sequence[str]) -> int:
    """The number of patterns, in order, that finish soon on all names; tried in a process that can be stopped."""
    command = [sys.executable, "-I", "-S", "-c", _TRIAL]
    # Without buffers of our own: `communicate` does not see what one of them has read ahead.
    with subprocess.Popen(command, bufsize=0, stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError), io.BufferedWriter(child.stdin) as stdin:
                stdin.write(json.dumps([tried, names]).encode())
            child.stdin = None
            # On a busy machine an interpreter takes its time to start, which does not count against a pattern.
            child.stdout.readline()
            output, _ = child.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            output, _ = child.communicate()
            return output.count(b"tried")
        except BaseException:
            child.kill()
            raise
    # A child that could not even begin says nothing of the patterns.
    return output.count(b"tried") if child.returncode == 0 else len(tried)
