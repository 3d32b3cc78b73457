"""Tokenizer, processor and configuration as axolotl would have them, without weights."""

from __future__ import annotations

import gc
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import BenchError, InputError
from workbench.families.library import is_named_multimodal
from workbench.findings import Emitter, Finding
from workbench.models import hub, problems, tokenizer
from workbench.models.hub import Report, Snapshot, Source
from workbench.models.sizes import names_sizes
from workbench.paths import PROCESSOR_FILES, has_processor
from workbench.recipe.axolotl_table import table

NO_PROCESSOR = Emitter("L001", __name__)
NO_FAMILY = Emitter("L002", __name__)
CODE_NOT_RUN = Emitter("L005", __name__)
LOADING_WARNING = Emitter("L006", __name__)

ImageSize = int | tuple[int, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A model as the bench holds it.

    `path` is the folder of the model; tokenizer and processor may come from others (`tokenizer_path`,
    `processor_path`). `revision` is the commit hash of a hub model. `config` is the raw config.json ({} without one),
    `auto_config` the object that transformers makes of it, with its class's defaults. `processor` is None where there
    is none; `processor.tokenizer` is `tokenizer`. `image_size` is axolotl's default: pixels, (width, height) or None.
    The two templates are what each of them carries by itself.
    """

    source: str
    path: Path
    revision: str | None
    config: dict[str, Any]
    model_type: str | None
    tokenizer: Any
    processor: Any | None
    processor_classes: tuple[str, ...]
    generation_config: dict[str, Any] | None
    pad_id: int | None
    eos_id: int | None
    image_size: ImageSize
    notes: list[Finding] = field(default_factory=list)
    processor_template: str | None = None
    tokenizer_template: str | None = None
    auto_config: Any | None = None
    is_multimodal: bool = False
    tokenizer_path: Path | None = None
    processor_path: Path | None = None

    @property
    def sized(self) -> bool:
        """True where config.json has the model's sizes; else figures would be those of transformers' defaults."""
        return names_sizes(self.config)


def load(
    source: str,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    tokenizer_source: str | None = None,
    processor_source: str | None = None,
    recipe: Mapping[str, Any] | None = None,
    progress: Report | None = None,
    offline: bool = False,
    multimodal_types: Collection[str] | None = None,
) -> Loaded:
    """Load the tokenizer, processor and configuration. Weights are never read.

    `source` is a folder or a hub id (`org/name`, `org/name@revision`). `recipe` holds top-level axolotl keys; those
    that change ids, pad, eos or the processor are honoured with axolotl's meaning. `trust_remote_code` is the user's
    own word: the recipe's is not enough. The tokenizer and processor sources go before the recipe's
    `tokenizer_config` and `processor_config`, and those before the model. `multimodal_types`: the model types that
    axolotl takes for multimodal, by default those of the newest table.

    What costs time: importing transformers and torch (seconds, once a process); parsing tokenizer.json (0.2 to 3 s by
    vocabulary), twice where there is a processor, because a processor is built around a tokenizer of its own and
    axolotl then gives it the one that the recipe made; the first download. `progress` hears of each.

    Raises:
        InputError: no such folder, nothing in it, a broken file in it, or a recipe key that names no class.
        EnvironmentProblem: the hub, the network, the disk, a package, an architecture that this transformers lacks.
    """
    keys: Mapping[str, Any] = recipe or {}
    pinned = keys.get("revision_of_model")
    model = hub.resolve(source, revision or pinned)
    config_from = _other(keys.get("base_model_config"), pinned, model)
    token_from = _other(tokenizer_source or keys.get("tokenizer_config"), pinned, config_from)
    process_from = _other(processor_source or keys.get("processor_config"), pinned, config_from)

    fetched: dict[tuple[str | None, str | None, Path | None], Snapshot] = {}

    def get(place: Source) -> Snapshot:
        key = (place.repo, place.revision, place.folder)
        if key not in fetched:
            fetched[key] = hub.fetch(place, trust_remote_code=trust_remote_code, report=progress, offline=offline)
            problems.refuse_unreadable(fetched[key].path)
        return fetched[key]

    home, token_home, process_home = get(model), get(token_from), get(process_from)
    config_home = get(config_from)
    notes = [note for snapshot in fetched.values() for note in snapshot.notes]
    raw = _read_json(config_home.path / "config.json", config_from) or {}
    tokenizer.refuse_without_vocabulary(token_home.path, token_from, trust_remote_code)

    with hub.collect_warnings("transformers") as warnings, gc_paused():
        auto_config = _auto_config(config_home.path, config_from, raw, keys, trust_remote_code, notes)
        base_model = str(keys.get("base_model") or (model.repo or source))
        model_type = getattr(auto_config, "model_type", None) or raw.get("model_type")
        multimodal = _is_multimodal(model_type, base_model, keys, multimodal_types)
        # First, so that the tokenizer it is built around is gone before the real one is loaded.
        processor = _processor(process_home.path, process_from, raw, keys, trust_remote_code, notes, progress)
        hub._tell(progress, hub.TOKENIZER, 0, 1, "step")
        tokens = tokenizer.load_tokenizer(
            token_home.path,
            token_from,
            keys,
            raw_config=raw,
            auto_config=auto_config,
            base_model=base_model,
            trust_remote_code=trust_remote_code,
            notes=notes,
        )
        hub._tell(progress, hub.TOKENIZER, 1, 1, "step")
        if keys.get("tokenizer_use_mistral_common"):
            from workbench.models import mistral

            processor = mistral.load_processor(process_home.path, process_from, keys, tokens) if multimodal else None
    own_template = _template(processor)
    if processor is not None:
        processor.tokenizer = tokens
    notes += [LOADING_WARNING("note", " ".join(text.split())) for text in dict.fromkeys(warnings)]
    if keys.get("trust_remote_code") and not trust_remote_code and "auto_map" in raw:
        message = "the recipe says trust_remote_code: true; the bench did not run the repository's own code"
        notes.append(CODE_NOT_RUN("warning", message, "Read the code, then run again with --trust-remote-code."))
    return Loaded(
        source=source,
        path=home.path,
        revision=home.commit,
        config=raw,
        model_type=model_type,
        tokenizer=tokens,
        processor=processor,
        processor_classes=tuple(cls.__name__ for cls in type(processor).__mro__) if processor is not None else (),
        generation_config=_read_json(home.path / "generation_config.json", model),
        pad_id=tokens.pad_token_id,
        eos_id=tokens.eos_token_id,
        image_size=image_size(auto_config, processor, multimodal),
        notes=notes,
        processor_template=own_template,
        tokenizer_template=_template(tokens),
        auto_config=auto_config,
        is_multimodal=multimodal,
        tokenizer_path=token_home.path,
        processor_path=process_home.path if processor is not None else None,
    )


@contextmanager
def gc_paused() -> Iterator[None]:
    """A vocabulary is a million small objects that all stay: looking for cycles among them doubles the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def image_size(auto_config: Any, processor: Any, multimodal: bool) -> ImageSize:
    """axolotl's default picture size: the vision configuration's if it is multimodal, else the processor's own `size`.

    It reads the configuration object, so a class's default counts (Gemma 3: 224). From the processor: (width, height),
    or the one that is given. None where neither says.
    """
    declared = getattr(getattr(auto_config, "vision_config", None), "image_size", None) if multimodal else None
    if declared is not None:
        return tuple(declared) if isinstance(declared, list) else declared
    size = getattr(processor, "size", None)
    sides = [size[key] for key in ("width", "height") if key in size and size[key] is not None] if size else []
    return (sides[0], sides[1]) if len(sides) == 2 else sides[0] if sides else None


def _other(text: Any, pinned: Any, otherwise: Source) -> Source:
    """A source of its own, or `otherwise`. axolotl's revision_of_model rules every repository that it loads from."""
    return hub.resolve(str(text), str(pinned) if pinned else None) if text else otherwise


def _read_json(path: Path, source: Source) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise problems.broken_file(path, error, source) from error
    if not isinstance(data, dict):
        raise problems.broken_file(path, ValueError("a JSON object is expected"), source)
    return data


def _auto_config(
    path: Path, source: Source, raw: dict[str, Any], keys: Mapping[str, Any], trust: bool, notes: list[Finding]
) -> Any:
    """transformers' configuration object; None (with a note) where there is no config.json or no model_type in it."""
    if not raw.get("model_type") and "auto_map" not in raw:
        missing = "has no model_type" if raw else "is missing"
        message = f"config.json {missing}: the model's family is not known"
        notes.append(NO_FAMILY("note", message, "Name the family with --family, or add config.json."))
        return None
    import transformers

    name = keys.get("cls_model_config")
    config_class = problems.transformers_class(str(name), "cls_model_config") if name else transformers.AutoConfig
    try:
        config = config_class.from_pretrained(path, trust_remote_code=trust)
    except Exception as error:
        raise problems.explain(error, "configuration", source, path, raw) from error
    for key, value in (keys.get("overrides_of_model_config") or {}).items():
        try:
            setattr(config, key, value)
        except Exception as error:
            cause = " ".join(str(error).split())[:300]
            hint = "Give the value in the type that the model's config.json has there."
            raise InputError(f"overrides_of_model_config.{key} does not fit {source.text}", cause, hint) from error
    return config


def _is_multimodal(
    model_type: str | None, base_model: str, keys: Mapping[str, Any], types: Collection[str] | None
) -> bool:
    known = table().multimodal if types is None else types
    return model_type in known or is_named_multimodal(base_model) or bool(keys.get("is_multimodal"))


def _processor(
    path: Path,
    source: Source,
    raw: dict[str, Any],
    keys: Mapping[str, Any],
    trust: bool,
    notes: list[Finding],
    report: Report | None,
) -> Any:
    """The processor, without its tokenizer; None (with a note) where the folder has none."""
    if keys.get("tokenizer_use_mistral_common"):
        return None
    hint = "Rows with text only are shown in full. For pictures give a model with a processor."
    if not has_processor(path):
        message = f"{source.text} has no processor (no {PROCESSOR_FILES[0]}): pictures are not expanded"
        notes.append(NO_PROCESSOR("note", message, hint))
        return None
    import transformers

    hub._tell(report, hub.PROCESSOR, 0, 1, "step")
    name = str(keys.get("processor_type") or "AutoProcessor")
    processor_class = problems.transformers_class(name, "processor_type")
    options = {**(keys.get("processor_kwargs") or {}), "trust_remote_code": trust}
    try:
        processor = processor_class.from_pretrained(path, **options)
    except BenchError:
        raise
    except Exception as error:
        raise problems.explain(error, "processor", source, path, raw) from error
    hub._tell(report, hub.PROCESSOR, 1, 1, "step")
    if not isinstance(processor, transformers.ProcessorMixin):
        message = f"{name} gives a {type(processor).__name__} for {source.text}, which is no processor: "
        notes.append(NO_PROCESSOR("note", message + "pictures are not expanded", hint))
        return None
    processor.tokenizer = None
    return processor


def _template(holder: Any) -> str | None:
    """The chat template that a tokenizer or processor carries; of several, the one named default."""
    template = getattr(holder, "chat_template", None)
    if isinstance(template, Mapping):
        template = template.get("default")
    return template if isinstance(template, str) else None
