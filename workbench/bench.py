"""The bench: a recipe with its processor and rows. The command line, the screens and notebooks all hold one of these.

`open` loads everything and returns; the terminal app takes a bench from `prepare`, shows its window, and calls `load`
behind it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BenchError, InputError, Where
from workbench.findings import Finding
from workbench.judged import RowResults
from workbench.row import Losses, Masking, Row, as_finding

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from workbench.consumers.axolotl.at_hand import TableChoice
    from workbench.consumers.axolotl.loader import Rehearsal
    from workbench.consumers.protocol import Asked
    from workbench.data.sources import RowSource
    from workbench.data.turns import TurnKeys
    from workbench.families.library import MediaId, Strategy
    from workbench.families.spec import Family
    from workbench.infer.search import Inference
    from workbench.models.anatomy import Anatomy
    from workbench.models.hub import Progress
    from workbench.models.load import Loaded
    from workbench.recipe.axolotl_table import AxolotlTable
    from workbench.recipe.model import DatasetSpec, Recipe
    from workbench.recipe.path import TrainingPath
    from workbench.recipe.yaml.document import Document
    from workbench.tokens.template import Template

__all__ = ["Bench", "Losses", "Masking", "Row", "as_finding", "open", "prepare"]
ROWS_KEPT = 64
"""Rows that are kept as they were rendered, the last that were asked for."""
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
        from workbench.consumers.settings import asks_by_default

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
        self.asks_loader = False
        """True where the checks ask axolotl's own loader, which takes seconds for every text of the recipe."""
        self._kept: OrderedDict[int, Row] = OrderedDict()
        self._marker_ids: dict[str, tuple[int, ...]] = {}
        self.results = RowResults()
        """The results of the rows, where many were looked at; see `workbench.blocks.known`."""
        self.findings: list[Finding] = []
        self._refusals: list[Finding] = []
        self.losses: dict[int, Losses] = {}
        """The losses of the last run, by row; see `Row.nll`."""
        self.asked: Asked | None = None
        """The answer of the trainer at hand about the recipe as it is now, where it was asked; see `take_answer`."""
        self.patched: set[str | None] = set()
        """The model types whose attention the axolotl that was asked has patched for its LoRA kernels."""
        self.asks = asks_by_default()
        """False where the trainer at hand is not to be asked; its templates are read all the same."""

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
    def shown_data(self) -> str:
        """The path of the rows that are shown instead of the recipe's; "" where they are the recipe's."""
        return self._data or (self._sample_rows() if self._own_recipe else "")

    @property
    def has_document(self) -> bool:
        """True where there is a recipe already; else `load` makes one."""
        return self._document is not None

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
        from workbench.consumers.settings import settings
        from workbench.models.load import load
        from workbench.recipe.knobs import repeating_model
        from workbench.recipe.model import Recipe

        if self._document is not None:
            # Before anything takes a value for what it should be.
            Recipe.from_document(self._document)
        found = settings(self.recipe_dir, axolotl_python=self._axolotl_python, axolotl_version=self._axolotl_version)
        self._axolotl_python, self.asks = found.axolotl_python, found.ask
        self._axolotl_version = found.axolotl_version
        # Another Python or release may be named there.
        self.__dict__.pop("_table_choice", None)
        known = dict(self._document.data) if self._document is not None else {}
        source = self._model or known.get("base_model")
        if not source:
            raise InputError(
                "The recipe names no model",
                "`base_model` is missing.",
                "Add `base_model: …`, or give --model.",
                Where(file=self.document.name, field="base_model"),
            )
        if self._model is not None:
            known = {key: value for key, value in known.items() if key not in repeating_model(known)}
        self.loaded: Loaded = load(
            self._beside_recipe(str(source)),
            revision=self._revision or known.get("revision_of_model"),
            trust_remote_code=self._trust_remote_code,
            recipe=known,
            progress=progress,
            offline=self._offline,
            multimodal_types=self.axolotl.multimodal.keys(),
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
        from workbench.data.turns import keys_of
        from workbench.families.library import display_media, select_strategy
        from workbench.recipe.model import Recipe
        from workbench.recipe.path import template_choice, training_path
        from workbench.tokens.message_variables import message_variables
        from workbench.tokens.render import Renderer
        from workbench.tokens.template import Template, choose_template

        document, loaded = self.document, self.loaded
        self.recipe: Recipe = Recipe.from_document(document)
        self.path: TrainingPath = training_path(self.recipe, self.entry_of(self.recipe))
        as_text = self.path.kind == "text"
        choice = template_choice(self.recipe, self.entry_of(self.recipe)) if as_text else {}
        try:
            self.template: Template = choose_template(
                {**document.data, **choice},
                tokenizer_template=loaded.tokenizer_template,
                processor_template=loaded.processor_template,
                axolotl_python=self._axolotl_python,
                axolotl=self.axolotl,
                base_dir=self.recipe_dir,
                where=self._place(("chat_template",)),
            )
        except BenchError:
            # Rows that are no chat need no template.
            if self.path.shown:
                raise
            self.template = Template(None, "none")
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
        options = self.recipe.chat_template_kwargs if as_text else None
        processor = None if as_text else loaded.processor
        # As text, media tokens stand for nothing but themselves.
        kinds = {} if as_text else kinds
        self.renderer = Renderer(loaded.tokenizer, processor, self.template.text, kinds, options)
        entry = self.entry_of(self.recipe)
        column = (entry.field_messages if entry is not None else None) or "messages"
        read = message_variables(self.template.text or "", column) if as_text else frozenset()
        self.turn_keys: TurnKeys = keys_of(entry, read, self._tokenizer_name())
        self._kept.clear()
        self.results = RowResults()
        self.rows: RowSource = self._open_rows()
        self.remask()

    def entry_of(self, recipe: Recipe) -> DatasetSpec | None:
        """The entry of `datasets` that is shown; None where the recipe has none."""
        entries = recipe.datasets or []
        return entries[self._dataset] if self._dataset < len(entries) else None

    def _tokenizer_name(self) -> str:
        """The path or id from which axolotl loads the tokenizer."""
        recipe = self.recipe
        return str(recipe.tokenizer_config or recipe.base_model_config or recipe.base_model or "")

    def remask(self) -> None:
        """Read only what decides the mask from the document; renderings are kept."""
        from workbench.consumers.axolotl.startup import startup_findings
        from workbench.recipe.knobs import ignored_knobs
        from workbench.recipe.model import Recipe

        if self.asked is not None and self.asked.text != self.document.text:
            self.asked = None
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
        self.take_answer(self.asked)

    def take_answer(self, asked: Asked | None) -> None:
        """Take what the trainer said of the recipe, for the checks; an answer about another text is of no use."""
        from workbench.consumers.axolotl.startup import refusals

        fits = asked is not None and asked.text in ("", self.document.text)
        self.asked = asked.joined(self.asked) if asked is not None and fits else None
        if self.path.kind == "asked":
            # What is shown of these rows is the answer.
            self._kept.clear()
            self.results.forget()
        if asked is not None and asked.answer is not None and asked.answer.kernels_pass:
            self.patched.add(self.loaded.model_type)
        told = list(refusals(self.asked))
        self.findings = [*(one for one in self.findings if one not in self._refusals), *told]
        self._refusals = told

    def masking_of(self, document: Document, recipe: Recipe | None = None) -> Masking:
        """The masking of a recipe, with this bench's tokenizer and strategy. `recipe`: the document read.

        Raises:
            InputError: a marker encodes to nothing, or a knob has a value that axolotl refuses.
        """
        from workbench.recipe.model import Recipe
        from workbench.tokens.boundaries import RoleBoundary, resolve

        recipe, tokenizer = recipe or Recipe.from_document(document), self.loaded.tokenizer
        if self.path.kind == "text":
            return self._text_masking(document, recipe)
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
        )

    def _text_masking(self, document: Document, recipe: Recipe) -> Masking:
        """The masking of the text path: no markers, and neither padding nor media are masked by their ids."""
        from workbench.tokens.text_masking import text_masking

        def place(path: tuple[str | int, ...]) -> Where:
            return document.where(path, key=True)

        template = self.template.text or ""
        entry, tokenizer = self.entry_of(recipe), self.loaded.tokenizer
        text = text_masking(recipe, entry, self.turn_keys, tokenizer, template, place)
        return Masking((), text.roles, text.train_on_eos, text.train_on_inputs, None, (), (), text)

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

        loaded = self.loaded
        return anatomy(loaded.auto_config, self.recipe, sized=loaded.sized, tokens=len(loaded.tokenizer))

    def rehearsal(self) -> Rehearsal | None:
        """The result of axolotl's own loader for the recipe, without weights; None where no axolotl is at hand.

        Raises:
            EnvironmentProblem: the Python that was given cannot be asked.
        """
        from workbench.consumers.axolotl.client import consumer_python
        from workbench.consumers.axolotl.loader import rehearse
        from workbench.recipe.knobs import repeating_model
        from workbench.recipe.yaml.document import Document

        python = consumer_python(self._axolotl_python)
        if python is None:
            return None
        source = str(self._model or self.document.get(("base_model",), ""))
        folder = Path(self._beside_recipe(source)) if source else Path()
        # axolotl starts where the recipe lies; a folder may be given from where the command was started.
        named = str(folder.resolve()) if source and folder.is_dir() else source
        text = self.document.text
        if named != str(self.document.get(("base_model",), "")):
            other = Document(text, self.document.name)
            for key in ("base_model", *repeating_model(self.document.data)):
                other.set((key,), named)
            text = other.text
        return rehearse(python, text, folder=self.recipe_dir, offline=self._offline, model_folders=(self.loaded.path,))

    def _place(self, path: tuple[str | int, ...]) -> Where:
        return self.document.where(path, key=True)

    @property
    def image_size(self) -> int | tuple[int, int] | None:
        """The size that a column's picture is brought to before the processor: the recipe's, or axolotl's default."""
        size = self.recipe.image_size if self.recipe.image_size is not None else self.loaded.image_size
        return (size[0], size[1]) if isinstance(size, tuple) else size

    def show_data(self, data: str) -> None:
        """Show these rows instead of those of before from the next `apply` on, where they are not the recipe's own."""
        if self.shown_data:
            self._data = data

    def of_dataset(self, number: int) -> Bench:
        """The same recipe and model, with another of the recipe's datasets shown.

        Raises:
            BenchError: its rows cannot be read.
        """
        other = copy(self)
        other._dataset = number
        other._begin_anew()
        return other

    def asking(self, python: str) -> Bench:
        """The same recipe, model and rows, with the axolotl of another Python asked and its templates read.

        Raises:
            BenchError: the recipe cannot be used with it.
        """
        other = copy(self)
        other._axolotl_python = python
        other.__dict__.pop("_table_choice", None)
        other._begin_anew()
        return other

    def _begin_anew(self) -> None:
        """Forget what was known, in a copy of another bench."""
        self._kept, self.losses, self.asked = OrderedDict(), {}, None
        self.findings, self._refusals = [], []
        self.apply()

    def rows_as_written(self) -> RowSource:
        """The rows that are shown, opened anew: as their files say them, where `datasets` would read some otherwise.

        Raises:
            BenchError: there are none, or they cannot be read.
        """
        return self._open_rows(as_written=True)

    def _open_rows(self, *, as_written: bool = False) -> RowSource:
        from workbench.data.sources import open_source

        if self._data is not None:
            return open_source(self._data, as_written=as_written)
        if self._own_recipe:
            return open_source(self._sample_rows(), as_written=as_written)
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
            hint = "Add `path: …`, the file or the hub id of the rows."
            raise InputError("This dataset has no `path`", "", hint, self._place(("datasets", self._dataset)))
        return self.open_entry(entry, as_written=as_written)

    def open_entry(self, entry: DatasetSpec, *, as_written: bool = False) -> RowSource:
        """The rows of an entry of `datasets` or `test_datasets`, opened anew.

        Raises:
            BenchError: there are none, or they cannot be read.
        """
        from workbench.data.sources import open_source

        if not entry.path:
            hint = "Add `path: …`, the file or the hub id of the rows."
            raise InputError("A dataset of the evaluation has no `path`", "", hint, self._place(("test_datasets",)))
        return open_source(
            entry.path,
            split=entry.split,
            name=entry.name,
            ds_type=entry.ds_type,
            data_files=entry.data_files,
            revision=entry.revision,
            base_dir=self.recipe_dir,
            as_written=as_written,
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
        if len(self._kept) > ROWS_KEPT:
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
                "Give a smaller number." if count else "Check that this is the right file: it has no row.",
                Where(file=self.rows.name),
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
        talks = [self.row(index).conversation for index in indices]
        ids = self.renderer.encode_batch([talk.messages for talk in talks], tools=[talk.tools for talk in talks])
        return ids, self.labels(indices, ids)

    def labels(self, indices: Sequence[int], ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The labels `[B, L]` of a batch that was made of these rows, from its padded ids."""
        import numpy as np

        from workbench.tokens.mask import IGNORE

        if self.masking.text is None:
            return self.masking.scan(ids).labels
        labels = np.full(ids.shape, IGNORE, dtype=np.int64)
        for place, row in enumerate(map(self.row, indices)):
            # Wherever the padding stands, the row's tokens are the batch's.
            length = len(row.rendering.input_ids)
            left = int(not np.array_equal(ids[place, :length], row.rendering.input_ids)) * (ids.shape[1] - length)
            labels[place, left : left + length] = row.mask.labels
        return labels


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


def _refuse_other_trainers(document: Document) -> None:
    """Stop at the file of another trainer, which holds no axolotl recipe."""
    from workbench.recipe.trainer_file import TITLES, trainer_of

    trainer = trainer_of(document.data)
    if trainer:
        title = TITLES[trainer]
        raise InputError(
            f"This is a {title} file, not an axolotl recipe",
            "`inspect` shows its mask and `trainers` compares it, asked of that trainer. This needs an axolotl recipe; "
            "files of other trainers are not written yet.",
            f"`vlmbench inspect FILE --python {trainer}=PATH`; or `--model ID --data FILE` for a new recipe.",
            Where(file=document.name),
        )


def prepare(
    config: str | Path | None = None, *, model: str | None = None, data: str | None = None, **options: Any
) -> Bench:
    """A bench as `open` makes it, not loaded yet."""
    from workbench.paths import sample_dir
    from workbench.recipe.yaml.document import Document

    if config is None and model is None:
        # The demo lies in the package's folder, which no message needs to name.
        path = sample_dir() / DEMO
        document: Document | None = Document(path.read_text("utf-8"), DEMO, path=path)
    else:
        document = Document.from_file(Path(config)) if config is not None else None
        if document is not None:
            _refuse_other_trainers(document)
    return Bench(document, model=model, data=data, **options)
