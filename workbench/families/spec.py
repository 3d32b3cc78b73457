"""The typed form of a file in `specs/`: a model family, and axolotl's strategies for it.

`specs/README.md` explains every key for the person who adds a family. An unknown key is an error that names its line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, model_validator

from workbench.errors import InputError, Where

# The parser in C reads all specs in some milliseconds; the one in Python would need half a second.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


T = TypeVar("T", bound=Data)


class MarkerIds(Data):
    """Ids that a boundary's markers encode to alone, for the record; `end` is absent where the boundary has none."""

    start: tuple[int, ...]
    end: tuple[int, ...] = ()


class FamilyBoundary(Data):
    """A row of axolotl's `role_boundaries`, as texts; `needs` are markers without which axolotl drops this row too."""

    role: str
    start: str
    end: str | None = None
    include_start: bool = False
    include_end: bool = True
    needs: tuple[str, ...] = ()
    ids: MarkerIds | None = None
    note: str = ""

    def as_recipe(self) -> dict[str, Any]:
        """The row as it stands in a recipe; values that are axolotl's defaults are left out."""
        row: dict[str, Any] = {"role": self.role, "start": self.start}
        if self.end is not None:
            row["end"] = self.end
        if self.include_start:
            row["include_start"] = True
        if not self.include_end:
            row["include_end"] = False
        return row


class MediaToken(Data):
    """A token that stands for media or frames it. `to` and `to_id` close a run of numbered tokens.

    `attr` is the processor's attribute that holds this text, where that is not the one its kind suggests.
    """

    kind: str
    token: str
    id: int | None = None
    to: str | None = None
    to_id: int | None = None
    attr: str | None = None
    note: str = ""


class Lookup(Data):
    """One id, or several, that a strategy's `process_labels` masks: exactly one of the five sources is given."""

    kind: str
    token: str | None = None
    token_attr: str | None = None
    id_attr: str | None = None
    ids_attr: str | None = None
    control: str | None = None
    of: Literal["processor", "tokenizer"] | None = None
    skip_unk: bool = False
    default: int | None = None
    or_else: Lookup | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Lookup:
        attribute = [self.token_attr, self.id_attr, self.ids_attr]
        if sum(source is not None for source in (self.token, self.control, *attribute)) != 1:
            raise ValueError("give exactly one of token, token_attr, id_attr, ids_attr, control")
        if any(attribute) != (self.of is not None):
            raise ValueError(
                "`of` says whose attribute it is: give it with token_attr, id_attr or ids_attr, and only there"
            )
        return self


class Requirement(Data):
    """An attribute (a dotted path) that axolotl's strategy reads when it is built; without it, building it raises."""

    of: Literal["processor", "tokenizer"]
    attr: str
    why: str


class StrategySpec(Data):
    """A strategy of axolotl's. `built_in`: with this family's boundaries; `none_without`: markers it must have.

    When it is picked is no knowledge of ours: the table of the release says it (`recipe/axolotl_table.py`).
    """

    name: str
    class_name: str
    built_in: bool = False
    control_ids: bool = False
    none_without: tuple[str, ...] = ()
    masks: tuple[Lookup, ...] = ()
    terminators: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()
    note: str = ""


class IdentifyRule(Data):
    """One way to recognise a family: all that is given must hold. `tokens` are looked up in the vocabulary."""

    model_types: tuple[str, ...] = ()
    config: dict[str, JsonValue] = {}
    processors: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()


class Variant(Data):
    """Another value of a need, for configs that have these values at these dotted paths."""

    value: JsonValue
    when: dict[str, JsonValue]


class RecipeSetting(Data):
    """A recipe key's recommended value and why; `when` narrows it to configs with these values at dotted paths."""

    value: JsonValue
    why: str
    when: dict[str, JsonValue] = {}
    variants: tuple[Variant, ...] = ()


class ExtraInput(Data):
    """An input the forward pass wants in training beside ids and mask, and what it is for a row without media."""

    name: str
    text_only: str
    why: str


class Problem(Data):
    """A known problem: what one sees, why, and what to do."""

    symptom: str
    cause: str
    fix: str


class Modules(Data):
    """The parts of the model, as prefixes of module names."""

    language: tuple[str, ...]
    vision: tuple[str, ...] = ()
    audio: tuple[str, ...] = ()
    projector: tuple[str, ...] = ()


class Verified(Data):
    """The source of the facts: a `real` tokenizer, `derived` from one, `inferred`, or `unverified` (documents only)."""

    level: Literal["real", "derived", "inferred", "unverified"]
    tokenizer: str | None = None
    checked: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Axolotl(Data):
    """axolotl's view: its bundled template's name, and the strategy this family gets with it (or by class)."""

    chat_template: str | None = None
    strategy: str
    strategies: tuple[StrategySpec, ...] = ()
    note: str = ""


class Grounding(Data):
    """The unit in which a family says where something is in a picture.

    `thousandths`: of the picture's width and height. `pixels`: of the picture as the processor resized it.
    """

    unit: Literal["thousandths", "pixels"]
    note: str = ""


class Family(Data):
    """A family file."""

    name: str
    title: str
    models: tuple[str, ...] = ()
    identify: tuple[IdentifyRule, ...]
    boundaries: tuple[FamilyBoundary, ...] = ()
    media: tuple[MediaToken, ...] = ()
    axolotl: Axolotl
    modules: Modules | None = None
    recipe: dict[str, RecipeSetting] = {}
    inputs: tuple[ExtraInput, ...] = ()
    grounding: Grounding | None = None
    problems: tuple[Problem, ...] = ()
    verified: Verified
    notes: tuple[str, ...] = ()

    def settings(self, config: Mapping[str, Any] | None = None) -> dict[str, RecipeSetting]:
        """The recipe's needs for this config, variants chosen; where it is not known, those without a condition."""
        chosen: dict[str, RecipeSetting] = {}
        for key, need in self.recipe.items():
            if not config_has(config, need.when):
                continue
            variant = next((variant for variant in need.variants if config_has(config, variant.when)), None)
            chosen[key] = need if variant is None else need.model_copy(update={"value": variant.value})
        return chosen


class AxolotlFile(Data):
    """`axolotl.yaml`: strategies of no family, and what axolotl decides by model type or by a model's name.

    Types derived from others, what is multimodal for its name, and the embeddings and head of types that name them
    otherwise.
    """

    strategies: tuple[StrategySpec, ...]
    derived_model_types: dict[str, tuple[str, ...]] = {}
    multimodal_names: tuple[str, ...] = ()
    embedding_layers: dict[str, tuple[str, str]] = {}


def config_has(config: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """True where the config has these values (or one of a list of values) at these dotted paths."""
    for path, value in wanted.items():
        value_at_path: Any = config
        for key in path.split("."):
            value_at_path = value_at_path.get(key) if isinstance(value_at_path, Mapping) else None
        if value_at_path != value and not (isinstance(value, (list, tuple)) and value_at_path in value):
            return False
    return True


def parse(text: str, file: str, model: type[T]) -> T:
    """Read one spec.

    Raises:
        InputError: it is not YAML, or not what a spec may say; it names the file, the line and the field.
    """
    try:
        return model.model_validate_json(json.dumps(yaml.load(text, Loader=_LOADER)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
        raise InputError(
            "This spec is not valid YAML", str(error.problem or error), "Correct the line.", place
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in first["loc"]).lstrip(".")
        raise InputError(
            f"This spec is not valid: {first['msg']}",
            f"{error.error_count()} error(s) in all.",
            "Every key is explained in specs/README.md.",
            Where(file, _line(text, first["loc"]), field=field or None),
        ) from error


def _line(text: str, path: tuple[int | str, ...]) -> int:
    """The 1-based line of the deepest part of `path` that the text has."""
    node = yaml.compose(text, Loader=_LOADER)
    line = 1
    for key in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == key), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return line
