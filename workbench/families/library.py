"""Families: how a checkpoint is recognised, which of axolotl's strategies it gets, and what that strategy masks.

The knowledge is data, in `specs/*.yaml` (typed in `spec.py`). Nothing about a model is written in code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from workbench.errors import InputError
from workbench.families.spec import (
    AxolotlFile,
    Family,
    FamilyBoundary,
    IdentifyRule,
    Lookup,
    StrategySpec,
    config_has,
    parse,
)
from workbench.paths import specs_dir
from workbench.recipe.axolotl_table import BASE_STRATEGY, AxolotlTable, table

EOS = "eos_token"
AXOLOTL_FILE = "axolotl.yaml"


@dataclass(frozen=True, slots=True)
class MediaId:
    """A token id that stands for media, its kind (image, video, image_start, …) and its text."""

    id: int
    kind: str
    token: str


@dataclass(frozen=True, slots=True)
class EncodedBoundary:
    """A built-in boundary as ids, with the fields of `workbench.tokens.boundaries.RoleBoundary`."""

    role: str
    start: tuple[int, ...]
    end: tuple[int, ...]
    include_start: bool
    include_end: bool
    start_text: str
    end_text: str | None


@dataclass(frozen=True)
class Strategy:
    """One of axolotl's strategies, and the family it is used for, which names media where there is no processor."""

    spec: StrategySpec
    boundaries: tuple[FamilyBoundary, ...]
    family: Family | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def class_name(self) -> str:
        """The name of axolotl's class, as its log prints it."""
        return self.spec.class_name

    def built_in(self, tokenizer: Any) -> list[EncodedBoundary]:
        """The boundaries axolotl builds for this tokenizer: rows whose markers encode to nothing are left out."""
        spec = self.spec
        if not all(self._encode(tokenizer, marker) for marker in spec.none_without):
            return []
        rows = []
        for row in self.boundaries:
            start = self._encode(tokenizer, row.start)
            end = () if row.end is None else self._encode(tokenizer, row.end)
            whole = start and (end or row.end is None) and all(self._encode(tokenizer, text) for text in row.needs)
            if whole:
                flags = (row.include_start, row.include_end, row.start, row.end)
                rows.append(EncodedBoundary(row.role, start, end, *flags))
        return rows

    def media_ids(self, processor: Any, tokenizer: Any, family: Family | None = None) -> list[MediaId]:
        """The ids that this strategy's `process_labels` masks besides pad, in axolotl's order, each once.

        Without a processor (a folder with a tokenizer only) its attributes are taken from the family's media tokens.
        """
        family = family or self.family
        kinds = {} if family is None else {media.token: media.kind for media in family.media}
        ids: dict[int, MediaId] = {}
        for lookup in self.spec.masks:
            for token_id, kind in _look_up(lookup, processor, tokenizer, family):
                text = lookup.token or str(_token_text(tokenizer, token_id))
                ids.setdefault(token_id, MediaId(token_id, kinds.get(text, kind), text))
        return list(ids.values())

    def terminator_ids(self, tokenizer: Any) -> tuple[int, ...]:
        """Ids of turn ends inside trained spans, to which axolotl applies `train_on_eos: none|last` after the scan."""
        encoded = [self._encode(tokenizer, text) for text in self.spec.terminators]
        return tuple(ids[0] for ids in encoded if len(ids) == 1)

    def problem(self, processor: Any = None, tokenizer: Any = None) -> str | None:
        """The reason why axolotl cannot build this strategy around these objects; None where it can."""
        owners = {"processor": processor, "tokenizer": tokenizer}
        for need in self.spec.requires:
            owner = owners[need.of]
            if owner is not None and _attribute(owner, need.attr) is None:
                return f"axolotl's {self.class_name} reads {need.of}.{need.attr}, which is not there: {need.why}"
        return None

    def _encode(self, tokenizer: Any, marker: str) -> tuple[int, ...]:
        if marker == EOS:
            eos = getattr(tokenizer, "eos_token_id", None)
            return () if eos is None else (int(eos),)
        if not self.spec.control_ids:
            return tuple(int(token) for token in tokenizer.encode(marker, add_special_tokens=False))
        try:
            return (int(tokenizer.tokenizer.instruct_tokenizer.tokenizer.get_special_token(marker)),)
        except (AttributeError, ValueError):
            return ()


def display_media(family: Family, tokenizer: Any) -> list[MediaId]:
    """Every media token of a family that the tokenizer has, for display: not what axolotl masks."""
    found: list[MediaId] = []
    for media in family.media:
        first = _known_id(tokenizer, media.token)
        last = first if media.to is None else _known_id(tokenizer, media.to)
        if first is None or last is None:
            continue
        found.append(MediaId(first, media.kind, media.token))
        found += [MediaId(i, media.kind, _token_text(tokenizer, i)) for i in range(first + 1, last + 1)]
    return found


def families() -> dict[str, Family]:
    """Every family by name, in the order of the files' names.

    Raises:
        InputError: a spec is not valid; it names the file, the line and the field.
    """
    return dict(_library().families)


def family(name: str) -> Family:
    """The family of that name, or the one with that axolotl `chat_template` name.

    Raises:
        InputError: there is none; the hint lists the names.
    """
    known = _library().families
    found = known.get(name) or next((family for family in known.values() if family.axolotl.chat_template == name), None)
    if found is None:
        raise InputError(f"There is no family {name!r}", hint="Known families: " + ", ".join(known) + ".")
    return found


def identify(
    model_type: str | None,
    processor_class_names: Iterable[str] = (),
    config: Mapping[str, Any] | None = None,
    tokenizer: Any = None,
) -> Family | None:
    """The family of a checkpoint, or None where no rule holds.

    Rules that agree with more of what is known win: model type, then config values, processor class, tokens. A rule
    without a model type speaks only where the checkpoint names none: processor classes are shared between families.
    """
    classes = set(processor_class_names)
    best: tuple[int, Family] | None = None
    for family in _library().families.values():
        for rule in family.identify:
            score = _score(rule, model_type, classes, config, tokenizer)
            if score and (best is None or score > best[0]):
                best = (score, family)
    return best[1] if best else None


def select_strategy(
    *,
    model_type: str | None = None,
    chat_template: str | None = None,
    processor_class_names: Iterable[str] = (),
    family: Family | None = None,
    axolotl: AxolotlTable | None = None,
) -> Strategy:
    """The strategy that a release of axolotl picks, bound to `family` or to the one that the arguments identify.

    `chat_template` is the recipe's value; `processor_class_names` the names of the processor's class and its bases;
    `axolotl` the table of the release, by default of the newest.
    """
    library = _library()
    classes = tuple(processor_class_names)
    if family is None:
        family = identify(model_type, classes)

    picked = (axolotl or table()).strategies.pick(model_type, chat_template, classes)
    described = [spec for spec in library.strategies if spec.class_name == picked]
    # A class that no spec describes renders by itself, and has no multimodal collator.
    described = described or [spec for spec in library.strategies if spec.class_name == BASE_STRATEGY]
    # Two families can have a class in common; each describes it in its own words.
    spec = next((spec for spec in described if library.homes.get(spec.name) is family), described[0])
    home = library.homes.get(spec.name)
    rows = home.boundaries if home is not None and spec.built_in else ()
    return Strategy(spec, rows, family or home)


def is_derived(model_type: str | None, parent: str) -> bool:
    """True where axolotl treats the model type as derived from `parent` ("mistral", "qwen")."""
    return model_type in _library().axolotl.derived_model_types[parent]


def is_named_multimodal(base_model: str) -> bool:
    """True where axolotl counts a model as multimodal for its name, whatever its type."""
    return any(name in base_model.lower() for name in _library().axolotl.multimodal_names)


def embedding_layers(model_type: str | None) -> tuple[str, str]:
    """The names of a model's input embeddings and head, as axolotl wants them in `lora_modules_to_save`."""
    return _library().axolotl.embedding_layers.get(model_type or "", ("embed_tokens", "lm_head"))


def _score(
    rule: IdentifyRule, model_type: str | None, classes: set[str], config: Mapping[str, Any] | None, tok: Any
) -> int:
    """The number of known facts that agree with the rule; 0 where the rule does not hold."""
    if rule.model_types:
        if model_type not in rule.model_types:
            return 0
    elif model_type is not None:
        return 0
    if rule.config and (config is None or not config_has(config, rule.config)):
        return 0
    if rule.processors and not classes.intersection(rule.processors):
        return 0
    if rule.tokens and (tok is None or any(_known_id(tok, text) is None for text in rule.tokens)):
        return 0
    return 8 * bool(rule.model_types) + 4 * bool(rule.config) + 2 * bool(rule.processors) + bool(rule.tokens)


def _look_up(lookup: Lookup, processor: Any, tokenizer: Any, family: Family | None) -> list[tuple[int, str]]:
    """The ids of one look-up, each with the kind that it says."""
    owner = processor if lookup.of == "processor" else tokenizer
    name = lookup.token_attr or lookup.id_attr or lookup.ids_attr
    if lookup.of == "processor" and processor is None:
        media_tokens = () if family is None else family.media
        named = [media for media in media_tokens if media.attr is not None and media.attr == name]
        listed = named or [media for media in media_tokens if media.kind == lookup.kind]
        ids = [found for media in listed if (found := _known_id(tokenizer, media.token)) is not None]
    elif name is not None:
        value = getattr(owner, name, None)
        if value is None:
            return _look_up(lookup.or_else, processor, tokenizer, family) if lookup.or_else else []
        if lookup.ids_attr is not None:
            ids = [int(token_id) for token_id in value if token_id is not None]
        else:
            ids = _checked(tokenizer.convert_tokens_to_ids(value) if lookup.token_attr else value, lookup, tokenizer)
    elif lookup.token is not None:
        ids = _checked(tokenizer.convert_tokens_to_ids(lookup.token), lookup, tokenizer)
    else:
        ids = _checked(_attribute(tokenizer, f"tokenizer.instruct_tokenizer.{lookup.control}"), lookup, tokenizer)
    return [(token_id, lookup.kind) for token_id in ids]


def _checked(value: Any, lookup: Lookup, tokenizer: Any) -> list[int]:
    unknown = lookup.skip_unk and value == getattr(tokenizer, "unk_token_id", None)
    if value is None or unknown:
        return [] if lookup.default is None else [lookup.default]
    # Without `skip_unk` an unknown token is masked as the unknown token's id: that is what axolotl does.
    return [int(value)]


def _known_id(tokenizer: Any, text: str) -> int | None:
    found = tokenizer.convert_tokens_to_ids(text)
    if found is None or (found == getattr(tokenizer, "unk_token_id", None) and text != tokenizer.unk_token):
        return None
    return int(found)


def _token_text(tokenizer: Any, token_id: int) -> str:
    try:
        return str(tokenizer.convert_ids_to_tokens(token_id))
    except (IndexError, KeyError, ValueError, OverflowError):
        return f"<id {token_id}>"


def _attribute(owner: Any, path: str) -> Any:
    for name in path.split("."):
        owner = getattr(owner, name, None)
    return owner


@dataclass(frozen=True)
class _Library:
    families: dict[str, Family]
    strategies: tuple[StrategySpec, ...]
    homes: dict[str, Family]
    axolotl: AxolotlFile


@lru_cache(maxsize=1)
def _library() -> _Library:
    found: dict[str, Family] = {}
    strategies: list[StrategySpec] = []
    homes: dict[str, Family] = {}
    unowned = AxolotlFile(strategies=())
    for file in sorted(
        (file for file in specs_dir().iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name
    ):
        if file.name == AXOLOTL_FILE:
            unowned = parse(file.read_text("utf-8"), str(file), AxolotlFile)
            continue
        family = parse(file.read_text("utf-8"), str(file), Family)
        found[family.name] = family
        strategies += family.axolotl.strategies
        homes.update((spec.name, family) for spec in family.axolotl.strategies)
    return _Library(found, (*strategies, *unowned.strategies), homes, unowned)
