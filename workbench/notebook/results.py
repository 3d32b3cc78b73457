"""Answers of a bench in a notebook: a check, inferred boundaries, an overfit run, an export, the recipe."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.answers import CheckAnswer, ExportAnswer, InferAnswer, OverfitAnswer
from workbench.checks.apply_fixes import together
from workbench.findings import Finding, Fix
from workbench.notebook.display import RecipeResult, Result, plain
from workbench.notebook.open_recipe import OpenRecipe
from workbench.overfit.events import Event
from workbench.overfit.runs import Run
from workbench.overfit.verdict import Outcome, Verdict, judge
from workbench.views.about import ALONE, About, about_check, about_run
from workbench.views.checks import Subject, check_payload, check_view
from workbench.views.export import path_line, proof_line, proofs_text, written_text
from workbench.views.html_reports import check_html, diff_html, export_html, infer_html, run_html, yaml_html
from workbench.views.infer import infer_payload, infer_text
from workbench.views.items import visible
from workbench.views.overfit import overfit_payload, overfit_text
from workbench.views.skeleton import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from workbench.blocks.chosen_rows import ChosenRows
    from workbench.checks.report import Report
    from workbench.editing.session import Editing
    from workbench.export.prepare import Export
    from workbench.infer.search import Inference
    from workbench.row import Row


@dataclass(frozen=True, repr=False)
class Checked(RecipeResult):
    """The report of a check. `fixed` are the fixes that were made before it."""

    session: OpenRecipe
    report: Report
    again: Callable[[], Report]
    fixed: tuple[Fix, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order of the check."""
        return self.report.findings

    @property
    def clean(self) -> bool:
        """True where there are neither errors nor warnings."""
        return self.report.clean

    def fix(self) -> Checked:
        """Make the fixes offered in the recipe (in memory; `undo` takes each back), and check again."""
        fixes = together(self.report)
        for fix in fixes:
            self.session.edit(partial(_make, fix))
        return Checked(self.session, self.again(), self.again, (*self.fixed, *fixes))

    def to_pandas(self) -> pd.DataFrame:
        """A line a finding: `code`, `severity`, `file`, `line`, `row`, `message`, `hint`, and `fix` as its title."""
        import pandas as pd

        lines = [
            {
                "code": one.code,
                "severity": one.severity,
                "file": one.where.file,
                "line": one.where.line,
                "row": one.where.row,
                "message": one.message,
                "hint": one.hint,
                "fix": one.fix.described if one.fix is not None else "",
            }
            for one in self.findings
        ]
        columns = ["code", "severity", "file", "line", "row", "message", "hint", "fix"]
        return pd.DataFrame(lines, columns=columns).astype({"line": "Int64", "row": "Int64"})

    @property
    def title(self) -> str:
        return f"check of {self.session.bench.title}"

    @property
    def about(self) -> About:
        return about_check([Subject.of_bench(self.session.bench, self.report)])

    def to_dict(self) -> CheckAnswer:
        """`vlmbench.check/1`."""
        return check_payload(self.session.bench, self.report, self.fixed)

    def text(self) -> str:
        return plain(check_view(self.session.bench, self.report))

    def body(self) -> str:
        made = "".join(f'<li class="yes">✓ {safe(fix.described)}</li>' for fix in self.fixed)
        fixed = f'<ul class="findings">{made}</ul>' if made else ""
        return f"{check_html(self.session.bench, self.report)}{fixed}"


def check_recipe(
    opened: OpenRecipe,
    rows: Callable[[], ChosenRows | Sequence[Row]],
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Checked:
    """Check the recipe and these rows, which are asked for anew whenever a fix was made."""
    from workbench.blocks.checking import check_chosen
    from workbench.blocks.chosen_rows import ChosenRows
    from workbench.checks.inline_ignores import with_comments
    from workbench.checks.run import check_rows

    def report() -> Report:
        chosen = rows()
        if isinstance(chosen, ChosenRows):
            found = check_chosen(opened.bench, chosen, select=select, ignore=ignore)
        else:
            found = check_rows(opened.bench, chosen, select=select, ignore=ignore)
        return with_comments(found, opened.bench, select=select, ignore=ignore)

    return Checked(opened, report(), report)


def _make(fix: Fix, editing: Editing) -> None:
    editing.apply(fix)


@dataclass(frozen=True, repr=False)
class Inferred(RecipeResult):
    """Role boundaries found for the template, and what was proved of them."""

    session: OpenRecipe
    found: Inference
    model: str
    data: str

    @property
    def role_boundaries(self) -> list[dict[str, Any]]:
        """The rows as axolotl takes them."""
        return self.found.role_boundaries

    @property
    def verified(self) -> bool:
        """True where every role is verified: all of its content and every end trained, and nothing else."""
        return self.found.verified

    def use(self) -> None:
        """Write the boundaries into the recipe; `undo` takes that back."""
        self.session.edit(lambda editing: editing.set_boundaries(self.role_boundaries))

    @property
    def title(self) -> str:
        return f"role_boundaries of {self.model}"

    def to_dict(self) -> InferAnswer:
        """`vlmbench.infer/1`."""
        return infer_payload(self.found, self.model, self.session.bench.path)

    def text(self) -> str:
        return infer_text(self.found, self.model, self.data, self.session.bench.path)

    def body(self) -> str:
        return infer_html(self.found, self.model, self.data, self.session.bench.path)


@dataclass(frozen=True, repr=False)
class Overfitted(Result):
    """A run and its verdict, from its events; `file` is where they are kept."""

    events: tuple[Event, ...]
    file: Path

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict on the run."""
        return judge(self.events)

    @property
    def outcome(self) -> Outcome:
        """pass, doubtful or fail."""
        return self.verdict.outcome

    @property
    def title(self) -> str:
        return "overfit run"

    @property
    def about(self) -> About:
        return about_run(self.events, Run(self.file.parent).recipe_name)

    def to_dict(self) -> OverfitAnswer:
        """`vlmbench.overfit/1`."""
        return overfit_payload(self.events, self.verdict, str(self.file))

    def text(self) -> str:
        return overfit_text(self.events, self.verdict, str(self.file)).rstrip("\n")

    def body(self) -> str:
        return run_html(self.events, self.verdict, str(self.file))


@dataclass(frozen=True, repr=False)
class Exported(Result):
    """The file for the full run, what is proven of it, and where it was `written`, if it was."""

    made: Export
    written: Path | None
    diff: str
    about: About = ALONE

    @property
    def validated(self) -> bool:
        """True where nothing is missing, and the trainer itself was asked and answered."""
        return self.made.validated

    @property
    def proven_by(self) -> str | None:
        """The prover: "axolotl 0.19.0", "bench" where no axolotl was asked, None where something is missing."""
        return self.made.proven_by

    def to_dict(self) -> ExportAnswer:
        """`vlmbench.export/1`."""
        payload = self.made.to_dict()
        payload["written"], payload["diff"] = str(self.written) if self.written else None, self.diff
        payload["error"] = None
        return payload

    def text(self) -> str:
        wrote = f"\n{written_text(self.made, self.written)}" if self.written else ""
        return f"{path_line(self.made)}\n{proof_line(self.made)}\n{proofs_text(self.made)}{wrote}"

    def body(self) -> str:
        return export_html(self.made, str(self.written) if self.written else None, self.diff)


@dataclass(frozen=True, repr=False)
class RecipeText(Result):
    """The recipe as it stands, and its difference to what was opened or last saved."""

    yaml: str
    diff: str
    data: dict[Any, Any]
    about: About = ALONE

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain values."""
        return self.data

    def text(self) -> str:
        return "\n".join(visible(line) for line in self.yaml.splitlines())

    def body(self) -> str:
        return f"{diff_html(self.diff) if self.diff else ''}{yaml_html(self.yaml)}"
