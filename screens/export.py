"""The export screen: the file to be written, what is proven of it, and a key that goes to the first missing step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.markup import escape

from screens.guard.faults import on, subscriber
from screens.guard.widgets import Container, Static, VerticalScroll
from screens.keys.actions import Scope, bindings
from screens.keys.spoken import advice, keyed
from screens.keys.user_keymap import key_of
from screens.shell.base_screen import WorkbenchScreen, draw_keys, say_state
from screens.shell.dialogs import ConfirmDialog
from screens.shell.hanging import Wrapped, hang
from screens.shell.messages import ExportReady, FileComposed, JobFailed
from screens.shell.notices import UNTIL_DONE_SECONDS
from screens.shell.path_dialog import PathDialog
from screens.shell.story import Mark
from screens.shell.themes import paints
from screens.shell.worker import Kind
from workbench.errors import BenchError
from workbench.path_choices import is_python, is_recipe
from workbench.views.durations import duration
from workbench.views.export import MARKS, State, outcome, proof_line, states, written_text
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.export.all_rows import KnownOfAllRows
    from workbench.export.prepare import Export
    from workbench.export.readiness import Proof

_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (110, "-wide")]
_STEP_CELLS = 12
# Where each step that is missing can be done.
_WHERE = {"schema": "inspect", "rows": "inspect", "check": "checks", "round trip": "checks", "overfit": "overfit"}
_PROVEN = {
    "pass": Mark("green", "good", "●"),
    "doubtful": Mark("amber", "warning", "◐"),
    "fail": Mark("unproven", "muted", "○"),
}
ROWS = 200
# The keys that supply each step that is missing.
_SUPPLY = {
    "schema": ("screen.inspect",),
    "rows": ("screen.inspect",),
    "check": ("screen.checks",),
    "round trip": ("screen.checks",),
    "overfit": ("screen.overfit", "overfit.start"),
    "consumer": ("export.axolotl",),
    "loader": ("export.axolotl",),
}


class ExportScreen(WorkbenchScreen):
    """Prepares the export again whenever it comes to the front: a run may have ended meanwhile.

    A dialog that closed over it is no reason to: what was proven still is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("export")]
    CSS_PATH = "export.tcss"
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("export",)

    made: Export | None = None
    problem: BenchError | None = None
    looking = False
    python: str | None = None
    """The Python whose axolotl is asked here, where one was named on this screen."""
    _round = 0
    _away = True
    """True while another screen is in front, not a dialog over this one."""
    _written: tuple[str, str] | None = None
    """The recipe's text that was written last, and a line about its file."""
    _composing: tuple[str, float] | None = None
    """The name of the file that is composed, and the time since which it is."""

    def body(self) -> ComposeResult:
        """The steps, and beside them the file."""
        with Container(id="export"):
            with VerticalScroll(id="proofs") as proofs:
                proofs.border_title = "proven"
                yield Wrapped(id="steps", markup=False)
            with VerticalScroll(id="file") as file:
                file.border_title = "file to be written"
                yield Wrapped(id="yaml", markup=False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self._draw))
        for wrapped in self.query(Wrapped):
            wrapped.narrowed = self._draw
        # A sign of life a second while a file is composed.
        self.set_interval(1.0, partial(_draw_border, self))
        self.query_one("#proofs").focus()

    def activated(self, edited: bool) -> None:
        """Prove again what can be proven."""
        away, self._away = self._away, False
        if away or edited:
            self.action_again()

    def on_screen_suspend(self) -> None:
        """Another screen takes the place of this one, or a dialog lies over it."""
        self._away = self.app.base is not self  # type: ignore[attr-defined]

    # On the background thread

    def action_again(self) -> None:
        """Look again at what is proven."""
        self._round += 1
        self.looking = True
        self.background.submit(Kind.EXPORT, self._prepare(self._round))
        self._draw()

    def _prepare(self, number: int) -> Iterator[None]:
        from workbench.export.prepare import prepare_export

        try:
            if self.editing.stale:
                self.editing.reload_changes()
            yield
            made = prepare_export(self.bench, count=ROWS, axolotl_python=self.python, all_rows=_known_of_all_rows(self))
            self.tell(ExportReady(number, made))
        except BenchError as problem:
            self.tell(ExportReady(number, None, problem))
        yield

    @on(JobFailed)
    def _job_failed(self, message: JobFailed) -> None:
        if message.kind is Kind.EXPORT:
            self._ready(ExportReady(self._round, None, message.problem))
        elif message.kind is Kind.WRITE:
            self._composing = None
            _draw_border(self)

    @on(ExportReady)
    def _ready(self, message: ExportReady) -> None:
        if message.number == self._round:
            self.looking = False
            self.made, self.problem = message.made, message.problem
            self._draw()
            self._say_state()

    def offers(self, action: str, parameters: tuple[object, ...]) -> bool:
        """The missing step, and what may be written, are known once all was looked at."""
        known = self.made is not None and not self.looking
        if action == "step":
            return known and self.made is not None and bool(self.made.missing)
        return known if action == "write" else super().offers(action, parameters)

    # Actions

    async def action_step(self) -> None:
        """Go to where the first missing step can be done."""
        if self.made is None or self.looking:
            self.notify("What is proven is still being found out", timeout=3)
            return
        missing = self.made.missing
        if not missing:
            self.notify(keyed(self, "Nothing is missing; {export.write} writes the file"), timeout=3, markup=False)
            return
        name = _WHERE.get(missing[0].step)
        if name is None:
            self.notify(advice(self, missing[0].hint), timeout=8, markup=False)
            return
        await self.app.run_action(f"show_screen('{name}')")

    def action_axolotl(self) -> None:
        """Name the Python whose axolotl is asked, and prove again."""

        def entered(path: str | None) -> None:
            if path and path.strip():
                self.python = str(Path(path.strip()).expanduser())
                self.action_again()

        hint = "its path, such as envs/train/bin/python"
        title = "the Python that has axolotl, and will train"
        self.app.push_screen(
            PathDialog(title, value=self.python or "", hint=hint, fits=is_python, hidden=True), entered
        )

    def action_write(self) -> None:
        """Write the file, or say what is missing."""
        made = self.made
        if made is None or self.looking:
            self.notify("What is proven is still being found out", timeout=3)
            return
        if made.missing:
            body = "\n".join(f"{proof.step}: {proof.message}" for proof in made.missing)
            agree = ConfirmDialog(
                "not everything is proven", body, agree="writes it anyway, marked as unvalidated", diff=False
            )
            self.app.push_screen(agree, lambda yes: self._ask_for_a_path(unvalidated=True) if yes else None)
            return
        self._ask_for_a_path(unvalidated=False)

    def _ask_for_a_path(self, *, unvalidated: bool) -> None:
        def entered(path: str | None) -> None:
            if path and path.strip():
                self._write(Path(path).expanduser(), unvalidated=unvalidated)

        self.app.push_screen(
            PathDialog("write the full run's recipe to", value="full.yaml", hint="path of the file", fits=is_recipe),
            entered,
        )

    def _write(self, path: Path, *, unvalidated: bool) -> None:
        """Compose it for its place, which decides relative paths; an axolotl that is asked takes its time."""
        self.notify("Preparing the file: its rows are proved again…", timeout=UNTIL_DONE_SECONDS)
        self._composing = visible(path.name), monotonic()
        _draw_border(self)
        self.background.submit(Kind.WRITE, self._prepare_file(path, unvalidated))

    def _prepare_file(self, path: Path, unvalidated: bool) -> Iterator[None]:
        from workbench.export.prepare import prepare_export

        try:
            if self.editing.stale:
                self.editing.reload_changes()
            known = _known_of_all_rows(self)
            made = prepare_export(self.bench, path, count=ROWS, axolotl_python=self.python, all_rows=known)
        except BenchError as problem:
            self.tell(FileComposed(path, None, problem=problem))
        else:
            self.tell(FileComposed(path, made, unvalidated=unvalidated))
        yield

    @on(FileComposed)
    def _file_composed(self, message: FileComposed) -> None:
        self._composing = None
        _draw_border(self)
        if message.problem is not None:
            self.notify_problem(message.problem)
        elif message.made is not None:
            self._offer(message.made, message.path, unvalidated=message.unvalidated)

    def _offer(self, made: Export, path: Path, *, unvalidated: bool) -> None:
        """Write it; over a file that is there only once the difference was seen."""
        if not path.exists():
            self._put(made, path, unvalidated=unvalidated, force=False)
            return

        def agreed(yes: bool | None) -> None:
            if yes:
                self._put(made, path, unvalidated=unvalidated, force=True)

        diff = made.diff() or "(the file has the same text)"
        self.app.push_screen(ConfirmDialog(f"overwrite {path.name}", diff, agree="overwrites it"), agreed)

    def _put(self, made: Export, path: Path, *, unvalidated: bool, force: bool) -> None:
        try:
            target = made.write(path, unvalidated=unvalidated, force=force)
        except BenchError as problem:
            self.notify_problem(problem)
            return
        text = written_text(made, target)
        self._written = self.editing.document.text, f"{text} at {datetime.now():%H:%M}{_receipt_of(target)}"
        self._draw()
        self.notify(f"{text[0].upper()}{text[1:]}", timeout=6, markup=False)

    # Drawing

    def _say_state(self) -> None:
        """The state of the proof, in words: the colour alone would not say it."""
        self.seen = self.editing.document.text
        if self.problem is not None:
            say_state(self, Mark("✗", "error", "✗"))
        elif self.made is not None:
            say_state(self, _PROVEN[outcome(self.made)])

    def _draw(self) -> None:
        steps, yaml = self.query_one("#steps", Static), self.query_one("#yaml", Static)
        paint = paints(self.app.current_theme)
        text = Text(end="")
        if self._written is not None and self._written[0] == self.editing.document.text:
            file = Text(f"✓ {self._written[1]}", paint.bar, end="")
            text.append_text(hang(file, steps.size.width, 2, self.app.console)).append("\n\n")
        if self.problem is not None:
            text.append(f"✗ {visible(self.problem.title)}", paint.severity["error"])
            text.append(f"\n{visible(self.problem.cause)}\n{advice(self, self.problem.hint)}", paint.muted)
            if self.python is not None:
                key = key_of("export.axolotl", getattr(self.app, "keys", {}))
                text.append(f"\n{key} ", paint.accent).append("names another Python", paint.muted)
        elif self.made is None:
            text.append("Checking what is proven…", paint.muted)
        else:
            line, next_key = (
                proof_line(self.made),
                "{export.step} goes to the first missing step" if self.made.missing else "{export.write} writes it",
            )
            colours = {"pass": paint.bar, "doubtful": paint.severity["warning"], "fail": paint.severity["error"]}
            text.append(f"{line[0].upper()}{line[1:]}: {keyed(self, next_key)}", colours[outcome(self.made)])
            text.append("\n")
            for state in states(self.made):
                self._hang(text, self._state(state, colours[state.outcome]), 2)
            text.append("\n")
            for proof in self.made.proofs:
                self._step(text, proof)
            for requirement in self.made.composed.requirements:
                text.append("\n")
                needs = Text(end="").append("! needs  ", paint.severity["warning"])
                self._hang(text, needs.append(visible(requirement)), 2)
        steps.update(text)
        self.query_one("#proofs").border_subtitle = "checking again" if self.looking and self.made is not None else ""
        _draw_border(self)
        yaml.update(_file(self))
        draw_keys(self)

    def _hang(self, text: Text, line: Text, indent: int) -> None:
        """Write a line that goes on under its own text."""
        width = self.query_one("#steps").size.width
        text.append("\n").append_text(hang(line, width, indent, self.app.console))

    def _state(self, state: State, colour: Style) -> Text:
        """A state of proof: whether it holds, and the keys that supply what it lacks."""
        paint, text = paints(self.app.current_theme), Text(end="")
        text.append(f"{'●' if state.current else '○'} {state.name}", colour if state.current else paint.muted)
        if state.current:
            key = key_of("export.write", getattr(self.app, "keys", {}))
            asks = f"{key} asks before it writes such a file, which says so"
            text.append(f"  {asks if state.outcome == 'fail' else state.means}", paint.muted)
        elif state.missing:
            text.append("  lacks ", paint.muted)
            for number, proof in enumerate(state.missing):
                text.append(", " if number else "").append(proof.step)
                keys = [key_of(action, getattr(self.app, "keys", {})) for action in _SUPPLY[proof.step]]
                text.append(" ").append(" then ".join(filter(None, keys)), paint.accent)
        return text

    def _step(self, text: Text, proof: Proof) -> None:
        paint = paints(self.app.current_theme)
        style = {True: paint.bar, False: paint.severity["error"], None: paint.severity["warning"]}[proof.ok]
        line = Text(end="").append(f"{MARKS[proof.ok]} {proof.step:<{_STEP_CELLS}}", style)
        self._hang(text, line.append(visible(proof.message)), _STEP_CELLS + 2)
        if proof.ok is not True and proof.hint:
            self._hang(text, Text(end="").append(f"  → {advice(self, proof.hint)}", paint.muted), 4)


def _known_of_all_rows(screen: ExportScreen) -> KnownOfAllRows | None:
    """Findings of the checks screen in all rows of the recipe as it is; None where it did not look at them."""
    from workbench.export.all_rows import of_check

    report = screen.app.story.report_of(screen.bench.document.text)  # type: ignore[attr-defined]
    return of_check(report) if report is not None else None


def _receipt_of(file: Path) -> str:
    """The state of proof that the receipt of a file names; "" where it has none that can be read."""
    from workbench.export.receipt import read_receipt

    try:
        receipt = read_receipt(file.read_text("utf-8"))
    except (OSError, ValueError, BenchError):
        return ""
    if receipt is None:
        return ""
    return f"; its receipt says validated: {visible(str(receipt.validated or 'false'))}"


def _draw_border(screen: ExportScreen) -> None:
    """Say below the file that it is composed for its place, and for how long."""
    file, said = screen.query_one("#file"), ""
    if screen._composing is not None:
        name, began = screen._composing
        said = f"{escape(name)} · its rows are proved again · {duration(monotonic() - began)}"
    if file.border_subtitle != said:
        file.border_subtitle = said


def _file(screen: ExportScreen) -> Text:
    """The text of the file with the numbers of its lines: a long one goes on without one."""
    paint, text = paints(screen.app.current_theme), Text(end="")
    lines = (screen.made.text if screen.made is not None else "").splitlines()
    width, digits = screen.query_one("#yaml").size.width, len(str(len(lines)))
    for number, line in enumerate(lines, 1):
        written = Text(end="").append(f"{number:>{digits}} ", paint.muted)
        comment = line.lstrip().startswith("#")
        key, colon, rest = line.partition(":")
        if comment or not colon:
            written.append(visible(line), paint.muted if comment else "")
        else:
            written.append(f"{visible(key)}:", paint.accent).append(visible(rest))
        inside = len(line) - len(line.lstrip()) + 2
        text.append_text(hang(written, width, digits + 1 + inside, screen.app.console)).append("\n")
    return text
