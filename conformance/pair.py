"""One recipe, both sides: axolotl's collator and the bench, over the same model folder and the same rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from conformance.environment import ROOT, here
from tests.support import processors
from workbench.consumers.axolotl import worker

# axolotl's ten names with boundaries of their own, and the families whose recipes use each.
TEMPLATE_OF = {
    "gemma3": "gemma3",
    "gemma3n": "gemma3n",
    "gemma4": "gemma4",
    "gemma4_unified": "gemma4_unified",
    "qwen2_vl": "qwen2_vl",
    "qwen2_5_vl": "qwen2_vl",
    "qwen3_vl": "qwen2_vl",
    "qwen3_5": "qwen3_5",
    "llama3_2_vision": "llama3_2_vision",
    "llama4": "llama4",
    "pixtral": "pixtral",
    "mistral_v7_tekken": "mistral_v7_tekken",
}
ALL_ROLES = ["assistant", "user", "system", "tool", "ipython"]
FIELD = "chat"


def model_folder(family: str, *, real: bool = processors.TOKENIZERS is not None) -> Path:
    """The family's processor folder, kept in the release's place for as long as what it is made from is unchanged.

    `real`: around the family's real tokenizer, else around a small one with its control tokens.
    """
    digest = hashlib.sha256()
    for source in sorted((ROOT / "tests" / "support").glob("*.py")):
        digest.update(source.read_bytes())
    kept = here().home / "models" / digest.hexdigest()[:12] / ("real" if real else "fallback")
    folder = kept / family
    if not (folder / "complete").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer = processors.tokenizer_folder if real else processors.fallback_folder
        processors.build_processor(family, tokenizer(family, kept), folder)
        (folder / "complete").touch()
    return folder


@lru_cache(maxsize=1)
def loaded(family: str) -> Any:
    """The bench's side of the family's model, read once for the tests that leave it as it is."""
    from workbench.models.load import load

    processors.ensure_num2words()
    return load(str(model_folder(family)))


def opened(family: str, **options: Any) -> Any:
    """A bench around the family's model that is read already, of what `workbench.bench.prepare` takes."""
    from workbench.bench import prepare

    bench = prepare(**options)
    bench.loaded = loaded(family)
    bench.family = bench._identify()
    if not bench.has_document:
        bench._document = bench._new_document(options["model"])
    bench.apply()
    return bench


def recipe(model: Path, template: str | None, data: Path, **changes: Any) -> dict[str, Any]:
    """A multimodal recipe that axolotl accepts. `changes`: top-level keys, and under `dataset` the dataset entry's."""
    dataset = {"path": str(data), "type": "chat_template", "ds_type": "json", "field_messages": FIELD}
    dataset |= changes.pop("dataset", {})
    made: dict[str, Any] = {
        "base_model": str(model),
        "processor_type": "AutoProcessor",
        "skip_prepare_dataset": True,
        "remove_unused_columns": False,
        "sample_packing": False,
        "chat_template": template,
        "datasets": [dataset],
        "sequence_len": 8192,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "num_epochs": 1,
        "optimizer": "adamw_torch",
        "lr_scheduler": "cosine",
        "learning_rate": 1e-4,
        "output_dir": str(data.parent / "out"),
        **changes,
    }
    return {key: value for key, value in made.items() if value is not None}


_PARSED: dict[Any, tuple[Any, dict[str, Any]]] = {}
_CLASSES: dict[tuple[str, ...], Any] = {}


@contextmanager
def parsed_once(family: str) -> Iterator[None]:
    """Within: axolotl's loaders get one parse of a tokenizer or processor folder, as fresh as when it was first read.

    Recipes of one family differ in keys that the loaders set after reading: they are set back at every load. The
    classes of keys that axolotl makes anew for every recipe, of the same plugins, are made once as well.
    """
    from axolotl.integrations.base import PluginManager
    from axolotl.loaders import processor, tokenizer
    from axolotl.utils import config

    # The module as axolotl's loader holds it: a lazy one, of which there can be two.
    library: Any = processor.transformers
    if not all(family in key for key in _PARSED):
        _PARSED.clear()
    real_tokenizer, real_processor = tokenizer.AutoTokenizer, library.AutoProcessor

    def once(real: Any) -> Any:
        class Once:
            @staticmethod
            def from_pretrained(path: Any, **options: Any) -> Any:
                key = (family, real, str(path), json.dumps(options, sort_keys=True, default=str))
                if key not in _PARSED:
                    made = real.from_pretrained(path, **options)
                    _PARSED[key] = made, {name: getattr(made, name, None) for name in ("chat_template", "padding_side")}
                made, first = _PARSED[key]
                for name, value in first.items():
                    if hasattr(made, name):
                        setattr(made, name, value)
                return made

        return Once

    real_classes = config.merge_input_args

    def classes() -> Any:
        plugins = tuple(PluginManager.get_instance().get_input_args())
        if plugins not in _CLASSES:
            _CLASSES[plugins] = real_classes()
        return _CLASSES[plugins]

    tokenizer.AutoTokenizer, library.AutoProcessor = once(real_tokenizer), once(real_processor)
    config.merge_input_args = classes
    try:
        yield
    finally:
        tokenizer.AutoTokenizer, library.AutoProcessor = real_tokenizer, real_processor
        config.merge_input_args = real_classes


@dataclass
class Tally:
    """Counts of what was compared for a family."""

    rows: int = 0
    tokens: int = 0
    trained: int = 0
    refused: int = 0
    batches: int = 0
    recipes: int = 0
    seen: set[int] = field(default_factory=set)


class Pair:
    """A family's two sides. `use` gives both a recipe; the comparisons raise AssertionError at the first difference."""

    def __init__(self, family: str, scratch: Path, *, kept: bool = False) -> None:
        """`kept`: the bench has the model that other tests have too, and leaves it as it is."""
        self.family, self.kept = family, kept
        self.template = TEMPLATE_OF[family]
        self.folder = model_folder(family)
        self.scratch = scratch
        self.raw: list[dict[str, Any]] = []
        self._read: dict[Path, list[dict[str, Any]]] = {}
        self.tally = Tally()
        self.bench: Any = None
        self.axolotl: Any = None

    def give(self, rows: Sequence[dict[str, Any]], name: str = "rows") -> None:
        """Write rows as a JSONL file, for `use`."""
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (self.scratch / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def use(self, template: str | None, data: str = "rows", **changes: Any) -> None:
        """Both sides read the same recipe file; the bench takes it as an edit where it is open already.

        The rows are what each side's own reader makes of the same file.
        """
        from workbench import bench

        source = self.scratch / f"{data}.jsonl"
        made = recipe(self.folder, template, source, **changes)
        self.path = path = self.scratch / f"recipe-{self.tally.recipes}.yaml"
        path.write_text(yaml.safe_dump(made, sort_keys=False, allow_unicode=True), encoding="utf-8")
        self.axolotl = worker.open_recipe(path, unwrap_boundaries=True)
        if source not in self._read:
            self._read[source] = worker.read_rows(self.axolotl.cfg)
        self.raw = self._read[source]
        if self.bench is None:
            self.bench = opened(self.family, config=path) if self.kept else bench.open(path)
            self._padding = self.bench.loaded.tokenizer.padding_side
        else:
            self.bench.document.replace_text(path.read_text(encoding="utf-8"))
            self.bench.loaded.tokenizer.padding_side = self._padding
            self.bench.apply()
        self.tally.recipes += 1

    def pad(self, side: str) -> None:
        """Let both tokenizers pad on this side."""
        self.bench.loaded.tokenizer.padding_side = side
        self.axolotl.tokenizer.padding_side = side

    def theirs(self, indexes: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | Exception:
        """axolotl's batch of these rows, or what it raises."""
        try:
            return self.axolotl.collate([self.raw[index] for index in indexes])
        except Exception as problem:
            return problem

    def ours(self, indexes: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | Exception:
        """The bench's batch of these rows, or what it raises."""
        try:
            return self.bench.collate(indexes)
        except Exception as problem:
            return problem

    def same_row(self, index: int, theirs: tuple[np.ndarray, np.ndarray] | Exception | None = None) -> bool:
        """Compare one row alone. True where both give ids and labels, False where both refuse it."""
        theirs = self.theirs([index]) if theirs is None else theirs
        row = self.bench.row(index)
        place = f"row {index} of {self.path}: {json.dumps(self.raw[index], ensure_ascii=False)[:600]}"
        if isinstance(theirs, Exception):
            assert row.error is not None, f"axolotl raises {theirs!r}, the bench shows the row\n{place}"
            self.tally.refused += 1
            return False
        assert row.error is None, f"the bench reports {row.error}, axolotl takes the row\n{place}"
        ids, labels = theirs
        _same(row.rendering.input_ids, ids[0], "input_ids", place)
        _same(row.mask.labels, labels[0], "labels", place)
        self.tally.rows += 1
        self.tally.tokens += ids.size
        self.tally.trained += int((labels != -100).sum())
        self.tally.seen.update(np.unique(ids).tolist())
        return True

    def same_batch(self, indexes: Sequence[int]) -> bool:
        """Compare a batch. True where both give one."""
        theirs = self.theirs(indexes)
        place = f"batch {list(indexes)} of {self.path}"
        ours = self.ours(indexes)
        if isinstance(theirs, Exception) or isinstance(ours, Exception):
            both = isinstance(theirs, Exception) and isinstance(ours, Exception)
            assert both, f"one side refuses {place}: axolotl gives {theirs!r:.300}, the bench {ours!r:.300}"
            return False
        _same(ours[0], theirs[0], "input_ids", place)
        _same(ours[1], theirs[1], "labels", place)
        self.tally.batches += 1
        return True

    def masked_ids(self) -> np.ndarray:
        """Every id that the strategy never trains; asserted to be the bench's too. Needs `train_on_inputs`."""
        import torch

        everything = np.arange(len(self.axolotl.tokenizer) + 8, dtype=np.int64)[None, :]
        theirs = self.axolotl.strategy.process_labels(torch.from_numpy(everything)).numpy()
        ours = self.bench.masking.scan(everything).labels
        _same(ours, theirs, "labels", "every id of the vocabulary")
        return np.flatnonzero(theirs[0] == -100)


def _same(ours: np.ndarray, theirs: np.ndarray, what: str, place: str) -> None:
    if ours.shape == theirs.shape and np.array_equal(ours, theirs):
        return
    if ours.shape != theirs.shape:
        raise AssertionError(f"{what}: shape {ours.shape} here, {theirs.shape} in axolotl: {place}")
    where = np.argwhere(ours != theirs)
    first = tuple(int(number) for number in where[0])
    raise AssertionError(
        f"{what}: {len(where)} differ, the first at {first}: {ours[first]} here, {theirs[first]} in axolotl: {place}"
    )
