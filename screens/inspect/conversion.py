"""Conversion of rows of another shape into messages: three rows before and after, then the whole on the background."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from screens.inspect.context import InspectContext
from screens.shell.dialogs import Choice, ChoiceDialog, ConfirmDialog
from screens.shell.job_line import JobProgress
from screens.shell.path_dialog import PathDialog
from screens.shell.worker import Kind
from workbench.errors import BenchError, InputError
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.convert.rows import Wanted
    from workbench.convert.run import BeforeAfter, Converted
    from workbench.convert.shapes import Shape

SHOWN = 3
_TELL_SECONDS = 0.3
_JOB = "conversion"


class Conversion:
    """The part of the inspect screen that converts the rows of the data that is shown."""

    def __init__(self, context: InspectContext) -> None:
        self._context = context
        self._stopped = False

    def ask(self) -> None:
        """Show the first rows before and after, and ask."""
        self._context.background.submit(Kind.CONVERT, self._sampling())

    def _wanted(self, *, tool_text: bool) -> Wanted:
        from workbench.convert.rows import Wanted, honoured

        train_key, keeps_tools = honoured(self._context.bench)
        return Wanted(tool_text=tool_text, train_key=train_key, keeps_tools=keeps_tools)

    def _sampling(self) -> Iterator[None]:
        from workbench.convert.run import samples

        context = self._context
        try:
            source = context.bench.rows_as_written()
            shape, found = samples(source, self._wanted(tool_text=False), Path("rows.jsonl"), SHOWN)
        except BenchError as problem:
            context.tell(context.screen.notify_problem, problem, "Not converted: ")
        else:
            context.tell(self._sampled, shape, found)
        yield

    def _sampled(self, shape: Shape, found: list[BeforeAfter]) -> None:
        from workbench.convert.talk import TOOL_TEXT
        from workbench.views.convert import sample_diff, shape_lines

        context = self._context
        if not any(sample.changed or sample.refusal for sample in found):
            context.say("These rows are messages with typed parts already: nothing to convert", 5)
            return
        refused = [sample.refusal for sample in found if sample.refusal is not None]
        choices = [Choice("c", "convert", "write messages to another file; rows that lose something are refused")]
        if any(refusal.hint == TOOL_TEXT for refusal in refused):
            choices.append(Choice("t", "tools as text", "the same, with tool calls and reasoning written as text"))
        note = f"{len(refused)} of these {len(found)} rows would be refused: {refused[0].reason}" if refused else ""

        def chosen(answer: str | None) -> None:
            if answer is not None:
                self._ask_for_a_path(tool_text=answer != "convert")

        message = "; ".join((shape.name, *shape_lines(shape)))
        views = [(f"row {sample.row}", sample_diff(sample)) for sample in found]
        dialog = ChoiceDialog(
            "convert the rows", visible(message), views, choices, note=visible(note), leave="leaves the data as it is"
        )
        context.screen.app.push_screen(dialog, chosen)

    def _ask_for_a_path(self, *, tool_text: bool) -> None:
        def entered(path: str | None) -> None:
            if path and path.strip():
                self._start(Path(path.strip()).expanduser(), tool_text=tool_text)

        dialog = PathDialog("write the messages to", value=str(self._proposed()), hint="a path ending in .jsonl")
        self._context.screen.app.push_screen(dialog, entered)

    def _proposed(self) -> Path:
        """A file beside the data, or in the working directory where the data is a folder or comes from the hub."""
        rows = self._context.bench.rows
        stem = Path(rows.name.removesuffix(" …")).name.partition(".")[0] or "rows"
        folder = rows.base_dir if rows.base_dir is not None and Path(rows.name.removesuffix(" …")).is_file() else None
        path = (folder or Path.cwd()) / f"{stem}.messages.jsonl"
        return Path(os.path.relpath(path)) if path.is_relative_to(Path.cwd()) else path

    def _start(self, out: Path, *, tool_text: bool) -> None:
        from workbench.convert.run import refuse_place

        context = self._context
        inputs = [Path(name) for name in (context.bench.rows.name.removesuffix(" …"),) if Path(name).exists()]
        try:
            refuse_place(out, iter(inputs), force=False)
        except BenchError as problem:
            context.screen.notify_problem(problem, "Not converted: ")
            return
        self._stopped = False
        context.stops[_JOB] = self.stop
        self._progress(None, 0.0)
        context.background.submit(Kind.CONVERT, self._converting(out, tool_text=tool_text))

    def stop(self) -> None:
        """End the conversion; what was written so far is taken away, since it is not the whole."""
        self._stopped = True

    def _progress(self, result: Converted | None, seconds: float) -> None:
        length = self._context.bench.rows.known_length
        read = result.read if result is not None else 0
        if _JOB in self._context.stops:
            self._context.show_job(_JOB, JobProgress.since(_JOB, read, length, seconds))

    def _ended(self) -> None:
        self._context.stops.pop(_JOB, None)
        self._context.show_job(_JOB, None)
        if self._stopped:
            self._context.say("The conversion was stopped; nothing was written", 5)

    def _converting(self, out: Path, *, tool_text: bool) -> Iterator[None]:
        """Convert, one row a step: other work goes first. A window that closes meanwhile leaves nothing behind."""
        from workbench.convert.proof import RowProof
        from workbench.convert.run import converting

        context, bench = self._context, self._context.bench
        began = last = monotonic()
        result = None
        try:
            try:
                proof = RowProof(bench, out)
            except InputError:
                proof = None  # no conversation's path: the shape alone is proven, and it is said
            source = bench.rows_as_written()
            with closing(converting(source, out, self._wanted(tool_text=tool_text), proof=proof)) as steps:
                for result in steps:
                    if self._stopped:
                        break
                    if monotonic() - last > _TELL_SECONDS:
                        last = monotonic()
                        context.tell(self._progress, result, last - began)
                    yield
            if self._stopped and not out.exists():
                return
            # Stopped after its end, it is whole.
            self._stopped = False
        except BenchError as problem:
            context.tell(context.screen.notify_problem, problem, "Not converted: ")
        else:
            context.tell(self._converted, result)
        finally:
            context.tell(self._ended)

    def _converted(self, result: Converted) -> None:
        from workbench.views.convert import convert_text, proof_line

        body = f"{convert_text(result)}\n{proof_line(result)}"
        note = f"{result.refused:,} of {result.read:,} rows were refused" if result.refused else ""
        agree = "reads them in the recipe" if result.written else ""

        def agreed(yes: bool | None) -> None:
            if yes and agree:
                self._read(result.out)

        dialog = ConfirmDialog("converted", body, agree=agree, note=note, diff=False)
        self._context.screen.app.push_screen(dialog, agreed)

    def _read(self, out: Path) -> None:
        """Let the recipe name the converted rows, as one edit that can be undone, and show them."""
        from workbench.convert.recipe_entry import entry_fix

        context = self._context
        bench, editing = context.bench, context.editing
        try:
            fix = entry_fix(editing.document, bench.options["dataset"], out.resolve())
            if fix is None:
                context.say(f"Open them with --data {visible(str(out))}", 6)
                return
            bench.show_data(str(out.resolve()))
            editing.apply(fix)
        except BenchError as problem:
            context.screen.notify_problem(problem)
        context.screen.follow()
