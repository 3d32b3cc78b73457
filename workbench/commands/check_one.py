"""One recipe of `vlmbench check`: read, checked in its text or with its model and rows, and mended where asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.checks.registry import is_chosen, patterns, refuse_unknown
from workbench.commands.baselines import Baselines
from workbench.commands.checked import CheckedRecipe, Wishes
from workbench.consumers.settings import CheckSettings, check_settings
from workbench.errors import BenchError, InputError, Where
from workbench.findings import SEVERITIES, Severity

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.checks.report import Report
    from workbench.recipe.yaml.document import Document


def is_recipe(path: Path) -> bool:
    """True where a YAML file names a base model, as every recipe does. False of one that cannot be read for it."""
    from workbench.recipe.yaml.document import Document

    try:
        return "base_model" in Document.from_file(path).data
    except BenchError:
        try:
            lines = path.read_bytes()[: 1 << 20].splitlines()
        except (OSError, ValueError):
            # Whoever reads it says why it cannot be read.
            return True
        return any(line.startswith(b"base_model:") for line in lines)


def check_one(recipe: str | None, wishes: Wishes, baselines: Baselines) -> CheckedRecipe:
    """Check one recipe; its problem is told where it cannot be checked. None: the demo, or a model's new recipe."""
    from workbench.console import report as tell_problem
    from workbench.unexpected import as_error

    result = CheckedRecipe(recipe if recipe not in (None, "-") else wishes.stdin_filename or "<stdin>")
    try:
        bench = _bench_of(recipe, wishes)
        own = check_settings(bench.recipe_dir)
        result.fail_on = _severity(wishes.fail_on or own.fail_on)
        baseline = baselines.of(own)
        _Check(bench, wishes, own, result).run()
        document = result.document
        if result.report is not None and document is not None:
            result.report = baselines.left(result.report, document, baseline)
            if wishes.fix and result.mended is not None and result.mended.fixes:
                from workbench.commands.check_output import write_fixes

                result.unwritten = write_fixes(result, wishes)
    except BenchError as problem:
        result.problem = problem
        tell_problem(problem)
    except Exception as problem:
        # One recipe's bug must not hide what is found in the others.
        result.problem = as_error(problem)
        tell_problem(result.problem)
    return result


def _severity(name: str | None) -> Severity:
    return next((severity for severity in SEVERITIES if severity == name), "error")


def _bench_of(recipe: str | None, wishes: Wishes) -> Bench:
    """The bench of a recipe, not loaded yet.

    Raises:
        BenchError: the recipe cannot be read.
    """
    from workbench.bench import Bench, prepare

    if recipe == "-":
        return Bench(_from_stdin(wishes.stdin_filename), model=wishes.model, data=wishes.data, **wishes.options)
    return prepare(recipe, model=wishes.model, data=wishes.data, **wishes.options)


def _from_stdin(name: str | None) -> Document:
    from workbench.recipe.yaml.document import Document
    from workbench.recipe.yaml.read import MAX_BYTES, too_large

    shown = name or "<stdin>"
    source = getattr(sys.stdin, "buffer", None)
    raw = source.read(MAX_BYTES + 4) if source is not None else sys.stdin.read(MAX_BYTES + 4).encode()
    if len(raw) > MAX_BYTES + 3:
        raise too_large(shown)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        where = Where(shown, raw.count(b"\n", 0, problem.start) + 1)
        raise InputError("The recipe is not UTF-8 text", "", "Write it as UTF-8.", where) from None
    return Document(text, shown, path=Path(name) if name is not None else None)


@dataclass
class _Check:
    """A check of one recipe under way."""

    bench: Bench
    wishes: Wishes
    own: CheckSettings
    result: CheckedRecipe
    select: tuple[str, ...] = field(init=False)
    ignore: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.select = patterns(self.wishes.select or self.own.select or ())
        self.ignore = patterns((*self.wishes.ignore, *(self.own.ignore or ())))
        refuse_unknown((*self.select, *self.ignore))

    def run(self) -> None:
        """Check the text alone where that is enough for what is selected; else the model and the rows too."""
        from workbench.checks.text_run import of_text_alone

        wishes, has_recipe = self.wishes, self.bench.has_document
        rows_wanted = wishes.row is not None or wishes.rows is not None or wishes.fix
        if has_recipe and not rows_wanted and of_text_alone(self.select, self.ignore):
            self._text()
        else:
            self._whole()

    def _text(self) -> None:
        from workbench.checks.text_run import check_text
        from workbench.consumers.axolotl.at_hand import choose_table
        from workbench.consumers.settings import settings
        from workbench.views.checks import Subject

        document, options = self.bench.document, self.bench.options
        python, version = options["axolotl_python"], options["axolotl_version"]
        found = settings(self.bench.recipe_dir, axolotl_python=python, axolotl_version=version)
        table = choose_table(found.axolotl_version, found.axolotl_python).table
        chosen = {"select": self.select, "ignore": self.ignore}
        report = check_text(document, table, data=options["data"], dataset=options["dataset"], **chosen)
        self.result.document = document
        self.result.report = self._told(report, of_text=True)
        self.result.subject = Subject.of_text(document, table)
        self._name(document)

    def _whole(self) -> None:
        from workbench import console
        from workbench.checks.apply_fixes import mend
        from workbench.views.checks import Subject

        bench = self.bench
        with console.progress_bar() as progress:
            bench.load(progress)
        # Named by the user: it takes seconds, and more for every fix of the model's findings that is tried.
        bench.asks_loader = bench.asks and bench.options["axolotl_python"] is not None
        self.result.document = bench.document
        self._name(bench.document)
        if self.wishes.fix:
            self.result.mended = mend(bench, self._rows)
            self.result.report = self.result.mended.report
        else:
            self.result.report = self._rows()
        self.result.subject = Subject.of_bench(bench, self.result.report)

    def _name(self, document: Document) -> None:
        if self.result.name == "<stdin>":
            self.result.name = document.name

    def _rows(self) -> Report:
        """A report of the bench as it is now. Ctrl-c gives that of the rows until then."""
        from workbench import console
        from workbench.blocks.checking import FIRST_TRIAL, BlockChecking
        from workbench.blocks.chosen_rows import choose_rows
        from workbench.checks.asking import ROWS, ask_rows
        from workbench.checks.run import check_rows

        bench, chosen_codes = self.bench, {"select": self.select, "ignore": self.ignore}
        if self.wishes.row is not None:
            with console.waiting("asking axolotl"):
                ask_rows(bench, [self.wishes.row])
            return self._told(check_rows(bench, [bench.row(self.wishes.row)], **chosen_codes))
        chosen = choose_rows(bench, self.wishes.rows)
        with console.waiting("asking axolotl"):
            ask_rows(bench, chosen.spread(ROWS))
        with console.waiting("checking the recipe and its model"):
            checking = BlockChecking(bench, chosen, **chosen_codes)
        try:
            with console.rows_bar() as progress:
                for done in checking.steps():
                    progress(done, chosen.length)
            with console.rows_bar("fixes tried on rows") as progress:
                for tried, total in checking.trial_steps():
                    progress(tried, total)
            return self._told(checking.finished())
        except KeyboardInterrupt:
            if self.wishes.fix:
                # Half of the rows are no ground for an edit.
                raise
            self.result.interrupted = True
            console.tell(f"vlmbench: interrupted; what {checking.rows:,} rows show so far:")
            return self._told(checking.report(tried=FIRST_TRIAL))

    def _told(self, report: Report, *, of_text: bool = False) -> Report:
        """A report without what the recipe's comments leave out."""
        from workbench.checks.inline_ignores import without_ignored

        self.result.looked_for = self._looked_for(report, of_text)
        return without_ignored(report, self.bench.document, self.result.looked_for)

    def _looked_for(self, report: Report, of_text: bool) -> Callable[[str], bool]:
        """A function that is true of the codes that this check would have found."""
        if of_text:
            return lambda code: is_chosen(code, self.select, self.ignore) and code.startswith("C")
        from workbench.checks.inline_ignores import looked_for

        chosen_codes = {"select": self.select, "ignore": self.ignore}
        return looked_for(report, self.bench, **chosen_codes, whole=not self.result.interrupted)
