"""`workbench.open`: a bench to work with from Python, each answer an object that shows itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.answers import InspectAnswer
from workbench.bench import Bench
from workbench.blocks.chosen_rows import ChosenRows
from workbench.console import progress_bar, quiet_libraries
from workbench.errors import InputError
from workbench.notebook import arguments
from workbench.notebook.compared import Compared, compare
from workbench.notebook.display import Result, plain
from workbench.notebook.given import Openable, sort_out
from workbench.notebook.masks import Masks
from workbench.notebook.model import Memory, Towers
from workbench.notebook.model_files import Model
from workbench.notebook.open_recipe import OpenRecipe
from workbench.notebook.results import Checked, Exported, Inferred, Overfitted, RecipeText, check_recipe
from workbench.notebook.row_file import Data
from workbench.notebook.rows import TOKENS, NotebookRows, RowResult, rendered
from workbench.views.about import About, about_bench
from workbench.views.html import document, overview
from workbench.views.inspect_json import inspect_payload
from workbench.views.skeleton import safe

if TYPE_CHECKING:
    import pandas as pd

    from workbench.notebook.editor import BoundaryEditor
    from workbench.row import Row

Count = int | None


def open(
    config: Openable | None = None,
    *,
    model: Model | None = None,
    data: Data | None = None,
    rows: int | None = None,
    split: str | None = None,
    dataset: int = 0,
    family: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    offline: bool = False,
    axolotl_python: str | Path | None = None,
    axolotl_version: str | None = None,
) -> Session:
    """Open a recipe, a model, data, or (with none of them) the embedded demo; weights are never loaded.

    What is already in Python is kept under the bench's state, where a run's own process finds it: rows as a file,
    PIL pictures in them as PNG, a tokenizer or processor as a model's folder. Rows are cleared from there 30 days after
    they were last opened, and the oldest of them where all together are larger than 2 GiB. The first argument may be
    what `model` or `data` take; which of the three it is goes by its form.

    Args:
        config: an axolotl recipe: a YAML file or a dict.
        model: a hub id, a folder, or a tokenizer, a processor and a configuration of transformers, alone or in a list.
            With `config` it takes the place of the recipe's `base_model`.
        data: shown instead of the recipe's: a file, a folder, a hub dataset; rows as dicts, PIL pictures in them or
            not; one conversation as its messages; a Dataset or DatasetDict of `datasets`, a pyarrow Table, a pandas
            DataFrame.
        rows: look at the first so many rows alone.
        split: the split of a DatasetDict; by default `train`.
        dataset: the entry of the recipe's `datasets` that is shown, from 0.
        family: the model's family, where its configuration does not tell; see `workbench.known_families`.
        revision: a branch, tag or commit of the model on the hub.
        trust_remote_code: let the model's own Python code run.
        offline: use only what is already on this machine.
        axolotl_python: the Python of the environment with axolotl, which is asked what it trains; "none" asks nobody.
        axolotl_version: the release whose table answers what is not asked of axolotl itself, such as "0.21".

    Raises:
        InputError: an argument, the recipe or the data are at fault.
        EnvironmentProblem: the model cannot be had: the hub, the network, a licence, a missing package.
    """
    quiet_libraries()
    limit = arguments.maybe_whole("rows", rows)
    texts = {"family": family, "revision": revision, "axolotl_version": axolotl_version}
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise arguments.wrong(name, value, "a text")
    python = arguments.file("axolotl_python", axolotl_python)
    given = sort_out(config, model, data, split)
    bench = given.bench(
        dataset=arguments.whole("dataset", dataset),
        trust_remote_code=bool(trust_remote_code),
        offline=bool(offline),
        axolotl_python=str(python) if python is not None else None,
        **texts,
    )
    with progress_bar() as progress:
        bench.load(progress)
    return Session(bench, limit)


class Session(OpenRecipe, Result):
    """A bench in a notebook. Every answer follows the recipe as it stands, edits included."""

    def __init__(self, bench: Bench, rows: int | None = None) -> None:
        """`bench` is loaded; of its rows the first `rows` are looked at."""
        super().__init__(bench, rows)

    @property
    def about(self) -> About:
        """The model, recipe and rows, as they were when the recipe could last be read."""
        return about_bench(self._bench)

    # Looking

    @property
    def rows(self) -> NotebookRows:
        """The rows: `rows[0]`, `rows[2:5]`."""
        return NotebookRows(self, 0, self.limit)

    @property
    def recipe(self) -> RecipeText:
        """The recipe's YAML as it stands, valid or not, with what was changed."""
        document = self.editing.document
        return RecipeText(document.text, document.diff(), document.data, self.about)

    def to_dict(self) -> InspectAnswer:
        """`vlmbench.inspect/1` with the first row."""
        return inspect_payload(self.bench, [self.bench.row(0)])

    def text(self) -> str:
        from workbench.views.terminal import boundaries_table, headline

        table = boundaries_table(self.bench, [self.bench.row(0)])
        return plain(headline(self.bench), self._unsaved, self.rows[0].text(), "", table)

    def body(self) -> str:
        return self._drawn(titled=True)

    def html(self) -> str:
        return document(self.title, self._drawn(titled=False), self.about)

    def _drawn(self, *, titled: bool) -> str:
        unsaved = f'<p class="warning-line">{safe(self._unsaved)}</p>' if self._unsaved else ""
        more, window = ".rows[0].window(a, b)", (0, TOKENS)
        rows = [self.bench.row(0)]
        shown = overview(self.bench, rows, window=window, more=more, pictures=True, titled=titled)
        return f"{unsaved}{shown}"

    @property
    def _unsaved(self) -> str:
        notes = (
            [f"Edits of {self.unsaved.when:%Y-%m-%d %H:%M} UTC were never saved: .recover()"] if self.unsaved else []
        )
        if process := self.editing.open_elsewhere:
            notes.append(f"This recipe is open in another bench too (process {process}): unsaved edits are kept apart.")
        notes += [f"Older edits of another bench are set aside as {file}" for file in self.editing.set_aside]
        return " ".join(notes)

    @property
    def title(self) -> str:
        return f"{self._bench.title} · {self._bench.document.name}"

    def masks(self, rows: Count = None) -> Masks:
        """The first `rows` rows (None: all) as one batch: ids and labels `[B, L]`, padded to the longest.

        Raises:
            InputError: none of them can be rendered.
        """
        return self.rows.masks(rows)

    def to_pandas(self, rows: Count = None) -> pd.DataFrame:
        """The first `rows` rows (None: all) as a table, a line a row; see `NotebookRows.to_pandas`."""
        return self.rows[: arguments.maybe_whole("rows", rows)].to_pandas()

    def render(self, messages: Sequence[Mapping[str, object]] | Mapping[str, object]) -> RowResult:
        """A conversation that is in no file, as this recipe renders and masks it; nothing is written.

        Args:
            messages: the messages, or a whole row with its other columns; pictures may be PIL pictures.

        Raises:
            InputError: they are no messages.
        """
        return rendered(self, messages)

    def compare(self, other: Session | Openable, rows: Count = None) -> Compared:
        """This recipe and another on the same rows: the keys in which they differ, and each row's ids and labels.

        Args:
            other: another bench, or what `open` takes; its own data are shown where they are not this bench's.
            rows: the first so many rows; None for all.

        Raises:
            BenchError: the other one cannot be opened.
        """
        count = arguments.maybe_whole("rows", rows, least=1)
        return compare(self, other if isinstance(other, Session) else open(other), count)

    # Asking

    def check(
        self,
        rows: int | RowResult | None = 200,
        *,
        select: str | Sequence[str] = (),
        ignore: str | Sequence[str] = (),
    ) -> Checked:
        """Check the recipe and its first `rows` rows (None: all), or one row.

        Args:
            rows: the first so many rows, or a row of this bench.
            select: codes or beginnings of codes, such as ["M", "T007"]; none: all.
            ignore: codes or beginnings of codes that are left out.

        Raises:
            InputError: there is no such code; the hint names the nearest.
            BenchError: the recipe cannot be used as it stands.
        """
        from workbench.checks.asking import ROWS, ask_rows

        wanted, unwanted = arguments.codes("select", select), arguments.codes("ignore", ignore)
        if not isinstance(rows, RowResult):
            rows = arguments.maybe_whole("rows", rows)
        elif rows.session is not self:
            raise InputError("This row is another bench's", hint="Take one of this bench's rows, or row.check().")

        def chosen() -> ChosenRows | Sequence[Row]:
            if isinstance(rows, RowResult):
                if rows.given is None:
                    ask_rows(self.bench, [rows.row.index])
                return rows.alone()
            limits = [limit for limit in (ROWS, rows, self.limit) if limit is not None]
            ask_rows(self.bench, range(min(limits)))
            return self.rows.numbers(rows)

        return check_recipe(self, chosen, select=wanted, ignore=unwanted)

    def infer(self, rows: Count = 16) -> Inferred:
        """Find the template's role boundaries, and prove them on other conversations and the first `rows` rows.

        Raises:
            BenchError: the template cannot be read.
        """
        bench, count = self.bench, arguments.maybe_whole("rows", rows)
        return Inferred(self, bench.infer(self.rows.head(count)), bench.title, bench.rows.name)

    def anatomy(self) -> Towers:
        """The model without weights: its towers, what the recipe trains of them, and what is wrong with that.

        Raises:
            EnvironmentProblem: it cannot be built here.
        """
        from workbench.checks.recipe_checks import model_findings
        from workbench.models.targets import trained

        bench = self.bench
        facts = trained(bench.anatomy, bench.recipe)
        return Towers(bench.anatomy, facts, tuple(model_findings(bench)), self.about)

    def memory(self, *, sequence: int | None = None, batch: int | None = None, positions: int | None = None) -> Memory:
        """The memory of one training step of this recipe, estimated without weights and without data.

        Args:
            sequence: tokens a row; by default the recipe's `sequence_len`.
            batch: rows a step; by default `micro_batch_size`.
            positions: at how many positions of a row the head is asked for logits; by default at all.

        Raises:
            EnvironmentProblem: the model cannot be built here.
        """
        from workbench.models.memory import estimate_of

        asked = {"sequence": sequence, "batch": batch, "positions": positions}
        sizes = {name: arguments.maybe_whole(name, value, least=1) for name, value in asked.items()}
        loaded, recipe = self.bench.loaded, self.bench.recipe
        return Memory(estimate_of(loaded, recipe, self.bench.axolotl, **sizes), self.about)

    def overfit(
        self,
        rows: int | Sequence[int] = 4,
        steps: int = 60,
        *,
        seed: int = 0,
        device: str = "auto",
        out: str | Path | None = None,
        max_minutes: float | None = None,
        max_memory: float | None = None,
    ) -> Overfitted:
        """Train on a few rows in a process of its own, shown as it goes, and give the verdict.

        Args:
            rows: the first so many that can be rendered, or the numbers of rows.
            steps: the number of steps.
            seed: of the run's random numbers.
            device: "auto", "cpu", "cuda", "cuda:1" or "mps".
            out: a folder for events, log and adapter.
            max_minutes: ends the run after so long.
            max_memory: ends the run when it needs more GiB than this.

        Raises:
            BenchError: the run cannot be started. What ends a run that has started is in its verdict.
        """
        from workbench.notebook.live import follow
        from workbench.overfit.runs import losses
        from workbench.overfit.start import events_file, start

        bench = self.bench
        supervisor = start(
            bench,
            rows=arguments.rows("rows", rows),
            steps=arguments.whole("steps", steps, least=1),
            seed=arguments.whole("seed", seed),
            device=arguments.device("device", device),
            out=arguments.file("out", out),
            max_minutes=arguments.positive("max_minutes", max_minutes),
            max_memory=arguments.positive("max_memory", max_memory),
        )
        events = follow(supervisor)
        bench.losses.update(losses(events))
        return Overfitted(tuple(events), events_file(supervisor))

    def export(
        self,
        path: str | Path | None = None,
        *,
        values: Mapping[str, object] | None = None,
        unvalidated: bool = False,
        force: bool = False,
        rows: Count = 200,
        run: str | Path | None = None,
    ) -> Exported:
        """Write the axolotl YAML for the full run; without a path, show what would be written and what is missing.

        Args:
            path: the file to write.
            values: keys of the full run to set, such as {"num_epochs": 2} or {"datasets.0.path": "all.jsonl"}.
            unvalidated: write what is not proven; the file says so.
            force: replace a file that is there.
            rows: prove it on the first so many rows; None for all.
            run: the folder of the overfit run that is the proof; by default the newest of this recipe.

        Raises:
            ExportRefused: something is not proven; it names what.
            InputError: there is a file already, or an argument is at fault.
        """
        from workbench.export.prepare import prepare_export
        from workbench.overfit.runs import Run
        from workbench.recipe.yaml.document import key_path

        if values is not None and not isinstance(values, Mapping):
            raise arguments.wrong("values", values, 'a dict, such as {"num_epochs": 2}')
        overrides = {key_path(arguments.key("a key of values", key)): value for key, value in (values or {}).items()}
        target, folder = arguments.file("path", path), arguments.file("run", run)
        count = arguments.maybe_whole("rows", rows, least=1)
        made = prepare_export(
            self.bench,
            target,
            overrides=overrides,
            count=count if self.limit is None else self.limit,
            run=Run(folder) if folder is not None else None,
        )
        diff = made.diff()
        written = made.write(unvalidated=unvalidated, force=force) if target is not None else None
        return Exported(made, written, diff, self.about)

    # Editing

    def set(self, key: str, value: object) -> RecipeText:
        """Set a key of the recipe, such as "train_on_inputs" or "role_boundaries.0.start"; None takes it out.

        Comments are kept.

        Raises:
            InputError: the key's place cannot hold this, or the value has no form as YAML.
        """
        from workbench.recipe.yaml.document import key_path

        path = key_path(arguments.key("key", key))
        self.edit(lambda editing: editing.set(path, value))
        return self.recipe

    def save(self, path: str | Path | None = None) -> Path:
        """Write the recipe to its file, or to `path`.

        Raises:
            InputError: it has no file yet and none is given, or the file cannot be written.
        """
        return self.editing.save(arguments.file("path", path))

    def editor(self, row: int = 0) -> BoundaryEditor:
        """A live editor of the role boundaries over this recipe: type, and the mask below changes.

        It shows the row's findings, and makes their fixes. A saved notebook keeps what it showed at first as HTML.

        Args:
            row: the row that is shown at first; the editor's buttons go to others.

        Raises:
            EnvironmentProblem: anywidget is not installed.
            InputError: there is no such row.
        """
        self.rows[arguments.whole("row", row)]
        try:
            from workbench.notebook.editor import BoundaryEditor
        except ModuleNotFoundError as missing:
            from workbench.errors import EnvironmentProblem

            raise EnvironmentProblem(
                "The boundary editor needs anywidget",
                f"{missing.name} is not installed.",
                "Install it: pip install anywidget",
            ) from None
        return BoundaryEditor(self, row=row)
