"""The baselines of a `vlmbench check`: which one counts for a recipe, and what becomes of it in the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.checks.baseline import KnownFindings
from workbench.consumers.settings import CheckSettings
from workbench.errors import InputError, Where

if TYPE_CHECKING:
    from workbench.checks.report import Report
    from workbench.commands.checked import CheckedRecipe
    from workbench.recipe.yaml.document import Document


class Baselines:
    """The baselines of a check: the one of the command line, or that of each recipe's settings file."""

    def __init__(self, given: str | None, write: bool) -> None:
        self._given, self._write = given, write
        self._read: dict[Path, KnownFindings] = {}

    def of(self, own: CheckSettings) -> KnownFindings | None:
        """The baseline of a recipe with these settings.

        Raises:
            InputError: it cannot be read; or one is to be written, and none is named.
        """
        from workbench.checks.baseline import KnownFindings

        path = Path(self._given) if self._given is not None else own.baseline
        if path is None:
            if self._write:
                hint = "Give --baseline FILE, or write `baseline` into [check] of the settings file."
                raise InputError("--write-baseline has no file to write to", hint=hint)
            return None
        if self._write and self._given is None and not own.ours:
            hint = "Give --baseline FILE."
            raise InputError("The baseline's place is from another user's file", hint=hint, where=Where(str(path)))
        if path not in self._read:
            self._read[path] = KnownFindings(path) if self._write else KnownFindings.read(path)
        return self._read[path]

    def finish(self, results: Sequence[CheckedRecipe]) -> bool:
        """Write the baselines where that was asked for, else say which of their findings are gone; True if written.

        Raises:
            BenchError: a file cannot be written.
        """
        from workbench.console import tell

        looked_at = [(one.document, one.looked_for) for one in results if one.document is not None and one.report]
        for path, baseline in self._read.items():
            if self._write:
                tell(f"vlmbench: wrote {path}, a baseline of {_number(baseline.write(looked_at), 'finding')}")
            elif gone := baseline.gone(looked_at):
                tell(f"vlmbench: {_number(gone, 'finding')} of {path} no longer there; --write-baseline takes them out")
        return self._write

    def left(self, report: Report, document: Document, baseline: KnownFindings | None) -> Report:
        """A report without what the baseline knows; all of it, where it is to be written."""
        if baseline is None:
            return report
        if self._write:
            baseline.take(document, report.findings)
            return report.without(report.findings)
        return baseline.new_of(report, document)


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
