"""The template that a new recipe names: axolotl's own, where text and boundaries are shown to be the model's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import BenchError
from workbench.families.library import select_strategy
from workbench.infer.probes import same_prompts
from workbench.recipe.axolotl_table import AxolotlTable, table
from workbench.tokens.boundaries import resolve
from workbench.tokens.render import Renderer
from workbench.tokens.template import bundled_templates

if TYPE_CHECKING:
    from workbench.families.spec import Family
    from workbench.models.load import Loaded


def named_template(
    loaded: Loaded,
    family: Family | None,
    axolotl_python: str | None = None,
    axolotl: AxolotlTable | None = None,
) -> str | None:
    """The `chat_template` under which axolotl renders and masks as the model's own template and the family's
    boundaries do; None where that is not shown.

    Shown means: the text is the same to the letter, or, where an axolotl is at hand to read it from, writes the same of
    all conversations of the proof; and every marker has the same ids and flags under this tokenizer. Then rows have the
    same ids, and the same labels but for media in a trained turn, which axolotl masks. (T007 looks at the user's rows.)

    `axolotl`: the table of the release that is to train; by default of the newest.
    """
    axolotl = axolotl or table()
    name = family.axolotl.chat_template if family is not None else None
    if family is None or name is None or loaded.processor is None:
        return None
    if not _same_text(loaded, name, axolotl_python, axolotl):
        return None
    strategy = select_strategy(
        model_type=loaded.model_type,
        chat_template=name,
        processor_class_names=loaded.processor_classes,
        family=family,
        axolotl=axolotl,
    )
    tokenizer = loaded.tokenizer
    if strategy.terminator_ids(tokenizer) or strategy.problem(loaded.processor, tokenizer) is not None:
        return None
    try:
        own = resolve(family.boundaries, tokenizer)
    except BenchError:
        return None
    theirs = strategy.built_in(tokenizer)
    ours = {
        (boundary.role, boundary.start, boundary.end, boundary.include_start, boundary.include_end) for boundary in own
    }
    same = ours == {
        (boundary.role, boundary.start, boundary.end, boundary.include_start, boundary.include_end)
        for boundary in theirs
    }
    return name if same and len(own) == len(theirs) > 0 else None


def _same_text(loaded: Loaded, name: str, axolotl_python: str | None, axolotl: AxolotlTable) -> bool:
    """True where the template that axolotl bundles under this name writes what the tokenizer's own template writes."""
    own = loaded.tokenizer_template
    if own is None or axolotl.is_bundled(name, own):
        return own is not None
    try:
        folder = bundled_templates(axolotl_python)
        text = (folder / f"{name}.jinja").read_text("utf-8") if folder is not None else None
    except (BenchError, OSError):
        # The parts that need that Python report it themselves.
        return False
    if text is None or text == own:
        return text is not None
    mine, theirs = (Renderer(loaded.tokenizer, loaded.processor, template, {}) for template in (own, text))
    return same_prompts(mine, theirs)
