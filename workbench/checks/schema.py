"""C001 to C006, C010 to C013: the recipe against axolotl's own schema, found in its text alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.checks.ineffective_keys import SILENT
from workbench.checks.recipe_facts import TextFacts
from workbench.checks.refused_keys import LEGACY_ATTENTION, REFUSED, fsdp1_alone
from workbench.checks.registry import check
from workbench.errors import Where
from workbench.findings import Edit, Emitter, Finding, Fix, Severity, emits
from workbench.models.patterns import hint_for
from workbench.recipe import plugin
from workbench.recipe.model import Recipe
from workbench.recipe.patterns import broken
from workbench.recipe.refusals import BAD_VALUE, validated
from workbench.recipe.schema import Schema, annotation, nearest, unknown_keys
from workbench.recipe.yaml.nodes import KeyPath, dotted

if TYPE_CHECKING:
    from workbench.recipe.yaml.document import Document

OUTDATED = Emitter("C003", __name__)
BAD_PATTERN = Emitter("C011", __name__)
_SHIPPED = ("axolotl.integrations.", plugin.NAME)
_GUESSED = 200
"""Unknown keys for which a known one is looked for, among some seven hundred: a text with more is no recipe."""
_DECIDES_ROLES = ("roles_to_train", "datasets")


@check(stage="text")
def multimodal_keys(recipe: TextFacts) -> Iterator[Finding]:
    """C001, for the recipe and its first rows."""
    return multimodal(recipe.document, sees=recipe.sees_media)


def multimodal(recipe: Document, sees: Any = lambda: False) -> Iterator[Finding]:
    """C001. `sees()` is true where rows hold pictures or sound; it is asked only where no processor is named."""
    data = recipe.data
    if not data.get("processor_type"):
        if sees():
            text = "the rows hold pictures or sound, and without processor_type axolotl takes its text path"
            yield _four(recipe, "processor_type", "AutoProcessor", text, "error")
        return
    if data["processor_type"] != "AutoProcessor":
        text = f"processor_type is {data['processor_type']}; AutoProcessor finds the class of every checkpoint"
        yield _four(recipe, "processor_type", "AutoProcessor", text, "note")
    prepared = not data.get("skip_prepare_dataset")
    if prepared:
        text = "without skip_prepare_dataset: true the rows are tokenized as text before the collator can see them"
        yield _four(recipe, "skip_prepare_dataset", True, text, "error")
    if data.get("remove_unused_columns") is None:
        why = "axolotl sets it for skip_prepare_dataset" if not prepared else "the messages are removed from the rows"
        text = f"remove_unused_columns is not set to false; {why}"
        yield _four(recipe, "remove_unused_columns", False, text, "error" if prepared else "note")
    elif data["remove_unused_columns"]:
        text = "remove_unused_columns takes the messages from the rows before the collator can see them"
        yield _four(recipe, "remove_unused_columns", False, text, "error")
    if data.get("sample_packing"):
        text = "sample_packing cannot pack rows that are tokenized in the collator, as a multimodal run does"
        yield _four(recipe, "sample_packing", False, text, "error")
    elif data.get("sample_packing") is None:
        yield _four(recipe, "sample_packing", False, "sample_packing is not set to false; it is off by default", "note")


@emits("C001")
def _four(recipe: Document, key: str, value: Any, text: str, severity: Any) -> Finding:
    shown = str(value).lower() if isinstance(value, bool) else value
    place = key if key in recipe.data else "processor_type"
    where = recipe.where((place if place in recipe.data else "base_model",), key=True)
    fix = Fix(f"{key}: {shown}", (Edit((key,), value),))
    return Finding("C001", severity, text, f"Set {key}: {shown}.", where, fix)


@check("C002", stage="text")
def unknown(recipe: TextFacts) -> Iterator[Finding]:
    """C002, and C003 for the keys of a section."""
    data = recipe.data
    axolotl = recipe.axolotl
    for number, (path, names) in enumerate(unknown_keys(data, axolotl.schema)):
        key, section = str(path[-1]), recipe.get(path[:-1]) if len(path) > 1 else data
        if path == (key,) and (key in axolotl.removed or key in axolotl.renamed):
            continue
        plain = key.removeprefix("fsdp_")
        if path[0] == "fsdp_config" and plain != key and plain in names and isinstance(section, dict):
            # axolotl takes the prefix off, with a word in its log.
            fix = Fix(f"{key} → {plain}", _rename(path, plain)) if plain not in section else None
            where = recipe.where(path, key=True)
            yield OUTDATED("note", f"fsdp_config.{key} is {plain} now", f"Write {plain}.", where, fix)
            continue
        fate = fsdp1_alone(key, axolotl.release) if path[0] == "fsdp_config" else None
        if fate == "refused":
            # A rule of C004's has it.
            continue
        if fate == "dropped":
            where, fix = recipe.where(path, key=True), Fix(f"without {key}", (Edit(path, remove=True),))
            text = f"{key} is an option of FSDP1, which {axolotl.name} drops with a word in its log"
            yield Finding("C002", "warning", text, "Remove it.", where, fix)
            continue
        near = nearest(key, names) if number < _GUESSED else None
        place = f"{dotted(path[:-1])} has no key {key}" if len(path) > 1 else f"axolotl knows no key {key}"
        text = f"{place} (from the table of {axolotl.name}); it says nothing and ignores it"
        where = recipe.where(path, key=True)
        if len(path) == 1 and (others := _other_plugins(data, axolotl.schema)):
            # A plugin from elsewhere may declare it, and nobody here can tell.
            if near is not None and near not in data:
                hint = f"Did you mean {near}? Where {others[0]} reads it, all is well."
                yield Finding("C002", "note", f"axolotl itself knows no key {key}", hint, where)
            continue
        if near is None:
            hint = "Remove it, or list the plugin that reads it." if len(path) == 1 else "Remove it."
            yield Finding("C002", "warning", text, hint, where)
        elif isinstance(section, dict) and near in section:
            yield Finding("C002", "warning", text, f"Did you mean {near}, which is there too?", where)
        else:
            fix = Fix(f"{key} → {near}", _rename(path, near), retrains=near in _DECIDES_ROLES)
            yield Finding("C002", "error", text, f"Did you mean {near}?", where, fix)


def _other_plugins(data: Mapping[Any, Any], schema: Schema) -> list[str]:
    """The plugins that a recipe lists and axolotl does not ship."""
    listed = data.get("plugins")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    return [name for name in names if name not in schema.plugins and not name.startswith(_SHIPPED)]


@check("C012", stage="text")
def repeated(recipe: TextFacts) -> Iterator[Finding]:
    """C012: keys that stand more than once in their mapping."""
    for path, lines in recipe.parsed.repeated():
        earlier = ", ".join(map(str, lines[:-1]))
        text = (
            f"{dotted(path)} stands {len(lines)} times, and the last one counts: what line {earlier} says has no effect"
        )
        fix = Fix(f"the last {dotted(path)} alone", (Edit(path, unrepeat=True),))
        hint = f"Remove {'it' if len(lines) == 2 else 'them'}, or the last one where that is not what you mean."
        yield Finding("C012", "warning", text, hint, recipe.where(path, key=True), fix)


def _rename(path: KeyPath, name: str) -> tuple[Edit, ...]:
    return (Edit(path, rename=name),)


@check(stage="text")
def outdated(recipe: TextFacts) -> Iterator[Finding]:
    """C003: keys that axolotl renamed or removed."""
    data, axolotl = recipe.data, recipe.axolotl
    for key in data:
        where = recipe.where((key,), key=True) if isinstance(key, str) else Where()
        if key in axolotl.renamed and data[key] is not None:
            new = axolotl.renamed[key]
            refused = key == "noisy_embedding_alpha" and data.get(new)
            empty = (Edit((new,), remove=True),) if new in data and data[new] is None else ()
            edits = (*empty, *_rename((key,), new)) if data.get(new) is None else (Edit((key,), remove=True),)
            text = f"{key} is {new} now" + (", and both are set" if data.get(new) is not None else "")
            severity: Severity = "error" if refused else "warning"
            yield OUTDATED(severity, text, f"Write {new}.", where, Fix(f"{key} → {new}", edits))
        elif key in axolotl.removed and data[key]:
            # Removed alone, it would take the sharding with it.
            alone = key == "fsdp" and not data.get("fsdp_config")
            fix = None if alone else Fix(f"without {key}", (Edit((key,), remove=True),))
            hint = "Say it in fsdp_config." if alone else "Remove it."
            yield OUTDATED("error", f"{axolotl.name} no longer has {key}, and stops at it", hint, where, fix)
        elif key in LEGACY_ATTENTION and data[key] and not data.get("attn_implementation"):
            new = LEGACY_ATTENTION[key]
            others = tuple(Edit((old,), remove=True) for old in LEGACY_ATTENTION if data.get(old))
            fix = Fix(f"attn_implementation: {new}", (*others, Edit(("attn_implementation",), new)))
            text = f"{key} is attn_implementation: {new} now"
            yield OUTDATED("note", text, "Write attn_implementation.", where, fix)


@check("C006", stage="text")
def unplugged(recipe: TextFacts) -> Iterator[Finding]:
    """C006: keys of plugins that the recipe does not list."""
    data, schema = recipe.data, recipe.axolotl.schema
    plugins = [name for name in data.get("plugins") or () if isinstance(name, str)]
    for key, value in data.items():
        home = schema.plugin_of(key) if isinstance(key, str) and value not in (None, False) else None
        if home is None or any(key in keys for name, keys in schema.plugins.items() if name in plugins):
            continue
        text = f"{key} belongs to the plugin {home}, which the recipe does not list: it has no effect"
        fix = Fix(f"with {home.rpartition('.')[2]}", (Edit(("plugins",), [*plugins, home]),))
        yield Finding("C006", "warning", text, "Add the plugin to plugins.", recipe.where((key,), key=True), fix)


@cache
def _other_keys(schema: Schema) -> Any:
    """The keys that the typed recipe does not have, as one of pydantic's classes; it coerces as axolotl's does."""
    from pydantic import ConfigDict, create_model

    plugged = {name: entry for keys in schema.plugins.values() for name, entry in keys.items()}
    fields: dict[str, Any] = {
        key: (annotation(entry["type"]) | None if entry["type"] != "any" else Any, None)
        for key, entry in {**plugged, **schema.keys}.items()
        if key not in Recipe.model_fields
    }
    return create_model("OtherKeys", __config__=ConfigDict(extra="ignore", protected_namespaces=()), **fields)


@check(stage="text")
def refused_values(recipe: TextFacts) -> Iterator[Finding]:
    """C010, for the keys that the typed recipe does not hold, and for names that are looked up later."""
    data = {key: value for key, value in recipe.data.items() if isinstance(key, str)}
    model = _other_keys(recipe.axolotl.schema)
    yield from validated(model, {key: data[key] for key in data if key in model.model_fields}, recipe.parsed, {})[1]
    for key, names in recipe.axolotl.schema.names.items():
        value = data.get(key)
        if not isinstance(value, str) or value in names:
            continue
        near = nearest(value, names)
        text = f"{key} is {value!r}, which neither axolotl nor transformers has"
        fix = Fix(f"{key}: {near}", (Edit((key,), near),)) if near else None
        hint = f"Did you mean {near}?" if near else f"There are {', '.join(names[:6])} …"
        yield BAD_VALUE("error", text, hint, recipe.where((key,)), fix)
    # A recipe without rows is one that is being written; the bench itself asks for them.
    if data.get("learning_rate") is None and (data.get("datasets") or data.get("pretraining_dataset")):
        where = recipe.where(("learning_rate",) if "learning_rate" in data else (), key=True)
        yield BAD_VALUE("error", "learning_rate is missing; axolotl stops without it", "Add learning_rate.", where)


@check("C013", stage="text")
def never_tokenized(recipe: TextFacts) -> Iterator[Finding]:
    """C013: skip_prepare_dataset on the text path."""
    if recipe.path.kind not in ("text", "asked") or not recipe.recipe.skip_prepare_dataset:
        return
    text = "skip_prepare_dataset leaves the rows untokenized, and on the text path nothing tokenizes them later"
    path = ("skip_prepare_dataset",)
    fix = Fix("no skip_prepare_dataset", (Edit(path, remove=True),))
    hint = "Remove it, or name processor_type: AutoProcessor for the multimodal path."
    yield Finding("C013", "error", text, hint, recipe.where(path, key=True), fix)


@check(stage="text")
def removed_class(recipe: TextFacts) -> Iterator[Finding]:
    """C010, for a `model_type` that transformers does not have, such as one that it had before."""
    data = recipe.document.data
    key = next((key for key in ("type_of_model", "model_type") if data.get(key)), None)
    name = data.get(key) if key is not None else None
    # axolotl itself knows these two, and with either key it does not look at the name.
    passed = name in ("AutoModelForCausalLM", "MambaLMHeadModel") or data.get("trust_remote_code") or data.get("gptq")
    if key is None or not isinstance(name, str) or passed or _is_listed_class(name):
        return
    import transformers

    if hasattr(transformers, name):
        return
    text = f"{key} is {name!r}, which transformers {transformers.__version__} does not have: axolotl stops at it"
    hint = f"Remove {key}: axolotl then takes the class by the model's own type."
    fix = Fix(f"without {key}", (Edit((key,), remove=True),))
    yield BAD_VALUE("error", text, hint, recipe.document.where((key,)), fix)


def _is_listed_class(name: str) -> bool:
    """True where the lists of transformers' auto classes name this one; they are read, since importing takes seconds.

    False says nothing: a class need not be on a list.
    """
    spec = find_spec("transformers")
    folder = Path(spec.origin).parent / "models" / "auto" if spec is not None and spec.origin else None
    for file in ("modeling_auto.py", "auto_mappings.py") if folder is not None else ():
        with contextlib.suppress(OSError, ValueError):
            if folder is not None and f'"{name}"' in (folder / file).read_text("utf-8"):
                return True
    return False


@check(stage="text")
def unreadable(recipe: TextFacts) -> Iterator[Finding]:
    """C011, for what does not compile; a pattern that never ends is found with the model's names."""
    for pattern, problem in broken(recipe.data):
        text = f"the pattern {pattern.shown} does not compile: {problem}"
        yield BAD_PATTERN("error", text, hint_for(pattern), recipe.where(pattern.path, key=True))


@check("C004", stage="text")
def contradictory(recipe: TextFacts) -> Iterator[Finding]:
    """C004: keys that axolotl refuses together."""
    for _, message, hint, where, fix in _broken(recipe, REFUSED):
        yield Finding("C004", "error", message, hint, where, fix)


@check("C005", stage="text")
def ineffective(recipe: TextFacts) -> Iterator[Finding]:
    """C005: keys without effect beside others, which axolotl accepts without a message."""
    for stops, message, hint, where, fix in _broken(recipe, SILENT):
        yield Finding("C005", "error" if stops else "warning", message, hint, where, fix)


def _broken(recipe: TextFacts, rules: Iterable[Any]) -> Iterator[tuple[bool, str, str, Where, Fix | None]]:
    """(axolotl stops, message, hint, place, fix) for each rule that the recipe breaks."""
    data: Mapping[str, Any] = recipe.data
    for rule in rules:
        key = rule.at(data) if rule.holds(recipe.axolotl.release) else None
        if key is None:
            continue
        fix = None
        if rule.mend is not None:
            title, edits = rule.mend(data)
            fix = Fix(title, edits)
        yield rule.stops, rule.message, rule.hint, recipe.where((key,), key=True), fix
