"""The class by which axolotl loads a recipe's model, and by whose word: axolotl's own, or that of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.consumers.axolotl.loader import Rehearsal

_NO_CLASS = (None, "AutoModelForCausalLM")


@dataclass(frozen=True, slots=True)
class LoadedClass:
    """The class: its `name`, and `by`, the release that says so. `asked`: that release itself, and not its table."""

    name: str
    by: str
    asked: bool

    def said(self, rest: str = "") -> str:
        """The answer in words: "axolotl 0.21.0 loads X", or "axolotl loads X (from the table of axolotl 0.21)".

        `rest` goes on after the class.
        """
        if self.asked:
            return f"{self.by} loads {self.name}{rest}"
        return f"axolotl loads {self.name}{rest} (from the table of {self.by})"


def loaded_class(bench: Bench, rehearsal: Rehearsal | None = None) -> LoadedClass:
    """The answer of the loader that was rehearsed; else of the axolotl that was asked about the rows; else the table's.

    The table knows the multimodal types. For another type it is transformers' causal class, as axolotl has it.
    """
    if rehearsal is not None and rehearsal.refused is None:
        return LoadedClass(rehearsal.model_class, rehearsal.name, True)
    asked = bench.asked
    if asked is not None and asked.answer is not None and asked.text == bench.document.text:
        name = asked.answer.resolved.get("loader")
        if name:
            return LoadedClass(str(name), asked.answer.name, True)
    return LoadedClass(_by_table(bench), bench.axolotl.name, False)


def _by_table(bench: Bench) -> str:
    recipe, loaded = bench.recipe, bench.loaded
    named = recipe.type_of_model
    if named not in _NO_CLASS and not recipe.trust_remote_code and not bench.document.get(("gptq",)):
        return str(named)
    if loaded.is_multimodal:
        return bench.axolotl.multimodal.get(loaded.model_type or "", "AutoModelForImageTextToText")
    from workbench.models.load_route import causal_class

    return causal_class(loaded.auto_config) or "AutoModelForCausalLM"
