"""Run the checks: on a row, on a recipe, on many rows with what they have in common counted once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.checks import template
from workbench.checks.one_cause import one_cause
from workbench.checks.recipe_checks import model_findings, recipe_findings, rows_findings
from workbench.checks.recipe_facts import RowsSeen
from workbench.checks.registry import chosen, patterns, reads_rows, refuse_unknown
from workbench.checks.report import FIRST_PLACES, Report, grouped
from workbench.checks.row_checks import in_order, row_findings
from workbench.checks.row_facts import RowFacts
from workbench.checks.trial import Trials
from workbench.data.rows import Lines
from workbench.findings import Finding

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row


def check_recipe(bench: Bench, *, with_model: bool = True) -> list[Finding]:
    """Every finding about the recipe and its model; those that the bench found while loading are among them.

    Building the model without weights takes a second or two the first time; `with_model` leaves it out.
    """
    return in_order([*recipe_findings(bench), *(model_findings(bench) if with_model else ())])


class Checking:
    """A check under way: rows are added one by one, and `report` tells of those so far."""

    def __init__(self, bench: Bench, *, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> None:
        """Checks the recipe. `select` and `ignore` hold codes or beginnings of codes, such as "M".

        Raises:
            InputError: no code begins like one of them.
        """
        select, ignore = patterns(select), patterns(ignore)
        refuse_unknown((*select, *ignore))
        self._bench = bench
        self._select, self._ignore = select, ignore
        with_model = not self._select or any(pattern.upper().startswith("A") for pattern in self._select)
        answer = bench.asked.answer if bench.asked is not None else None
        refused = answer.refused if answer is not None and answer.refused is not None else {}
        chosen = self._chosen(check_recipe(bench, with_model=with_model))
        self._found = one_cause(chosen, refused.get("stage", ""))
        self._roles: set[str] = set()
        self._matched: set[str] = set()
        self._trials = Trials(bench)
        self.rows = 0
        self._reported: set[int] = set()
        self._read: int | None = None
        self._trained = self._tokens = self._agreed = self._compared = 0

    def _chosen(self, findings: Iterable[Finding]) -> list[Finding]:
        return chosen(findings, self._select, self._ignore)

    def add(self, row: Row) -> None:
        """Check one more row by itself."""
        found = row_findings(row)
        if row.error is not None:
            self.take(row, found, matched=(), tokens=-1, trained=-1)
            return
        spans = row.mask.spans
        matched = {spans.role(index) for index in range(len(spans))}
        self.take(row, found, matched=matched, tokens=len(row.rendering), trained=row.mask.trained, kept=True)

    def take(
        self,
        row: Row,
        findings: Iterable[Finding],
        *,
        matched: Iterable[str],
        tokens: int,
        trained: int,
        kept: bool = False,
    ) -> None:
        """Take the findings of one more row, which was judged elsewhere.

        `matched`: roles whose markers are in the row; `tokens`: -1 where it has no rendering. `kept`: it was rendered
        by itself; that is kept for the trials of fixes, and compared with transformers' own mask.
        """
        self.rows += 1
        found = self._chosen(findings)
        self._found += found
        if tokens < 0:
            if row.error is not None and any(finding.code == row.error.code for finding in found):
                self._reported.add(row.index)
            return
        if kept:
            self._trials.add(row)
            agreement = template.third_opinion(RowFacts(row))
            if agreement is not None:
                self._agreed, self._compared = self._agreed + agreement[0], self._compared + agreement[1]
        else:
            self._trials.add_number(row.index)
        self._roles.update(str(message.get("role")) for message in row.conversation.messages)
        self._matched.update(matched)
        self._trained += trained
        self._tokens += tokens

    def read_rest(self) -> None:
        """Read the syntax of every row that was not added, where a code that looks at rows is selected.

        `datasets` gives up on a whole file for one bad line, so what `select` names could not be trained on either.
        """
        source = self._bench.rows
        if self._read is not None or not isinstance(source, Lines) or not reads_rows(self._select, self._ignore):
            return
        rest = [row for row in source.faults() if row.error is not None and row.index not in self._reported]
        self._found += chosen([row.error for row in rest if row.error is not None], (), self._ignore)
        self._read = source.known_length

    def fixes(self) -> list[Finding]:
        """A finding of each fix so far."""
        return list({repr(finding.fix): finding for finding in self._all() if finding.fix is not None}.values())

    def try_fixes(self, findings: Iterable[Finding], most: int) -> int:
        """Try the fixes of these findings on the first `most` rows; returns how many rows there are to try."""
        self._trials.most = most
        self._trials.offered(findings)
        return len(self._trials)

    def _all(self) -> list[Finding]:
        found = list(self._found)
        if self._roles:
            whole = self.rows == self._bench.rows.known_length
            found += self._chosen(rows_findings(RowsSeen(self._bench, self._roles, self.rows, whole, self._matched)))
        return found

    def report(
        self, *, places: int = FIRST_PLACES, drawn: bool = False, by_row: str = "", tried: int | None = None
    ) -> Report:
        """The findings so far; each group tells of its first `places` findings. `drawn`, `by_row`: see `Report`.

        Fixes are tried on the first `tried` rows, on all of them where it is None.
        """
        self._trials.most = tried
        found = self._trials.offered(self._all())
        agreement = (self._agreed, self._compared) if self._compared else None
        groups = grouped(found, places)
        read, trials = self._read, self._trials
        return Report(
            tuple(found), self.rows, self._trained, self._tokens, agreement, groups, read, trials, drawn, by_row
        )


def check_rows(bench: Bench, rows: Iterable[Row], *, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> Report:
    """Check the recipe and these rows, each by itself.

    `select` and `ignore` hold codes or beginnings of codes, such as "M".
    """
    checking = Checking(bench, select=select, ignore=ignore)
    for row in rows:
        checking.add(row)
    checking.read_rest()
    return checking.report()
