"""A004 to A009, A013, C011: the model's classes and configuration against the recipe, before any weight is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.checks.loaded_class import loaded_class
from workbench.checks.recipe_facts import ModelFacts
from workbench.checks.refused_keys import LEGACY_ATTENTION, attention
from workbench.checks.registry import check
from workbench.checks.row_facts import counted
from workbench.checks.schema import BAD_PATTERN
from workbench.families.gradients import lost
from workbench.findings import Edit, Emitter, Finding, Fix, Severity
from workbench.models.forward import forward_facts
from workbench.models.load_route import causal_class
from workbench.models.patterns import PatternError
from workbench.models.sizes import UNSIZED
from workbench.recipe.checkpointing import is_reentrant

NOT_CHECKED = Emitter("A013", __name__)
# The largest attention head that a backend takes; one that is not named here takes any.
_LARGEST_HEAD = {"flash_attention_2": 256, "flash_attention_3": 256}
# What axolotl loads a model with before it puts its own in place.
_LOADED_WITH = {"fp8": "sdpa"}


@check(stage="model")
def unsized(model: ModelFacts) -> Iterator[Finding]:
    """A013: a configuration without sizes."""
    if not model.anatomy.sized:
        text = f"{UNSIZED}: no parameters and no memory are told, and numbers of layers and heads are the defaults'"
        hint = "Give a folder or a hub id that has the model's own config.json."
        yield NOT_CHECKED("note", text, hint, model.at("base_model"))


@check(stage="model")
def endless_pattern(model: ModelFacts) -> Iterator[Finding]:
    """C011, for a pattern that never ends on the model's names; what does not compile is found in the text."""
    refusal = model.trained.refusal
    if isinstance(refusal, PatternError) and refusal.endless:
        yield BAD_PATTERN("error", refusal.cause, refusal.hint, refusal.where)


@check("A004", stage="model")
def model_class(model: ModelFacts) -> Iterator[Finding]:
    """A004: the class that axolotl loads, where it is another one than is shown, or has pictures that no row has."""
    found = _another_class(model) or _whole_for_text(model)
    if found is not None:
        severity, text, hint, key = found
        yield Finding("A004", severity, text, hint, model.at(key))


def _another_class(model: ModelFacts) -> tuple[Severity, str, str, str] | None:
    import transformers

    loads, shown = loaded_class(model.bench, model.rehearsal), model.anatomy.class_name
    # A class that the recipe names and transformers does not have is C010's.
    gone = loads.name == model.bench.recipe.type_of_model and not hasattr(transformers, loads.name)
    if loads.name == shown or gone:
        return None
    lacks = ""
    if loads.name.startswith("Auto"):
        if loads.name != "AutoModelForCausalLM" or causal_class(model.anatomy.config) is not None:
            # It stands for a class that is not known here.
            return None
        lacks = ", which knows no class for this model type"
    data = model.bench.document.data
    key = next((key for key in ("type_of_model", "model_type") if data.get(key)), "base_model")
    hint = "The towers, adapters and memory that are shown are those of another model. Correct what names the class."
    return "warning", f"{loads.said(lacks)}; the bench shows {shown}", hint, key


def _whole_for_text(model: ModelFacts) -> tuple[Severity, str, str, str] | None:
    """For a recipe that trains on text alone: axolotl takes the text out of no checkpoint with pictures."""
    bench, anatomy = model.bench, model.anatomy
    named = bench.recipe.type_of_model
    if bench.recipe.multimodal or not bench.loaded.is_multimodal or named not in (None, "AutoModelForCausalLM"):
        return None
    beside = [tower for tower in anatomy.towers if tower.name in ("vision", "audio", "projector")]
    if not beside:
        return None
    size = f", {sum(tower.parameters for tower in beside) / 1e6:,.1f} M parameters" if anatomy.sized else ""
    loads = loaded_class(bench, model.rehearsal).said(" whole, for rows of text too")
    text = f"{loads}: no row reaches its {' and '.join(tower.name for tower in beside)}{size}"
    return "note", text, "They take memory; adapters on them learn nothing.", "base_model"


@check("A006", stage="model")
def attention_backend(model: ModelFacts) -> Iterator[Finding]:
    """A006: the class of each part is asked for the backend, then the heads are measured."""
    from workbench.models.attention import UNSET, missing_backend, parts_without

    bench, anatomy = model.bench, model.anatomy
    data = bench.document.data
    hybrid = bool(data.get("gemma4_hybrid_attn_impl"))
    # The hybrid is loaded with flash attention, which axolotl then takes from the global layers.
    name = attention(data) or ("flash_attention_2" if hybrid else None)
    if name is None:
        return
    keys = [key for key in ("attn_implementation", *LEGACY_ATTENTION, "gemma4_hybrid_attn_impl") if data.get(key)]
    text = missing_backend(anatomy, _LOADED_WITH.get(name, name))
    limit, largest = _LARGEST_HEAD.get(name), max(anatomy.head_dims, default=0)
    if text is None and limit is not None and largest > limit and not hybrid:
        text = f"{name} takes heads up to {limit}, and {anatomy.head_dims[largest]} has head_dim {largest}"
    if text is None:
        return
    title, hint = f"without {', '.join(keys)}", f"Remove {' and '.join(keys)}: {UNSET}."
    edits = [Edit((key,), remove=True) for key in keys]
    if data.get("sample_packing") and not bench.recipe.multimodal and not parts_without(anatomy, "sdpa"):
        # With none named, axolotl does not tell packed rows apart.
        title, hint = "attn_implementation: sdpa", "Set attn_implementation: sdpa."
        edits = [edit for edit in edits if edit.path != ("attn_implementation",)]
        edits.append(Edit(("attn_implementation",), "sdpa"))
    yield Finding("A006", "error", text, hint, model.at(keys[0]), Fix(title, tuple(edits)))


@check("A007", stage="model")
def checkpointing(model: ModelFacts) -> Iterator[Finding]:
    """A007: reentrant checkpointing, and adapters in a tower that loses their gradients, or trained shared modules.

    Adapters on the language model always get theirs: with any adapter axolotl lets the embeddings' output ask for one.
    """
    anatomy, recipe = model.anatomy, model.bench.recipe
    if not _reentrant(model):
        return
    if recipe.adapter:
        why = _lost(model)
    elif anatomy.shared:
        why = (
            f"{counted(len(anatomy.shared), 'parameter')} are shared between modules, such as {anatomy.shared[0][0]}, "
            "and DDP stops where one is marked ready twice"
        )
    else:
        why = None
    if why is None:
        return
    told = recipe.gradient_checkpointing_kwargs
    key = "gradient_checkpointing_kwargs" if told else "gradient_checkpointing"
    edit = Edit(("gradient_checkpointing_kwargs",), {**(told or {}), "use_reentrant": False})
    fix = Fix("use_reentrant: false", (edit,))
    unsaid = "" if told else f", as {model.bench.axolotl.name} has it where nothing is said"
    hint = "Set gradient_checkpointing_kwargs.use_reentrant to false."
    yield Finding("A007", "warning", f"checkpointing is reentrant{unsaid}: {why}", hint, model.at(key), fix)


def _reentrant(model: ModelFacts) -> bool:
    """True where checkpointing is reentrant: axolotl's answer where it was asked, else that of the table."""
    rehearsal = model.rehearsal
    if rehearsal is not None and rehearsal.refused is None:
        return bool(rehearsal.use_reentrant)
    return is_reentrant(model.bench.recipe, model.bench.loaded.model_type, model.bench.axolotl)


def _lost(model: ModelFacts) -> str | None:
    """The adapters that get no gradient, in words; None where all of them get one, as far as was measured."""
    bench, facts = model.bench, model.trained
    for tower, counts in lost(bench.family.name if bench.family is not None else "", bench.axolotl.release).items():
        alive = [name for name, place in facts.modules.items() if place == tower and name not in facts.dead]
        if alive:
            share = "" if not counts.reentrant else f"{counts.other - counts.reentrant} in {counts.other} of "
            return f"{share}the {counted(len(alive), 'adapter')} in the {tower} tower get no gradient"
    return None


@check("A008", stage="model")
def wrapping(model: ModelFacts) -> Iterator[Finding]:
    """A008: the layer class that FSDP is to wrap."""
    bench, anatomy = model.bench, model.anatomy
    settings = bench.recipe.fsdp_config
    if not settings and not bench.recipe.fsdp:
        return
    settings = settings or {}
    key = next(
        (name for name in settings if name.endswith("transformer_layer_cls_to_wrap")), "transformer_layer_cls_to_wrap"
    )
    listed = settings.get(key) or []
    names = [name.strip() for name in listed.split(",")] if isinstance(listed, str) else list(listed)
    own = [name for block in anatomy.blocks for name in block.classes]
    where, right = bench.recipe.where(("fsdp_config", key), key=True), ",".join(own)
    fix = Fix(f"wrap {right}", (Edit(("fsdp_config", key), right),)) if own else None
    if absent := [name for name in names if name not in anatomy.classes]:
        yield Finding(
            "A008",
            "error",
            f"{anatomy.class_name} has no {' or '.join(absent)} to wrap",
            f"Its layers are {right}.",
            where,
            fix,
        )
    elif names and not set(names) & set(own):
        yield Finding(
            "A008",
            "warning",
            f"{', '.join(names)} is not the language model's layer",
            f"Its layers are {right}.",
            where,
            fix,
        )
    elif not names:
        ghosts = [
            name for name in getattr(anatomy.model, "_no_split_modules", None) or () if name not in anatomy.classes
        ]
        also = f"; the model's own list names {', '.join(ghosts)}, of which it has none" if ghosts else ""
        text = f"FSDP is not told which layer to wrap{also}"
        yield Finding("A008", "warning", text, f"Set fsdp_config.{key} to {right}.", where, fix)


@check("A005", "A009", stage="model")
def training_step(model: ModelFacts) -> Iterator[Finding]:
    """A005 and A009: the inputs and the loss of a training step on this transformers."""
    bench, facts = model.bench, forward_facts(model.anatomy)
    if facts.problem is not None:
        text = f"a training step on text was tried and stopped: {facts.problem}; A005 and A009 were not checked"
        hint = "The step ran on tensors without data, which some code cannot do; else look at config.json."
        yield NOT_CHECKED("note", text, hint, model.at("base_model"))
        return
    inputs = getattr(bench.loaded.processor, "model_input_names", ())
    for name in facts.extra:
        brought = bench.recipe.multimodal and name in inputs
        hint = "The processor brings it." if brought else "Give it in every batch: zeros where a row is text alone."
        text = f"the forward pass raises in training without {name}"
        yield Finding("A005", "note" if brought else "warning", text, hint, model.at("base_model"))
    steps = bench.recipe.gradient_accumulation_steps or 1
    if facts.accepts_count and facts.uses_count is False and steps > 1:
        text = (
            "the loss ignores num_items_in_batch, which Trainer hands over in the belief that it does not: "
            f"the logged loss is {steps} times the true one"
        )
        yield Finding(
            "A009",
            "warning",
            text,
            "axolotl's trainer corrects it; elsewhere divide what is logged.",
            model.at("gradient_accumulation_steps"),
        )
