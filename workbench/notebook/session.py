"""`workbench.open`: a bench to work with from Python, each answer an object that shows itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.bench import Bench, prepare
from workbench.blocks.chosen_rows import ChosenRows
from workbench.console import progress_bar, quiet_libraries
from workbench.notebook.display import Result, plain
from workbench.notebook.model import Memory, Towers
from workbench.notebook.open_recipe import OpenRecipe
from workbench.notebook.results import Checked, Exported, Inferred, Overfitted, RecipeText, check_recipe
from workbench.notebook.row_file import Given, as_source
from workbench.notebook.rows import TOKENS, NotebookRows, RowResult
from workbench.views.html import overview
from workbench.views.inspect_json import inspect_payload
from workbench.views.skeleton import safe

if TYPE_CHECKING:
    from workbench.notebook.editor import BoundaryEditor

Count = int | None


def open(
    config: str | Path | None = None,
    *,
    model: str | None = None,
    data: Given | None = None,
    rows: int | None = None,
    **options: Any,
) -> Session:
    """Open a recipe, a model, or (with neither) the embedded demo. Loads tokenizer and processor, never weights.

    Args:
        config: an axolotl YAML file.
        model: a hub id or a folder; with `config` it takes the place of the recipe's `base_model`.
        data: a file, folder or hub dataset shown instead of the recipe's; or rows: dicts, or a `datasets.Dataset`.
        rows: look at the first so many rows alone.
        options: `dataset`, `family`, `revision`, `trust_remote_code`, `offline`, `axolotl_python`,
            `axolotl_version`, as the command line has them.

    Raises:
        BenchError: with what happened and what to do.
    """
    quiet_libraries()
    source = as_source(data) if data is not None else None
    bench = prepare(config, model=model, data=source, **options)
    with progress_bar() as progress:
        bench.load(progress)
    return Session(bench, rows)


class Session(OpenRecipe, Result):
    """A bench in a notebook. Every answer follows the recipe as it stands, edits included."""

    def __init__(self, bench: Bench, rows: int | None = None) -> None:
        """`bench` is loaded; of its rows the first `rows` are looked at."""
        super().__init__(bench)
        self._limit = rows

    # Looking

    @property
    def rows(self) -> NotebookRows:
        """The rows: `rows[0]`, `rows[2:5]`."""
        return NotebookRows(self, 0, self._limit)

    @property
    def recipe(self) -> RecipeText:
        """The recipe's YAML as it stands, valid or not, with what was changed."""
        document = self.editing.document
        return RecipeText(document.text, document.diff(), document.data)

    def to_dict(self) -> dict[str, Any]:
        """`vlmbench.inspect/1` with the first row."""
        return inspect_payload(self.bench, [self.bench.row(0)])

    def text(self) -> str:
        from workbench.views.terminal import boundaries_table, headline

        table = boundaries_table(self.bench, [self.bench.row(0)])
        return plain(headline(self.bench), self._unsaved, self.rows[0].text(), "", table)

    def body(self) -> str:
        unsaved = f'<p class="warning-line">{safe(self._unsaved)}</p>' if self._unsaved else ""
        shown = overview(self.bench, [self.bench.row(0)], window=(0, TOKENS), more=".rows[0].window(a, b)")
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

    # Asking

    def check(
        self, rows: int | RowResult | None = 200, *, select: Sequence[str] = (), ignore: Sequence[str] = ()
    ) -> Checked:
        """Check the recipe and its first `rows` rows (None: all), or one row.

        `select` and `ignore` hold codes or beginnings of codes, such as "M".
        """
        from workbench.checks.asking import ROWS, ask_rows

        def chosen() -> ChosenRows:
            if isinstance(rows, RowResult):
                ask_rows(self.bench, [rows.row.index])
                return ChosenRows((rows.row.index,))
            limits = [limit for limit in (ROWS, rows, self._limit) if limit is not None]
            ask_rows(self.bench, range(min(limits)))
            return self.rows.numbers(rows)

        return check_recipe(self, chosen, select=select, ignore=ignore)

    def infer(self, rows: Count = 16) -> Inferred:
        """Find the template's role boundaries, and prove them on other conversations and the first `rows` rows."""
        bench = self.bench
        return Inferred(self, bench.infer(self.rows.head(rows)), bench.title, bench.rows.name)

    def anatomy(self) -> Towers:
        """The model without weights: its towers, what the recipe trains of them, and what is wrong with that."""
        from workbench.checks.recipe_checks import model_findings
        from workbench.models.targets import trained

        bench = self.bench
        return Towers(bench.anatomy, trained(bench.anatomy, bench.recipe), tuple(model_findings(bench)))

    def memory(self, *, sequence: int | None = None, batch: int | None = None, positions: int | None = None) -> Memory:
        """The memory of one training step of this recipe, estimated without weights and without data.

        Args:
            sequence: tokens a row; by default the recipe's `sequence_len`.
            batch: rows a step; by default `micro_batch_size`.
            positions: at how many positions of a row the head is asked for logits; by default at all.
        """
        from workbench.models.memory import estimate_of

        loaded, recipe = self.bench.loaded, self.bench.recipe
        return Memory(
            estimate_of(loaded, recipe, self.bench.axolotl, sequence=sequence, batch=batch, positions=positions)
        )

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
            out: a folder for events, log and adapter.
            max_minutes: ends the run after so long. max_memory: ends it when it needs more GiB than this.
        """
        from workbench.notebook.live import follow
        from workbench.overfit.runs import losses
        from workbench.overfit.start import events_file, start

        bench = self.bench
        supervisor = start(
            bench,
            rows=rows,
            steps=steps,
            seed=seed,
            device=device,
            out=Path(out) if out is not None else None,
            max_minutes=max_minutes,
            max_memory=max_memory,
        )
        events = follow(supervisor)
        bench.losses.update(losses(events))
        return Overfitted(tuple(events), events_file(supervisor))

    def export(
        self,
        path: str | Path | None = None,
        *,
        values: Mapping[str, Any] | None = None,
        unvalidated: bool = False,
        force: bool = False,
        rows: Count = 200,
        run: str | Path | None = None,
    ) -> Exported:
        """Write the axolotl YAML for the full run; without a path, show what would be written and what is missing.

        Args:
            values: keys of the full run to set, such as {"num_epochs": 2} or {"datasets.0.path": "all.jsonl"}.
            unvalidated: write what is not proven; the file says so. force: replace a file that is there.
            rows: prove it on the first so many rows; None for all.

        Raises:
            ExportRefused: something is not proven; it names what. InputError: there is a file already.
        """
        from workbench.export.prepare import prepare_export
        from workbench.overfit.runs import Run
        from workbench.recipe.yaml.document import key_path

        overrides = {key_path(key): value for key, value in (values or {}).items()}
        target = Path(path) if path is not None else None
        made = prepare_export(
            self.bench,
            target,
            overrides=overrides,
            count=rows if self._limit is None else self._limit,
            run=Run(Path(run)) if run is not None else None,
        )
        diff = made.diff()
        written = made.write(unvalidated=unvalidated, force=force) if target is not None else None
        return Exported(made, written, diff)

    # Editing

    def set(self, key: str, value: Any) -> RecipeText:
        """Set a key of the recipe, such as "train_on_inputs" or "role_boundaries.0.start"; None takes it out.

        Comments are kept.
        """
        from workbench.recipe.yaml.document import key_path

        self.edit(lambda editing: editing.set(key_path(key), value))
        return self.recipe

    def save(self, path: str | Path | None = None) -> Path:
        """Write the recipe to its file, or to `path`."""
        return self.editing.save(path)

    def editor(self, row: int = 0) -> BoundaryEditor:
        """A live editor of the role boundaries over this recipe: type, and the mask below changes. Needs anywidget."""
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
