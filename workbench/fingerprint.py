"""Fingerprints of a proof's subject: the recipe, the rows, their labels, the model and the versions.

An overfit run keeps a fingerprint; an export compares it with the bench of today and says what has changed since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.row_text import json_text
from workbench.recipe.knobs import FIRST_ONLY

if TYPE_CHECKING:
    from workbench.bench import Bench

PACKAGES = ("torch", "transformers", "peft", "accelerate")
# Keys of a recipe that an overfit run follows: an edit of one makes it prove something else.
PROVEN_KEYS = (
    *("base_model", "revision_of_model", "processor_type", "chat_template", "chat_template_jinja"),
    *("role_boundaries", "train_on_inputs", "special_tokens", "tokens", "added_tokens_overrides", "image_size"),
    *("adapter", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "lora_target_linear"),
    *("lora_target_parameters", "lora_modules_to_save", "peft_use_dora", "peft_use_rslora", "lora_model_dir"),
    *("lora_rank_pattern", "lora_alpha_pattern", "lora_fan_in_fan_out", "peft_init_lora_weights"),
    *("peft_layer_replication", "peft_trainable_token_indices", "peft_ensure_weight_tying"),
    *("resize_token_embeddings_to_32x", "mean_resizing_embeddings", "shrink_embeddings"),
    *("freeze_mm_modules", "unfrozen_parameters", "load_in_4bit", "load_in_8bit", "bf16", "fp16"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not what it was. `what` names it: `recipe.KEY`, `labels`, `rows`, `model`, `version of …`."""

    what: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Hashes are hexadecimal SHA-256, shortened to 16 characters; `recipe` holds each proven key's value as JSON."""

    recipe: dict[str, str]
    data: str
    indices: tuple[int, ...]
    rows: str
    labels: str
    template: str
    model: str
    model_files: str
    versions: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"indices": list(self.indices)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Fingerprint:
        """A fingerprint from its `to_dict`. Raises KeyError or TypeError where something is missing or too much."""
        return cls(**(fields | {"indices": tuple(fields["indices"])}))

    def differences(self, now: Fingerprint) -> list[Difference]:
        """The differences from `now`, the recipe first."""
        found = [
            Difference(f"recipe.{key}", self.recipe.get(key, "unset"), now.recipe.get(key, "unset"))
            for key in sorted({*self.recipe, *now.recipe})
            if self.recipe.get(key) != now.recipe.get(key)
        ]
        for what in ("labels", "rows", "data", "template", "model", "model_files"):
            was, is_now = getattr(self, what), getattr(now, what)
            if was != is_now:
                found.append(Difference(what.replace("_", " "), was, is_now))
        if self.indices != now.indices:
            found.append(Difference("which rows", _numbers(self.indices), _numbers(now.indices)))
        found += [
            Difference(f"version of {name}", self.versions.get(name, "none"), now.versions.get(name, "none"))
            for name in sorted({*self.versions, *now.versions})
            if self.versions.get(name) != now.versions.get(name)
        ]
        return found


def _numbers(indices: Sequence[int]) -> str:
    return ", ".join(map(str, indices))


def fingerprint(bench: Bench, indices: Sequence[int]) -> Fingerprint:
    """The fingerprint of a loaded bench and some of its rows. Renders those rows.

    Raises:
        BenchError: a row cannot be rendered.
    """
    known = bench.document.data
    recipe = {key: json_text(known[key]) for key in PROVEN_KEYS if known.get(key) is not None}
    entries = known.get("datasets")
    first = entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], dict) else {}
    recipe |= {f"datasets[0].{key}": json_text(first[key]) for key in FIRST_ONLY if first.get(key) is not None}
    rows, labels = hashlib.sha256(), hashlib.sha256()
    for index in indices:
        row = bench.row(index)
        rows.update(json_text(row.raw.data).encode())
        labels.update(np.ascontiguousarray(row.rendering.input_ids, dtype="<i8").tobytes())
        labels.update(np.ascontiguousarray(row.mask.labels, dtype="<i8").tobytes())
    loaded = bench.loaded
    return Fingerprint(
        recipe=recipe,
        data=bench.rows.name,
        indices=tuple(indices),
        rows=_short(rows),
        labels=_short(labels),
        template=_short(hashlib.sha256((bench.template.text or "").encode("utf-8", "surrogatepass"))),
        model=f"{loaded.source}@{loaded.revision}" if loaded.revision else str(loaded.source),
        model_files=_files(loaded.path),
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """The installed versions that a training result depends on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _files(folder: Path) -> str:
    """A hash of a model folder: small files by content, weights by name and size, for reading them takes minutes."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*")):
        if not file.is_file() or file.suffix not in (".json", ".jinja", ".model", ".safetensors", ".bin", ".txt"):
            continue
        weights = file.suffix in (".safetensors", ".bin")
        digest.update(f"{file.name} {file.stat().st_size}\n".encode())
        if not weights:
            digest.update(file.read_bytes())
    return _short(digest)


def _short(digest: Any) -> str:
    return str(digest.hexdigest()[:16])
