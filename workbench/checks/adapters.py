"""A001, A002, A003, A010, A011: the modules that a recipe trains of its model, and those it does not."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.checks.recipe_facts import ModelFacts
from workbench.checks.registry import check
from workbench.checks.row_facts import counted
from workbench.families.library import embedding_layers
from workbench.findings import Edit, Finding, Fix
from workbench.models.lora import ADAPTERS, TARGETS
from workbench.models.patterns import PatternError

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.models.anatomy import Anatomy
    from workbench.models.towers import TowerName

_SIDES: tuple[TowerName, ...] = ("vision", "audio", "projector", "other")


@check("A001", "A002", "A003", stage="model")
def targets(model: ModelFacts) -> Iterator[Finding]:
    """A001, A002, A003: where the adapters are."""
    bench, anatomy, facts = model.bench, model.anatomy, model.trained
    recipe = bench.recipe
    key = next((name for name in TARGETS if getattr(recipe, name)), None)
    if recipe.adapter not in ADAPTERS or key is None:
        # That nothing is named to be adapted is told by C005.
        return
    where = model.at(key)
    hits = facts.hits
    language = hits.get("language", 0) + hits.get("experts", 0)
    beside = {tower: hits[tower] for tower in _SIDES if hits.get(tower)}
    if isinstance(facts.refusal, PatternError):
        # C011 tells it.
        return
    if recipe.lora_r is None:
        # That is told by C005.
        return
    if facts.refusal is not None and facts.refusal.where.field not in TARGETS:
        text = ": ".join(part for part in (facts.refusal.title, facts.refusal.cause) if part)
        text = text if text.startswith("PEFT") else text[0].lower() + text[1:]
        yield Finding("A002", "error", text, facts.refusal.hint, facts.refusal.where)
        return
    if facts.refusal is not None:
        fix, hint = language_only(bench, anatomy)
        if facts.matched:
            yield Finding("A002", "error", f"PEFT refuses the targets: {facts.refusal.cause}", hint, where, fix)
        else:
            text = f"the targets match none of {anatomy.class_name}'s modules"
            yield Finding("A003", "error", text, hint, where, fix)
        return
    if beside:
        reached = " and ".join(f"{counted(number, 'module')} of {_the(tower)}" for tower, number in beside.items())
        dead = f"; freeze_mm_modules freezes {len(facts.dead):,} of the adapters again"
        dead = dead if facts.dead and not recipe.unfrozen_parameters else ""
        text = f"LoRA reaches {reached}, beside {counted(language, 'module')} of the language model{dead}"
        fix, hint = language_only(bench, anatomy)
        yield Finding("A001", "warning", text, hint, where, fix)
    if facts.redirected:
        kind = type(anatomy.model.get_submodule(facts.redirected[0])).__name__
        still = len([name for name in facts.redirected if name in facts.dead])
        after = f", and freezes {still:,} of them afterwards" if still else ""
        some = ", ".join(facts.redirected[:2]) + (", …" if len(facts.redirected) > 2 else "")
        text = (
            "plain PEFT, and servers with it, cannot load this adapter: "
            f"{counted(len(facts.redirected), 'target')} are {kind} ({some}); axolotl adapts the linear layer inside"
            f"{after}"
        )
        hint = "A pattern that names the language model avoids them; else merge the adapter before it is served."
        yield Finding("A002", "warning", text, hint, where)
    if not language:
        fix, hint = language_only(bench, anatomy)
        yield Finding("A003", "error", "the targets reach no module of the language model", hint, where, fix)
    elif facts.unreached and not recipe.peft_layers_to_transform:
        total = max(block.count for block in anatomy.blocks)
        text = (
            f"{len(facts.unreached)} of the language model's {total} layers have no adapter: {_ranges(facts.unreached)}"
        )
        fix, hint = language_only(bench, anatomy)
        yield Finding("A003", "warning", text, hint, where, fix)


def language_only(bench: Bench, anatomy: Anatomy) -> tuple[Fix | None, str]:
    """Targets that reach the language model alone: the family's, where they do, else those of the anatomy."""
    from workbench.models.targets import language_model_pattern, trained

    need = bench.family.settings(bench.loaded.config).get("lora_target_modules") if bench.family is not None else None
    for pattern in (need.value if need is not None else None, language_model_pattern(anatomy)):
        if not isinstance(pattern, str):
            continue
        change = {"lora_target_modules": pattern, "lora_target_linear": None}
        facts = trained(anatomy, bench.recipe.model_copy(update=change))
        if facts.refusal is None and facts.hits.get("language") and not any(facts.hits.get(side) for side in _SIDES):
            edits = [Edit(("lora_target_modules",), pattern)]
            if bench.recipe.lora_target_linear is not None:
                edits.append(Edit(("lora_target_linear",), remove=True))
            title = f"a pattern for {counted(facts.hits['language'], 'module')} of the language model"
            return Fix(title, tuple(edits)), f"Use {pattern}"
    return None, "No pattern reaches it alone: PEFT turns patterns into names for this architecture."


@check("A017", stage="model")
def new_tokens(model: ModelFacts) -> Iterator[Finding]:
    """A017: tokens that are added, and embeddings that an adapter leaves as they are."""
    bench, anatomy = model.bench, model.anatomy
    recipe = bench.recipe
    saved = list(recipe.lora_modules_to_save or ())
    wanted = embedding_layers(bench.loaded.model_type)
    if not recipe.adapter or not recipe.tokens or all(name in saved for name in wanted):
        return
    # axolotl asks for its own names; a model that calls them otherwise needs those too, or they are not trained.
    ends = [part for part in (anatomy.model.get_input_embeddings(), anatomy.model.get_output_embeddings()) if part]
    own = [name.rpartition(".")[2] for name, part in anatomy.model.named_modules() if any(part is end for end in ends)]
    names = list(dict.fromkeys([*saved, *wanted, *own]))
    text = (
        f"tokens adds {counted(len(recipe.tokens), 'token')}, and with an adapter axolotl stops unless "
        f"lora_modules_to_save has {' and '.join(wanted)}: their embeddings would stay at random"
    )
    fix = Fix(f"lora_modules_to_save: {', '.join(names)}", (Edit(("lora_modules_to_save",), names),))
    yield Finding("A017", "error", text, "Train the embeddings and the head too.", model.at("tokens"), fix)


@check("A010", stage="model")
def experts(model: ModelFacts) -> Iterator[Finding]:
    """A010: adapters on the parameters of experts."""
    bench, anatomy, facts = model.bench, model.anatomy, model.trained
    recipe, known = bench.recipe, anatomy.expert_parameters
    named = recipe.lora_target_parameters or []
    named = [named] if isinstance(named, str) else list(named)
    everything = [name for name, _ in anatomy.model.named_parameters()]
    for index, name in enumerate(named):
        if any(parameter == name or parameter.endswith(f".{name}") for parameter in everything):
            continue
        path = (
            ("lora_target_parameters", index)
            if isinstance(recipe.lora_target_parameters, list)
            else ("lora_target_parameters",)
        )
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        fix = Fix(f"{name} → {near[0]}", (Edit(path, near[0]),)) if near else None
        hint = (
            f"Write {near[0]}." if near else f"There are {', '.join(known)}." if known else "This model has no experts."
        )
        yield Finding(
            "A010",
            "error",
            f"lora_target_parameters names {name}, which no parameter ends in",
            hint,
            recipe.where(path),
            fix,
        )
    if known and recipe.adapter in ADAPTERS and facts.refusal is None and not facts.counts.get("experts") and not named:
        size = next(tower.parameters for tower in anatomy.towers if tower.name == "experts")
        share = f"{size / anatomy.parameters:.0%} of the" if anatomy.sized else "many"
        text = f"{share} parameters are in experts, and no adapter is on them"
        edits = [Edit(("lora_target_parameters",), list(known))]
        if recipe.lora_dropout:
            edits.append(Edit(("lora_dropout",), 0.0))
        fix = Fix(f"lora_target_parameters: {', '.join(known)}", tuple(edits))
        yield Finding(
            "A010",
            "note",
            text,
            f"To train them, set lora_target_parameters to {', '.join(known)}.",
            model.at("adapter"),
            fix,
        )


@check("A011", stage="model")
def frozen(model: ModelFacts) -> Iterator[Finding]:
    """A011: training of the sides that make tokens of pictures and sound, and adapters that are frozen again."""
    bench, anatomy, facts = model.bench, model.anatomy, model.trained
    recipe = bench.recipe
    language = any(facts.modules.get(name) == "language" for name in facts.dead)
    if recipe.adapter and recipe.unfrozen_parameters and (language or (facts.dead and not recipe.freeze_mm_modules)):
        # The freezing comes after the adapters, under whose names everything then is.
        text = f"unfrozen_parameters freezes {len(facts.dead):,} of {counted(len(facts.modules), 'adapter')} again"
        hint = "Remove it: beside adapters nothing else trains. Its patterns begin where names do, at base_model.model."
        alone = Fix("without unfrozen_parameters", (Edit(("unfrozen_parameters",), remove=True),))
        yield Finding("A011", "error", text, hint, model.at("unfrozen_parameters"), alone)
        return
    sides = [tower for tower in anatomy.towers if tower.name in ("vision", "audio", "projector")]
    if not sides or facts.refusal is not None:
        return
    if recipe.adapter:
        if not recipe.freeze_mm_modules and not any(facts.hits.get(tower.name) for tower in sides):
            text = (
                "freeze_mm_modules is not set; under these adapters nothing of vision, audio or projector trains anyway"
            )
            yield Finding("A011", "note", text, "Set it all the same, so that it stays so.", model.at("adapter"))
        return
    trained = [tower for tower in sides if facts.counts.get(tower.name)]
    if not trained:
        return
    named = ", ".join(
        (f"{facts.counts[tower.name] / 1e6:,.1f} M of " if anatomy.sized else "")
        + f"{_the(tower.name)} ({', '.join(tower.prefixes)})"
        for tower in trained
    )
    keep = [
        f"{prefix}.*" for tower in anatomy.towers if tower.name in ("language", "head") for prefix in tower.prefixes
    ]
    if recipe.freeze_mm_modules:
        text = f"freeze_mm_modules does not know these modules by name, and they train: {named}"
        fix = (
            Fix("unfrozen_parameters: the language model alone", (Edit(("unfrozen_parameters",), keep),))
            if keep
            else None
        )
        yield Finding(
            "A011", "warning", text, "List what trains in unfrozen_parameters.", model.at("freeze_mm_modules"), fix
        )
    elif not recipe.unfrozen_parameters:
        fix = Fix("freeze_mm_modules: true", (Edit(("freeze_mm_modules",), True),))
        text = f"full fine-tuning also trains {named}"
        yield Finding(
            "A011",
            "error",
            text,
            "Set freeze_mm_modules, or say in unfrozen_parameters what is to train.",
            model.at("base_model"),
            fix,
        )


def _the(tower: str) -> str:
    return {"vision": "the vision tower", "audio": "the audio tower", "projector": "the projector"}.get(
        tower, "other parts"
    )


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in order, with runs as a-b."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    named = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return ", ".join(named[:6]) + (", …" if len(named) > 6 else "")
