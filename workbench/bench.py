"""The bench: a recipe with its processor and rows. The command line, the screens and notebooks all hold one of these.

`open` loads everything and returns; the terminal app takes a bench from `prepare`, shows its window, and calls `load`
behind it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, Where
from workbench.findings import Finding
from workbench.row import Losses, Masking, PartFlags, Row, as_finding

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from workbench.consumers.axolotl.at_hand import TableChoice
    from workbench.data.sources import RowSource
    from workbench.families.library import MediaId, Strategy
    from workbench.families.spec import Family
    from workbench.infer.search import Inference
    from workbench.models.anatomy import Anatomy
    from workbench.models.hub import Progress
    from workbench.models.load import Loaded
    from workbench.recipe.axolotl_table import AxolotlTable
    from workbench.recipe.model import Recipe
    from workbench.recipe.yaml.document import Document
    from workbench.tokens.template import Template

__all__ = ["Bench", "Losses", "Masking", "Row", "as_finding", "open", "prepare"]
_ROWS_KEPT = 64
DEMO = "demo.yaml"


class Bench:
    """A recipe with its model's processor and its rows."""

    def __init__(
        self,
        document: Document | None = None,
        *,
        model: str | None = None,
        data: str | None = None,
        dataset: int = 0,
        family: str | None = None,
        revision: str | None = None,
        trust_remote_code: bool = False,
        offline: bool = False,
        axolotl_python: str | None = None,
        axolotl_version: str | None = None,
    ) -> None:
        """Nothing is loaded yet. Without a document, `load` makes a recipe for `model` from its family's defaults.

        `axolotl_version`: the release whose table answers what is not asked of axolotl itself; see `axolotl`.
        """
        self._document = document
        self._model = model
        self._data = data
        self._dataset = dataset
        self._family_name = family
        self._revision = revision
        self._trust_remote_code = trust_remote_code
        self._offline = offline
        self._axolotl_python = axolotl_python
        self._axolotl_version = axolotl_version
        self._own_recipe = document is None
        self._kept: OrderedDict[int, Row] = OrderedDict()
        self._marker_ids: dict[str, tuple[int, ...]] = {}
        self.findings: list[Finding] = []
        self.losses: dict[int, Losses] = {}
        """The losses of the last run, by row; see `Row.nll`."""

    @property
    def title(self) -> str:
        """The model's name as the user knows it."""
        if self._model:
            return self._model
        return str(self.document.get(("base_model",), "")) or self.document.name

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of `Bench` besides the recipe, by name."""
        return {
            "model": self._model,
            "data": self._data,
            "dataset": self._dataset,
            "family": self._family_name,
            "revision": self._revision,
            "trust_remote_code": self._trust_remote_code,
            "offline": self._offline,
            "axolotl_python": self._axolotl_python,
            "axolotl_version": self._axolotl_version,
        }

    @property
    def axolotl(self) -> AxolotlTable:
        """The answers of the axolotl that is to train, for what is not asked of itself.

        The release that was given ("0.21"), else that of the axolotl at hand or the one nearest to it, else the newest.

        Raises:
            InputError: there is no table of the release that was given.
        """
        return self._table_choice.table

    @cached_property
    def _table_choice(self) -> TableChoice:
        from workbench.consumers.axolotl.at_hand import choose_table

        return choose_table(self._axolotl_version, self._axolotl_python)

    @property
    def data_is_sample(self) -> bool:
        """True where the rows are the bench's own sample: a new recipe without data."""
        return self._own_recipe and self._data is None

    @property
    def document(self) -> Document:
        """The recipe's YAML."""
        if self._document is None:
            raise InputError("The recipe is not loaded yet", hint="Call load() first.")
        return self._document

    def load(self, progress: Callable[[Progress], None] | None = None) -> Bench:
        """Load tokenizer, processor and rows; never weights. Seconds for a local folder, a download for a hub id.

        Raises:
            EnvironmentProblem: the model cannot be had. InputError: the recipe or the data are at fault.
        """
        from workbench.models.load import load

        known = dict(self._document.data) if self._document is not None else {}
        source = self._model or known.get("base_model")
        if not source:
            raise InputError(
                "The recipe names no model",
                "`base_model` is missing.",
                "Add `base_model: …`, or give --model.",
                Where(file=self.document.name, field="base_model"),
            )
        self.loaded: Loaded = load(
            self._beside_recipe(str(source)),
            revision=self._revision or known.get("revision_of_model"),
            trust_remote_code=self._trust_remote_code,
            recipe=known,
            progress=progress,
            offline=self._offline,
        )
        self._marker_ids = {}
        self.family: Family | None = self._identify()
        if self._document is None:
            self._document = self._new_document(str(source))
        self.apply()
        return self

    def _identify(self) -> Family | None:
        from workbench.families.library import family, identify

        if self._family_name is not None:
            return family(self._family_name)
        loaded = self.loaded
        return identify(loaded.model_type, loaded.processor_classes, loaded.config, loaded.tokenizer)

    def _beside_recipe(self, source: str) -> str:
        """axolotl takes a path from the working directory; a folder beside the recipe is found as well."""
        if self._document is None or self._model or Path(source).exists():
            return source
        folder = self.recipe_dir / source
        return str(folder) if folder.is_dir() else source

    @property
    def recipe_dir(self) -> Path:
        """The folder of the recipe's file, or the working directory."""
        path = getattr(self._document, "path", None)
        return Path(path).parent if path is not None else Path()

    def _new_document(self, source: str) -> Document:
        from workbench.infer.named_template import named_template
        from workbench.recipe.new import new_recipe

        loaded = self.loaded
        template = "tokenizer_default" if loaded.tokenizer_template is not None else "jinja"
        template = named_template(loaded, self.family, self._axolotl_python, self.axolotl) or template
        return new_recipe(
            source,
            self.family,
            data=self._data,
            template=template,
            template_text=loaded.processor_template if template == "jinja" else None,
            processor=loaded.processor is not None or self.family is not None,
            config=loaded.config,
            axolotl=self.axolotl,
        )

    def apply(self) -> None:
        """Read the whole document again: recipe, template, strategy, masking and rows. Renderings are forgotten."""
        from workbench.families.library import display_media, select_strategy
        from workbench.recipe.model import Recipe
        from workbench.tokens.render import Renderer
        from workbench.tokens.template import choose_template

        document, loaded = self.document, self.loaded
        self.recipe: Recipe = Recipe.from_document(document)
        self.template: Template = choose_template(
            document.data,
            tokenizer_template=loaded.tokenizer_template,
            processor_template=loaded.processor_template,
            axolotl_python=self._axolotl_python,
            axolotl=self.axolotl,
            base_dir=self.recipe_dir,
            where=self._place(("chat_template",)),
        )
        self.strategy: Strategy = select_strategy(
            model_type=loaded.model_type,
            chat_template=self.recipe.chat_template,
            processor_class_names=loaded.processor_classes,
            family=self.family,
            axolotl=self.axolotl,
        )
        self.media: list[MediaId] = self.strategy.media_ids(loaded.processor, loaded.tokenizer, self.family)
        kinds = {media.id: media.kind for media in self.media}
        if self.family is not None:
            kinds.update({media.id: media.kind for media in display_media(self.family, loaded.tokenizer)})
        self.renderer = Renderer(loaded.tokenizer, loaded.processor, self.template.text, kinds)
        self._kept.clear()
        self.rows: RowSource = self._open_rows()
        self.remask()

    def remask(self) -> None:
        """Read only what decides the mask from the document; renderings are kept."""
        from workbench.consumers.axolotl.startup import startup_findings
        from workbench.recipe.knobs import ignored_knobs
        from workbench.recipe.model import Recipe

        self.recipe = recipe = Recipe.from_document(self.document)
        self.masking = self.masking_of(self.document, recipe)
        self.findings = [
            *self.loaded.notes,
            *self._table_choice.findings,
            *self.template.findings,
            *ignored_knobs(recipe),
            *startup_findings(self),
            *self.rows.findings,
        ]

    def masking_of(self, document: Document, recipe: Recipe | None = None) -> Masking:
        """The masking of a recipe, with this bench's tokenizer and strategy. `recipe`: the document read.

        Raises:
            InputError: a marker encodes to nothing, or a knob has a value that axolotl refuses.
        """
        from workbench.recipe.model import Recipe
        from workbench.tokens.boundaries import RoleBoundary, resolve

        recipe, tokenizer = recipe or Recipe.from_document(document), self.loaded.tokenizer
        if recipe.effective_boundaries is not None:
            rows = range(len(recipe.effective_boundaries))
            places = [document.where(("role_boundaries", index), key=True) for index in rows]
            boundaries = resolve(recipe.effective_boundaries, tokenizer, places=places, known=self._marker_ids)
        else:
            boundaries = [
                RoleBoundary(
                    boundary.role,
                    boundary.start,
                    boundary.end,
                    boundary.include_start,
                    boundary.include_end,
                    boundary.start_text,
                    boundary.end_text,
                )
                for boundary in self.strategy.built_in(tokenizer)
            ]
        return Masking(
            tuple(boundaries),
            tuple(recipe.roles_to_train),
            recipe.train_on_eos,
            bool(recipe.train_on_inputs),
            self.loaded.pad_id,
            tuple(media.id for media in self.media),
            self.strategy.terminator_ids(tokenizer),
            _part_flags(recipe),
        )

    def infer(self, rows: Iterable[Row]) -> Inference:
        """Role boundaries for the template, proved on other conversations and on those of these rows that render.

        Raises:
            BenchError: the template cannot be read.
        """
        from workbench.infer.search import infer

        loaded = self.loaded
        shown = [row.conversation.messages for row in rows if row.error is None]
        return infer(
            self.renderer,
            loaded.tokenizer,
            generation_config=loaded.generation_config,
            rows=shown,
            sample=self.data_is_sample,
        )

    @property
    def anatomy(self) -> Anatomy:
        """The model without weights, in a second or so; EnvironmentProblem where it cannot be built here."""
        from workbench.models.anatomy import anatomy

        return anatomy(self.loaded.auto_config, self.recipe, sized=self.loaded.sized)

    def _place(self, path: tuple[str | int, ...]) -> Where:
        return self.document.where(path, key=True)

    @property
    def image_size(self) -> int | tuple[int, int] | None:
        """The size that a column's picture is brought to before the processor: the recipe's, or axolotl's default."""
        size = self.recipe.image_size if self.recipe.image_size is not None else self.loaded.image_size
        return (size[0], size[1]) if isinstance(size, tuple) else size

    def _open_rows(self) -> RowSource:
        from workbench.data.sources import open_source

        if self._data is not None:
            return open_source(self._data)
        if self._own_recipe:
            return open_source(self._sample_rows())
        datasets = self.recipe.datasets or []
        if self._dataset >= len(datasets):
            raise InputError(
                f"There is no dataset {self._dataset}" if datasets else "The recipe has no dataset",
                f"The recipe has {len(datasets)}, counted from 0." if datasets else "",
                "Add `datasets`, or give --data.",
                self._place(("datasets",)),
            )
        entry = datasets[self._dataset]
        if not entry.path:
            raise InputError("This dataset has no `path`", where=self._place(("datasets", self._dataset)))
        return open_source(
            entry.path,
            split=entry.split,
            name=entry.name,
            ds_type=entry.ds_type,
            data_files=entry.data_files,
            revision=entry.revision,
            base_dir=self.recipe_dir,
        )

    def _sample_rows(self) -> str:
        """The conversations that ship with the bench: a new recipe without data is shown on them."""
        from workbench.paths import sample_dir

        return str(sample_dir() / ("shapes.jsonl" if self.loaded.processor is not None else "text.jsonl"))

    def row(self, index: int) -> Row:
        """One row; the last few are kept.

        Raises:
            InputError: there is no such row.
        """
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        self._kept[index] = row = self.peek(index)
        if len(self._kept) > _ROWS_KEPT:
            self._kept.popitem(last=False)
        return row

    def peek(self, index: int) -> Row:
        """One row that is not kept in the cache: for reading many rows in turn.

        Raises:
            InputError: there is no such row.
        """
        if index in self._kept:
            return self._kept[index]
        try:
            if index < 0:
                raise IndexError(index)
            return Row(self, index, self.rows.row(index))
        except IndexError as problem:
            count = self.rows.known_length
            raise InputError(
                f"There is no row {index}",
                f"{self.rows.name} has {count} rows, counted from 0." if count is not None else "",
                where=Where(file=self.rows.name),
            ) from problem

    def head(self, count: int | None) -> Iterator[Row]:
        """The first `count` rows, or all."""
        index = 0
        while count is None or index < count:
            try:
                yield self.row(index)
            except InputError:
                if self.rows.known_length is None or index >= self.rows.known_length:
                    return
                raise
            index += 1

    def collate(self, indices: Sequence[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """A batch as the trainer would get it: `input_ids` and `labels`, both int64 `[B, L]`, padded to the longest."""
        ids = self.renderer.encode_batch([self.row(index).conversation.messages for index in indices])
        return ids, self.labels(indices, ids)

    def labels(self, indices: Sequence[int], ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The labels `[B, L]` of a batch that was made of these rows, from its padded ids."""
        import numpy as np

        labels = self.masking.scan(ids).labels
        for place, row in enumerate(map(self.row, indices)):
            if row.flags_under(self.masking):
                # Wherever the padding stands, the row's tokens are the batch's.
                length = len(row.rendering.input_ids)
                left = int(not np.array_equal(ids[place, :length], row.rendering.input_ids)) * (ids.shape[1] - length)
                labels[place, left : left + length] = row.mask.labels
        return labels


def _part_flags(recipe: Recipe) -> PartFlags | None:
    """The keys of per-part training, which the multimodal path does not read."""
    if recipe.multimodal:
        return None
    first = recipe.datasets[0] if recipe.datasets else None
    return PartFlags(first.message_field_training, first.message_field_training_detail) if first else PartFlags()


def open(
    config: str | Path | None = None, *, model: str | None = None, data: str | None = None, **options: Any
) -> Bench:
    """Open a recipe, a model, or (with neither) the embedded demo, and load what it needs.

    Args:
        config: an axolotl YAML file.
        model: a hub id or a folder; with `config` it takes the place of the recipe's `base_model`.
        data: a file, folder or hub dataset shown instead of the recipe's.
        options: `dataset`, `family`, `revision`, `trust_remote_code`, `offline`, `axolotl_python`,
            `axolotl_version` (see `Bench`), and `progress`.

    Raises:
        BenchError: with what happened and what to do.
    """
    progress = options.pop("progress", None)
    return prepare(config, model=model, data=data, **options).load(progress)


def prepare(
    config: str | Path | None = None, *, model: str | None = None, data: str | None = None, **options: Any
) -> Bench:
    """The same bench, not loaded yet."""
    from workbench.paths import sample_dir
    from workbench.recipe.yaml.document import Document

    if config is None and model is None:
        # The demo lies in the package's folder, which no message needs to name.
        path = sample_dir() / DEMO
        document: Document | None = Document(path.read_text("utf-8"), DEMO, path=path)
    else:
        document = Document.from_file(Path(config)) if config is not None else None
    return Bench(document, model=model, data=data, **options)
