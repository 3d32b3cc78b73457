"""A012: recipes that the consumer, axolotl, cannot start with. Each case was run on the versions it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from workbench.consumers.axolotl.at_hand import axolotl_version, package_at_hand
from workbench.findings import Emitter, Finding, Fix
from workbench.recipe import plugin

if TYPE_CHECKING:
    from workbench.consumers.protocol import Asked
    from workbench.families.library import Strategy
    from workbench.models.load import Loaded
    from workbench.recipe.axolotl_table import AxolotlTable
    from workbench.recipe.model import Recipe
    from workbench.recipe.yaml.document import Document


CANNOT_START = Emitter("A012", __name__)


class LoadedRecipe(Protocol):
    """The part of a bench with its recipe read that is used here."""

    recipe: Recipe
    strategy: Strategy
    loaded: Loaded

    @property
    def document(self) -> Document: ...
    @property
    def axolotl(self) -> AxolotlTable: ...
    @property
    def options(self) -> dict[str, Any]: ...


def startup_findings(bench: LoadedRecipe) -> Iterator[Finding]:
    """Findings on what stops axolotl while it builds the recipe's collator: the one at hand, or any known release.

    The bench has read its recipe; nothing is loaded or rendered for this.
    """
    if not bench.recipe.multimodal:
        # The text path has no such collator, and reads no boundaries.
        return
    if bench.recipe.effective_boundaries is not None:
        yield from _stopped_by_boundaries(bench)
    problem = bench.strategy.problem(bench.loaded.processor, bench.loaded.tokenizer)
    if problem is not None:
        yield CANNOT_START(
            "warning",
            f"{bench.axolotl.name} cannot build its {bench.strategy.class_name} for this recipe: {problem}",
            "A chat_template that axolotl has a strategy for, by name, avoids it.",
            bench.recipe.where(("processor_type",), key=True),
        )


def _stopped_by_boundaries(bench: LoadedRecipe) -> Iterator[Finding]:
    """`role_boundaries` without the plugin that lets axolotl start with them, or with a plugin that it cannot find."""
    data, recipe = bench.document.data, bench.recipe
    package = package_at_hand(bench.options["axolotl_python"])
    if not plugin.is_listed(data):
        version = axolotl_version(package) if package is not None else ""
        known = not version or plugin.FIRST_STOPPING <= _numbers(version) <= plugin.LAST_STOPPING
        tried = "" if known else f"; axolotl {version}, which is at hand, was not tried"
        yield CANNOT_START(
            "error" if known else "warning",
            f"{plugin.STOPS}{tried}",
            f"The mask here is what they mean. List the plugin {plugin.NAME}, which makes them readable; "
            "`vlmbench export` does, and leaves them out where a named chat_template gives the same labels.",
            recipe.where(("role_boundaries",), key=True),
            Fix(f"with the plugin {plugin.NAME}", plugin.plugin_edits(data)),
        )
        return
    if package is not None and (package.parent / plugin.FILE).is_file():
        return
    path = bench.document.path
    state = plugin.file_state(path.parent) if path is not None else "ours"
    # Saving an edited recipe writes the file.
    if state == "ours" or (state == "absent" and bench.document.dirty):
        return
    where = recipe.where(("plugins",), key=True)
    if state == "another":
        yield CANNOT_START(
            "warning",
            f"{plugin.FILE} beside the recipe is not the plugin of this vlmbench: axolotl would run its code",
            "Move it away; `vlmbench export --force` writes the right file.",
            where,
        )
    else:
        yield CANNOT_START(
            "note",
            f"{plugin.FILE} does not lie beside the recipe: axolotl must find it elsewhere to start",
            "Saving or exporting the recipe here writes it. Where vlm-workbench is installed beside axolotl, none is "
            "needed.",
            where,
        )


_VERBS = {
    "validate": "refuses the recipe",
    "kernels": "cannot patch this model's attention for its LoRA kernels",
    "collator": "cannot build its collator",
}


def refusals(asked: Asked | None) -> Iterator[Finding]:
    """Findings on what the trainer that was asked refused of the recipe as a whole."""
    if asked is None or asked.answer is None or asked.answer.refused is None or asked.answer.unwrapped:
        # What the bench's plugin cures is found without asking.
        return
    answer, refused = asked.answer, asked.answer.refused
    said = " ".join(f"{refused['type']}: {refused['message']}".split())[:300]
    if answer.died:
        text = f"{answer.name} gave no answer to this recipe: {said}"
        yield CANNOT_START("warning", text, "Ask again; if it ends again, try the recipe with axolotl itself.")
        return
    verb = _VERBS.get(refused["stage"], "cannot read the rows")
    yield CANNOT_START("error", f"{answer.name} {verb}: {said}", "Change the keys or rows that the message names.")


def _numbers(version: str) -> tuple[int, ...]:
    """Major and minor number; an empty tuple, which is before all others, where the version does not begin so."""
    numbers = version.split(".")[:2]
    return (
        tuple(int(number) for number in numbers)
        if len(numbers) == 2 and all(number.isdigit() for number in numbers)
        else ()
    )
