"""The chat template that axolotl renders with, as the recipe's `chat_template` decides it.

A name stands for the text that axolotl bundles under that name, which need not be the model's own. That text is read
from an axolotl that is at hand; nothing of it is imported. Where none is, a table of hashes tells whether the model's
own text is the bundled one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import EnvironmentProblem, InputError, Where
from workbench.files import read_limited
from workbench.findings import Emitter, Finding
from workbench.installed import NONE, installed

if TYPE_CHECKING:
    from workbench.recipe.axolotl_table import AxolotlTable

DEFAULT = "tokenizer_default"
FALLBACK = "tokenizer_default_fallback_"
MOST_BYTES = 4 << 20
_CHATML_SYSTEM = "You are a helpful assistant."


OTHER_TEMPLATE = Emitter("T007", __name__)


@dataclass(frozen=True, slots=True)
class Template:
    """The text to render with (None: the processor's own), where it comes from, and what there is to say about it."""

    text: str | None
    source: str
    findings: tuple[Finding, ...] = ()


def choose_template(
    recipe: Mapping[str, Any],
    *,
    tokenizer_template: str | None,
    processor_template: str | None,
    axolotl_python: str | None = None,
    axolotl: AxolotlTable | None = None,
    base_dir: Path | None = None,
    where: Where | None = None,
) -> Template:
    """The template for a recipe's `chat_template`, `chat_template_jinja` and `tokenizer_use_mistral_common`.

    `where` is the place of `chat_template` in the recipe, for errors. `base_dir` is the recipe's folder: a path in
    `chat_template_jinja` is looked for in the working directory, as axolotl does, and then there. `axolotl` is the
    table to go by where no axolotl is at hand, by default the newest.

    Raises:
        InputError: axolotl would refuse the choice, or knows no template of that name.
    """
    name = recipe.get("chat_template")
    jinja = recipe.get("chat_template_jinja")
    place = where or Where(field="chat_template")
    if recipe.get("tokenizer_use_mistral_common"):
        if name:
            raise InputError(
                "`chat_template` cannot be set together with `tokenizer_use_mistral_common`",
                "axolotl refuses it: mistral-common writes the prompt itself.",
                "Remove `chat_template`.",
                place,
            )
        return Template(None, "mistral-common")
    if jinja and not name:
        name = "jinja"
    if name is None:
        if tokenizer_template is not None:
            return Template(tokenizer_template, "the tokenizer's own")
        if processor_template is None:
            raise _no_template(place)
        return Template(processor_template, "the processor's own")
    if name == "jinja":
        return _jinja(jinja, base_dir, place)
    if name == DEFAULT:
        if tokenizer_template is None:
            hint = "Write `chat_template: jinja` and put the template into `chat_template_jinja`."
            if processor_template is None:
                raise _no_template(place)
            raise InputError(
                "`chat_template: tokenizer_default`, but only the processor has a chat template",
                "axolotl asks the tokenizer for it and raises where it has none.",
                hint,
                place,
            )
        return Template(tokenizer_template, "the tokenizer's own")
    if name.startswith(FALLBACK):
        if tokenizer_template is not None:
            return Template(tokenizer_template, "the tokenizer's own")
        name = name[len(FALLBACK) :]
    if axolotl is None:
        from workbench.recipe.axolotl_table import table

        axolotl = table()
    return _named(name, recipe, tokenizer_template or processor_template, axolotl_python, axolotl, place)


def _no_template(where: Where) -> InputError:
    return InputError(
        "This model has no chat template",
        "Neither the tokenizer nor the processor brings one: a base model, most likely.",
        "Give one: `chat_template: NAME` for one that axolotl bundles, or `chat_template_jinja`.",
        where,
    )


def _jinja(jinja: str | None, base_dir: Path | None, where: Where) -> Template:
    if not jinja:
        raise InputError(
            "`chat_template: jinja` without `chat_template_jinja`",
            hint="Put the template's text, or the path of a file, into `chat_template_jinja`.",
            where=where,
        )
    # Only a single line can be a path, and a long text must not reach the file system.
    if "\n" not in jinja and "{" not in jinja and len(jinja) < 1024:
        for folder in (Path(), base_dir or Path()):
            file = folder / jinja
            if file.is_file():
                return Template(_read(file, where), str(file))
        raise InputError(
            f"There is no template file {jinja!r}",
            "It is no Jinja text either, so axolotl would render this very line.",
            "Give the path from the folder in which you start axolotl.",
            where,
        )
    return Template(jinja, "chat_template_jinja")


def _read(file: Path, where: Where) -> str:
    title = "The chat template cannot be read"
    try:
        return read_limited(file, MOST_BYTES, title).decode("utf-8")
    except UnicodeDecodeError as problem:
        cause = f"{file} is no UTF-8: byte {problem.start} is 0x{problem.object[problem.start]:02x}."
        raise InputError(title, cause, "Save it as UTF-8.", where) from None


def _named(
    name: str,
    recipe: Mapping[str, Any],
    own: str | None,
    axolotl_python: str | None,
    axolotl: AxolotlTable,
    where: Where,
) -> Template:
    folder = bundled_templates(axolotl_python)
    if folder is None:
        return _unread(name, recipe, own, axolotl, where)
    file = folder / f"{name}.jinja"
    if "/" in name or not file.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.jinja")))
        raise InputError(
            f"axolotl has no chat template {name!r}", f"It has: {known}.", "Choose one, or `tokenizer_default`.", where
        )
    return _bundled(name, file.read_text("utf-8"), recipe)


def _bundled(name: str, text: str, recipe: Mapping[str, Any]) -> Template:
    system = recipe.get("default_system_message")
    if system and name == "chatml":
        text = text.replace(_CHATML_SYSTEM, system)
    return Template(text, f"axolotl's {name}")


def _unread(name: str, recipe: Mapping[str, Any], own: str | None, axolotl: AxolotlTable, where: Where) -> Template:
    """The model's own template in place of the bundled one that no axolotl is at hand to read, where both agree."""
    if own is None:
        raise EnvironmentProblem(
            f"The chat template {name!r} cannot be read here",
            "It is a text that axolotl bundles, no axolotl is installed beside the bench, and the model has none.",
            "Give `--axolotl-python PATH` of an environment that has axolotl.",
            where,
        )
    if axolotl.is_bundled(name, own):
        return _bundled(name, own, recipe)
    known = (
        f"which is not the model's own (from the table of {axolotl.name}) and "
        if name in axolotl.templates
        else "which "
    )
    finding = OTHER_TEMPLATE(
        "warning",
        f"`chat_template: {name}` means axolotl's bundled text, {known}cannot be read here: shown with the model's.",
        "Give --axolotl-python PATH of an environment with axolotl, or write `chat_template: tokenizer_default`.",
        where,
    )
    return Template(own, f"the model's own, in place of axolotl's {name}", (finding,))


def bundled_templates(axolotl_python: str | None = None) -> Path | None:
    """The folder of axolotl's bundled templates: the given Python's, or those of an axolotl beside the bench."""
    package = axolotl_package(axolotl_python)
    if package is None:
        return None
    folder = package / "utils" / "chat_templates" / "templates"
    return folder if folder.is_dir() else None


def axolotl_package(axolotl_python: str | None = None) -> Path | None:
    """The folder of the axolotl at hand: the given Python's, or the one beside the bench; None where there is none.

    Raises:
        EnvironmentProblem: the given Python cannot be run, or has no axolotl.
    """
    if axolotl_python == NONE:
        return None
    if axolotl_python is not None:
        return _package_of(axolotl_python)
    spec = find_spec("axolotl")
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


@cache
def _package_of(python: str) -> Path:
    package = installed(python).package
    if package is None:
        raise EnvironmentProblem(
            f"{python} has no axolotl", hint="Give the Python of the environment in which you train."
        )
    return package
