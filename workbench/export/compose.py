"""From the recipe on the bench to the file for the full run: what is missing is filled in, what was there stays.

The chat template goes out by axolotl's own name, without `role_boundaries`, where that was shown to give the same ids
and labels on the rows: axolotl 0.17 to 0.21 cannot start with `role_boundaries` (A012). Else it stays as it stands, and
the plugin that lets axolotl start is listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.checks.ineffective_keys import broken
from workbench.errors import BenchError, InputError
from workbench.export.added_keys import model_keys, run_keys
from workbench.export.draft import ExportChange, ExportDraft
from workbench.export.paths import sources
from workbench.export.receipt import without_receipt
from workbench.recipe import plugin
from workbench.recipe.knobs import LOADING_KEYS
from workbench.recipe.model import Recipe
from workbench.recipe.new import RecipePart, comment_lines, family_settings, several_gpus, written_part
from workbench.recipe.yaml.document import Document

if TYPE_CHECKING:
    from workbench.bench import Bench

MULTIMODAL = {
    "skip_prepare_dataset": True,
    "remove_unused_columns": False,
    "sample_packing": False,
}
NEEDS_PLUGIN = (
    f"{plugin.FILE}, which {plugin.NAME} in plugins names, where axolotl finds it: beside this file, with "
    "`axolotl train` started in that folder; with --launcher python, or started elsewhere, also PYTHONPATH=that folder"
)
NEEDS_BOUNDARIES = f"an axolotl that starts with role_boundaries from a file, or the plugin {plugin.NAME}"


@dataclass(frozen=True, slots=True)
class Composed:
    """The recipe's text for the full run, without a receipt, and what was done to it.

    `files`: name -> content of what must lie beside it.
    """

    text: str
    changes: tuple[ExportChange, ...]
    requirements: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


def compose(
    bench: Bench,
    *,
    rows: Sequence[int],
    out: Path | None = None,
    overrides: Mapping[tuple[str | int, ...], Any] | None = None,
) -> Composed:
    """The file for the full run of a loaded bench.

    Args:
        rows: numbers of the rows over which the named strategy must agree.
        out: where it will lie; relative paths that would break there become absolute.
        overrides: values that the user sets; they win over everything.

    Raises:
        InputError: a path in `overrides` cannot be set.
    """
    # Read anew, so that neither the bench's text nor its history changes.
    text = without_receipt(bench.document.text)
    work = ExportDraft(bench, Document(text, bench.document.name), dict(overrides or {}), rows)
    for path, value in work.overrides.items():
        work.put(path, value, "set for this export")
    sources(work, out)
    if Recipe.from_document(work.document).multimodal:
        release = bench.axolotl.release
        for key, required in MULTIMODAL.items():
            trial = {**work.document.data, key: required}
            if (key,) not in work.overrides and broken(trial, release) <= broken(work.document.data, release):
                work.put((key,), required, "every multimodal run needs it")
    _masking(work)
    _strategy(work)
    _fill(work)
    files = {plugin.FILE: plugin.source()} if plugin.is_listed(work.document.data) else {}
    return Composed(work.document.text, tuple(work.changes), tuple(work.requirements), files)


def reopen(bench: Bench, text: str, path: Path | None = None, *, same_model: bool = True) -> Bench:
    """A bench on another text, with what is loaded where the text loads the same. Raises BenchError where it cannot."""
    from workbench.bench import Bench

    document = Document(text, str(path or bench.document.name), path=path or bench.document.path)
    # Model and data are those of the text.
    other = Bench(document, **bench.options | {"model": None, "data": None, "dataset": 0})
    old, new = bench.document.data, document.data
    changed = [key for key in LOADING_KEYS - {"base_model"} if old.get(key) != new.get(key)]
    if not same_model or changed not in ([], ["processor_type"]) or (changed and bench.loaded.processor is None):
        return other.load()
    other.loaded = bench.loaded
    other.family = bench.family
    other.apply()
    return other


def first_difference(mine: Bench, other: Bench, rows: Sequence[int]) -> tuple[int, int] | None:
    """Row and token where two benches first differ in ids or labels; None where they agree on all these rows."""
    for index in rows:
        here, there = mine.row(index), other.row(index)
        if (here.error is None) != (there.error is None):
            return index, 0
        if here.error is not None:
            continue
        pairs = (
            (here.rendering.input_ids, there.rendering.input_ids),
            (here.mask.labels, there.mask.labels),
        )
        for a, b in pairs:
            shared = min(len(a), len(b))
            unequal = np.flatnonzero(np.asarray(a[:shared]) != np.asarray(b[:shared]))
            if len(unequal) or len(a) != len(b):
                return index, int(unequal[0]) if len(unequal) else shared
    return None


def _masking(work: ExportDraft) -> None:
    """Write out the keys that decide the labels where axolotl reads them: in the first dataset's entry."""
    recipe = Recipe.from_document(work.document)
    if not recipe.datasets or not (recipe.multimodal or recipe.datasets[0].type == "chat_template"):
        # Other strategies, and rows that are tokenized already, know no roles.
        return
    place = "read from the first entry, for every dataset" if recipe.multimodal else "read here"
    work.put(("datasets", 0, "roles_to_train"), recipe.roles_to_train, place)
    work.put(("datasets", 0, "train_on_eos"), recipe.train_on_eos, place)
    if not recipe.datasets[0].type:
        work.put(("datasets", 0, "type"), "chat_template", "rows are conversations")


def _strategy(work: ExportDraft) -> None:
    """The named strategy in place of `role_boundaries`, where both are shown to be the same."""
    bench, document = work.bench, work.document
    recipe = Recipe.from_document(document)
    stuck = bench.strategy.problem(bench.loaded.processor, bench.loaded.tokenizer) if recipe.multimodal else None
    if recipe.effective_boundaries is not None and recipe.multimodal and not recipe.tokenizer_use_mistral_common:
        overridden = {("chat_template",), ("role_boundaries",)} & work.overrides.keys()
        name = bench.family.axolotl.chat_template if bench.family is not None else None
        problem = "no named strategy of axolotl's is known for this model" if name is None else ""
        if name is not None and not overridden:
            problem = _named(work, name)
            if not problem:
                return
        _plugged(work, problem)
    if stuck is not None:
        work.requirements.append(
            f"an axolotl that builds its {bench.strategy.class_name}, which {bench.axolotl.release} cannot: {stuck}"
        )


def _plugged(work: ExportDraft, problem: str) -> None:
    """List the plugin that lets axolotl start with `role_boundaries`. `problem`: why those stay, where it is known."""
    if not plugin.is_listed(work.document.data):
        if ("plugins",) in work.overrides:
            work.requirements.append(f"{NEEDS_BOUNDARIES}: {plugin.STOPS}")
            return
        why = f"{plugin.STOPS}; this plugin makes plain dictionaries of the entries"
        why += f". They stay: {problem}" if problem else ""
        for edit in plugin.plugin_edits(work.document.data):
            work.put(edit.path, edit.value, why)
        _remark(work, "plugins", f"{why}.")
    work.requirements.append(NEEDS_PLUGIN)


def _unplugged(work: ExportDraft) -> None:
    """Take the plugin off the list where there are no `role_boundaries` any more that it would make readable."""
    if ("plugins",) in work.overrides:
        return
    for edit in plugin.without_edits(work.document.data):
        work.document.delete(edit.path)
        why = "without role_boundaries axolotl starts as it is"
        work.changes.append(ExportChange(edit.path, None, why, removed=True))


def _named(work: ExportDraft, name: str) -> str:
    """Go over to the template and the boundaries that axolotl has under this name; "" where done, else why not."""
    from workbench.tokens.template import bundled_templates

    if bundled_templates(work.bench.options["axolotl_python"]) is None:
        return (
            f"whether `chat_template: {name}` alone gives the same could not be seen, for lack of an axolotl to read "
            "its template from (--axolotl-python)"
        )
    rows = work.rows
    trial = Document(work.document.text, work.document.name)
    trial.set(("chat_template",), name)
    for key in ("role_boundaries", "chat_template_jinja"):
        trial.delete((key,))
    try:
        differs = first_difference(reopen(work.bench, work.document.text), reopen(work.bench, trial.text), rows)
    except BenchError as error:
        return f"`chat_template: {name}` cannot be used: {error.title}"
    if differs is not None:
        return f"`chat_template: {name}` gives something else from token {differs[1]} of row {differs[0]} on"
    why = f"axolotl's own template and boundaries of this name give the same ids and labels on {len(rows)} rows"
    for key in ("role_boundaries", "chat_template_jinja"):
        if trial.data.get(key) is None and work.has(key):
            work.changes.append(ExportChange((key,), None, f"the same as axolotl's own of {name}", removed=True))
    work.document = trial
    work.changes.append(ExportChange(("chat_template",), name, why))
    _unplugged(work)
    _remark(work, "chat_template", f"{why[0].upper()}{why[1:]}.")
    return ""


def _remark(work: ExportDraft, key: str, text: str) -> None:
    """A comment above a key at the top level; nothing where it stands inside a line."""
    document = work.document
    line, column = document.line((key,), key=True)
    if column != 1:
        return
    lines = document.text.split("\n")
    end = "\r" if lines[line - 1].endswith("\r") else ""
    lines[line - 1 : line - 1] = [comment + end for comment in comment_lines(text)]
    marked = Document("\n".join(lines), document.name)
    if marked.data == document.data:
        work.document = marked


def _fill(work: ExportDraft) -> None:
    """Append the keys that the model's family and the full run need and the recipe leaves open, with their reasons."""
    model = model_keys(work.bench, work.document)
    run = run_keys(work.bench, work.document)
    parts = [
        RecipePart("Training settings of this model, added by vlmbench export.", tuple(model)),
        RecipePart("The full run, added by vlmbench export: starting points, to be changed freely.", tuple(run)),
    ]
    blocks = [block for part in parts if part.lines for block in written_part(part)]
    if not work.has("fsdp", "fsdp_config", "deepspeed"):
        settings = dict(family_settings(work.bench.family, work.bench.loaded.config))
        blocks += [note for note in several_gpus(settings) if note.split("\n")[0] not in work.document.text]
    lines = [*model, *run]
    _append(work, blocks, {line.key: line.value for line in lines})
    work.changes += [ExportChange((line.key,), line.value, line.above) for line in lines]


def _append(work: ExportDraft, blocks: Sequence[str], values: Mapping[str, Any]) -> None:
    """Blocks of text behind the document; as plain edits where that would not read as meant."""
    if not blocks:
        return
    document = work.document
    end = "\r\n" if "\r\n" in document.text else "\n"
    text = document.text.rstrip("\r\n") + "\n\n" + "\n\n".join(blocks) + "\n"
    try:
        longer = Document(text.replace("\r\n", "\n").replace("\n", end), document.name)
    except InputError:
        longer = None
    if longer is not None and {k: v for k, v in longer.data.items() if k not in values} == document.data:
        work.document = longer
        return
    for key, value in values.items():
        document.set((key,), value)
