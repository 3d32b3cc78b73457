"""The model screen: the towers, what the recipe does with each, what is wrong, and the memory of a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, cast

import yaml
from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.timer import Timer
from textual.widgets.tree import TreeNode

from screens.guard.faults import on, subscriber
from screens.guard.widgets import Container, Static, Vertical, VerticalScroll
from screens.keys.actions import Scope, bindings
from screens.keys.spoken import advice
from screens.shell.base_screen import WorkbenchScreen, draw_keys, say_state, status_of
from screens.shell.fields import Input, Tree
from screens.shell.messages import JobFailed, MemoryRead, ModelRead
from screens.shell.status_bar import StatusBar
from screens.shell.story import PASS, Mark, counts
from screens.shell.themes import Paints, paints
from screens.shell.worker import Kind
from workbench.errors import BenchError
from workbench.models.sizes import UNSIZED
from workbench.views.items import visible
from workbench.views.model import STATE_GLYPH, ModelLine, memory_lines, short_bytes, short_count
from workbench.views.palette import SEVERITY_GLYPH

if TYPE_CHECKING:
    from workbench.findings import Finding
    from workbench.models.anatomy import Anatomy
    from workbench.models.memory import MemoryEstimate
    from workbench.models.targets import Trained
    from workbench.models.towers import TowerName

_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (110, "-wide")]
_HEIGHTS: list[tuple[int, str]] | None = [(0, "-low"), (32, "-roomy")]
_TYPED_SECONDS = 0.1
_MEMORY_SECONDS = 0.8
_KEY = "lora_target_modules"
_WAYS = {
    "causal": "text-only runs load AutoModelForCausalLM's own class",
    "backbone": "text-only runs load its text backbone",
    "direct": "text-only runs load the whole model",
}


class ModelScreen(WorkbenchScreen):
    """Looks at the model when it is first seen, and again whenever the recipe was edited. No weight is ever loaded."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("model")]
    CSS_PATH = "model.tcss"
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("model",)

    anatomy: Anatomy | None = None
    facts: Trained | None = None
    estimate: MemoryEstimate | None = None
    findings: tuple[Finding, ...] = ()
    problem: BenchError | None = None
    looking = False
    _no_memory: BenchError | None = None
    _old = False
    """True while the memory that is shown is that of before an edit."""
    _round = 0
    _soon: Timer | None = None
    _later: Timer | None = None
    _typing = False

    def body(self) -> ComposeResult:
        """The towers, and beside them the targets, the memory and what is wrong."""
        yield Static(id="made", markup=False)
        with Container(id="parts"):
            towers: Tree[tuple[str, str]] = Tree("", id="towers")
            towers.show_root = False
            towers.guide_depth = 3
            towers.border_title = "towers"
            yield towers
            with Vertical(id="beside"):
                with Vertical(id="targets") as targets:
                    targets.border_title = _KEY
                    yield Input(
                        id="pattern", compact=True, select_on_focus=False,
                        placeholder="a pattern, [names], or all-linear",
                    )  # fmt: skip
                    yield Static(id="whole-pattern", markup=False)
                    yield Static(id="reached", markup=False)
                with VerticalScroll(id="memory") as memory:
                    memory.border_title = "memory of a training step"
                    yield Static(id="bytes", markup=False)
                    yield Static(id="bytes-in-short", markup=False)
                with VerticalScroll(id="findings") as findings:
                    findings.border_title = "findings"
                    yield Static(id="findings-text", markup=False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self._draw))
        self.query_one("#towers").focus()

    def activated(self, edited: bool) -> None:
        """Look again at what was edited."""
        if edited:
            self.follow()

    def follow(self) -> None:
        """Show what the last edit did."""
        self.seen = self.editing.document.text
        if not self._typing:
            field = self.query_one("#pattern", Input)
            with self.prevent(Input.Changed):
                field.value = _as_typed(self.editing.document.get((_KEY,)))
            field.cursor_position = len(field.value)
        self._look()

    # On the background thread

    def _look(self) -> None:
        self._round += 1
        # The last figures stay in sight, in grey, until there are others.
        self.looking, self._no_memory, self._old = True, None, True
        if self._later is not None:
            self._later.stop()
        self.background.submit(Kind.MODEL, self._read(self._round))
        self._draw_beside()

    def _read(self, number: int) -> Iterator[None]:
        from workbench.checks.recipe_checks import model_findings
        from workbench.checks.schema import unreadable
        from workbench.models.targets import trained

        try:
            if self.editing.stale:
                self.editing.reload_changes()
            yield
            anatomy = self.bench.anatomy
            yield
            facts = trained(anatomy, self.bench.recipe)
            found = [*unreadable(self.bench.document), *model_findings(self.bench)]
            self.tell(ModelRead(number, anatomy, facts, found))
        except BenchError as problem:
            self.tell(ModelRead(number, None, None, [], problem))
        yield

    def _measure(self, number: int) -> Iterator[None]:
        from workbench.models.memory import estimate_of

        try:
            self.tell(MemoryRead(number, estimate_of(self.bench.loaded, self.bench.recipe, self.bench.axolotl)))
        except BenchError as problem:
            self.tell(MemoryRead(number, None, problem))
        yield

    @on(JobFailed)
    def _job_failed(self, message: JobFailed) -> None:
        if message.kind is Kind.MODEL:
            self._model_read(ModelRead(self._round, None, None, [], message.problem))
        elif message.kind is Kind.MEMORY:
            self._memory_read(MemoryRead(self._round, None, message.problem))

    @on(ModelRead)
    def _model_read(self, message: ModelRead) -> None:
        if message.number != self._round:
            return
        self.looking, self.problem = False, message.problem
        self.anatomy, self.facts, self.findings = message.anatomy, message.facts, tuple(message.findings)
        self._draw()
        if message.problem is None and message.facts is not None and message.facts.refusal is None:
            self._later = self.set_timer(
                _MEMORY_SECONDS, lambda: self.background.submit(Kind.MEMORY, self._measure(message.number))
            )

    @on(MemoryRead)
    def _memory_read(self, message: MemoryRead) -> None:
        if message.number == self._round:
            self.estimate, self._no_memory, self._old = message.estimate, message.problem, False
            self._draw_beside()

    def offers(self, action: str, parameters: tuple[object, ...]) -> bool:
        """There is a fix to apply, and a tower to unfold, or not."""
        if action == "fix":
            return any(finding.fix is not None for finding in self.findings)
        return self.anatomy is not None if action == "unfold" else super().offers(action, parameters)

    # Actions

    def action_targets(self) -> None:
        """Edit the targets, from their end on."""
        field = self.query_one("#pattern", Input)
        field.focus()
        field.cursor_position = len(field.value)

    def action_leave(self) -> None:
        """Back to the towers."""
        self.query_one("#towers").focus()

    def action_unfold(self) -> None:
        """Show or hide the kinds of the tower under the cursor."""
        self.query_one("#towers", Tree).action_toggle_node()

    def action_fix(self) -> None:
        """Apply the first fix that does no harm to the rows."""
        fixable = [finding for finding in self.findings if finding.fix is not None]
        if not fixable:
            self.notify("No finding has a fix that can be applied", timeout=3)
            return
        self.fixes.apply_first(fixable)

    def action_undo_edit(self) -> None:
        """Take back the last edit; letters that were typed just now are one already."""
        self._take()
        super().action_undo_edit()

    @on(Input.Changed, "#pattern")
    def _typed(self, message: Input.Changed) -> None:
        if self._soon is not None:
            self._soon.stop()
        self._soon = self.set_timer(_TYPED_SECONDS, self._take)

    @on(Input.Submitted, "#pattern")
    def _entered(self) -> None:
        self.action_leave()

    def _take(self) -> None:
        """Take what was typed since the last time; nothing where nothing was."""
        if self._soon is None:
            return
        self._soon.stop()
        self._soon = None
        try:
            value = _as_meant(self.query_one("#pattern", Input).value)
        except yaml.YAMLError:
            # A list that is being typed: its bracket is still open.
            return
        if value == self.editing.document.get((_KEY,)):
            return
        self._typing = True
        try:
            self.editing.set((_KEY,), value)
            self.follow()
        except BenchError as problem:
            self.notify_problem(problem)
        finally:
            self._typing = False

    # Drawing

    def _draw(self) -> None:
        paint = paints(self.app.current_theme)
        self.query_one("#made", Static).update(self._headline(paint))
        self._draw_towers(paint)
        self._draw_beside()
        self.query_one(StatusBar).show(status_of(self.bench))
        if self.problem is not None:
            say_state(self, Mark("✗", "error", "✗"))
        elif self.anatomy is not None:
            say_state(self, *(counts(finding.severity for finding in self.findings) or (PASS,)))

    def _headline(self, paint: Paints) -> Text:
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        if self.problem is not None:
            return text.append(visible(self.problem.title), paint.severity["error"])
        if self.anatomy is None:
            return text.append("building the model without weights…", paint.muted)
        from workbench.models.load_route import route

        size = sum(tower.bytes for tower in self.anatomy.towers)
        text.append(self.anatomy.class_name, paint.strong)
        if not self.anatomy.sized:
            text.append(f"  {UNSIZED}", paint.severity["warning"])
        else:
            text.append(f"  {short_count(self.anatomy.parameters)} parameters, {short_bytes(size)}", paint.accent)
            if self.facts is not None and self.facts.refusal is None:
                text.append(f"  {short_count(sum(self.facts.counts.values()))} trained")
        found = route(self.anatomy.config)
        return text.append(f"  {_WAYS[found.way]}", paint.muted)

    def _draw_towers(self, paint: Paints) -> None:
        from workbench.views.model import kind_lines, tower_lines

        towers: Tree[tuple[str, str]] = self.query_one("#towers", Tree)
        open_ones = {node.data[0] for node in towers.root.children if node.is_expanded and node.data}
        if not towers.root.children:
            open_ones = set(self.facts.hits) if self.facts is not None else set()
        at = towers.cursor_line
        towers.clear()
        if self.anatomy is None or self.facts is None:
            return
        lines = tower_lines(self.anatomy, self.facts)
        for line in lines:
            node: TreeNode[tuple[str, str]] = towers.root.add(
                _tower(line, paint), (line.name, ""), expand=line.name in open_ones, allow_expand=line.modules > 0
            )
            prefixes = next(tower.prefixes for tower in self.anatomy.towers if tower.name == line.name)
            kinds = kind_lines(self.anatomy, self.facts, cast("TowerName", line.name))
            names = [_within(kind.name, prefixes) for kind in kinds]
            width = max(map(len, names), default=0)
            for kind, name in zip(kinds, names, strict=True):
                node.add_leaf(_kind(kind, f"{name:{width}}", paint), (line.name, kind.name))
        towers.root.expand()
        towers.cursor_line = max(at, 0)

    def _draw_beside(self) -> None:
        paint = paints(self.app.current_theme)
        self.query_one("#targets").border_subtitle = "reading…" if self.looking else ""
        whole, field = self.query_one("#whole-pattern", Static), self.query_one("#pattern", Input)
        # A field is one line: an expression that is longer stands below it, wrapped.
        whole.display = cell_len(field.value) >= field.size.width > 0
        whole.update(Text(visible(field.value), paint.muted, end="", overflow="fold"))
        self.query_one("#reached", Static).update(self._reached(paint))
        working = self._old and self.estimate is not None
        refused = self.facts is not None and self.facts.refusal is not None
        before = "before the edit: the targets are refused" if refused and not self.looking else "before the edit…"
        self.query_one("#memory").border_subtitle = before if working else ""
        self.query_one("#bytes", Static).update(self._memory(paint))
        self.query_one("#bytes-in-short", Static).update(_memory_in_short(self, self._memory(paint), paint))
        text = Text(end="")
        for finding in self.findings:
            text.append("\n\n" if text else "")
            text.append(f"{SEVERITY_GLYPH[finding.severity]} {finding.code} ", paint.severity[finding.severity])
            text.append(visible(finding.message))
            if finding.hint:
                style = paint.accent if finding.fix is not None else paint.muted
                text.append(f"\n→ {advice(self, finding.hint)}", style)
        nothing = "" if self.facts is None else "No findings about the model and its trained parts."
        self.query_one("#findings-text", Static).update(text if self.findings else Text(nothing, paint.muted))
        draw_keys(self)

    def _reached(self, paint: Paints) -> Text:
        text = Text(end="")
        if self.problem is not None:
            return text.append(visible(self.problem.cause), paint.muted)
        if self.facts is None:
            return text
        if self.facts.refusal is not None:
            return text.append(
                f"✗ {visible(self.facts.refusal.cause or self.facts.refusal.title)}", paint.severity["error"]
            )
        for number, (tower, hits) in enumerate(self.facts.hits.items()):
            fine = tower in ("language", "experts")
            text.append("  " if number else "")
            text.append(f"{STATE_GLYPH['adapted']} {hits:,} {tower}", paint.bar if fine else paint.severity["warning"])
        if not self.facts.hits:
            text.append("no adapters" if self.bench.recipe.adapter is None else "no module matches", paint.muted)
        if self.facts.dead:
            text.append(f"   † {len(self.facts.dead):,} frozen again", paint.severity["warning"])
        return text

    def _memory(self, paint: Paints) -> Text:
        text = Text(end="")
        if self._no_memory is not None:
            return text.append(visible(f"{self._no_memory.title}. {self._no_memory.cause}"), paint.muted)
        if self.estimate is None:
            refused = self.facts is not None and self.facts.refusal is not None
            waiting = "no estimate while the targets are refused" if refused else "estimating…"
            return text.append(waiting if self.facts is not None else "", paint.muted)
        lines = memory_lines(self.estimate)
        most = max(size for _, size in lines[:-1]) or 1
        for name, size in lines:
            last = name == "in all"
            text.append(f"{name:12}", paint.strong if last else paint.muted)
            text.append(f"{short_bytes(size):>10}  ", paint.muted if self._old else paint.strong if last else "")
            bar = paint.muted if self._old else paint.accent
            text.append("" if last else "█" * round(16 * size / most), bar).append("\n")
        rows = f"{self.estimate.batch} row{'s' if self.estimate.batch > 1 else ''} of {self.estimate.sequence:,} tokens"
        return text.append(f"{rows}; the GPU's runtime is not included", paint.muted)


def _memory_in_short(screen: ModelScreen, whole: Text, paint: Paints) -> Text:
    """The memory without bars, for a window without room for them: the sum, then its parts, the largest first.

    Where there are no figures, it is what stands in the place of the `whole`.
    """
    if screen.estimate is None or screen._no_memory is not None:
        return whole
    *parts, (_, total) = memory_lines(screen.estimate)
    text = Text(short_bytes(total), paint.muted if screen._old else paint.strong, end="")
    words = [f"{name} {short_bytes(size)}" for name, size in parts]
    return text.append(f"  {', '.join(words)}", paint.muted)


def _as_typed(value: Any) -> str:
    """The targets as a person writes them."""
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return "" if value is None else str(value)


def _as_meant(typed: str) -> Any:
    """The value of the typed text: a list where it begins with a bracket, else a string; None for an empty field."""
    typed = typed.strip()
    if typed.startswith("["):
        return yaml.safe_load(typed)
    return typed or None


_STATE_STYLE = {"dead": "warning", "refused": "error"}


def _styled(line: ModelLine, paint: Paints) -> Any:
    if line.state in _STATE_STYLE:
        return paint.severity[_STATE_STYLE[line.state]]
    return paint.muted if line.state in ("frozen", "not known") else paint.bar


def _tower(line: ModelLine, paint: Paints) -> Text:
    # What cannot be unfolded has no arrow, which takes two cells.
    text = Text("" if line.modules else "  ", no_wrap=True, overflow="ellipsis")
    style = _styled(line, paint)
    text.append(f"{STATE_GLYPH[line.state]} ", style).append(f"{line.name:11}", paint.strong)
    text.append(f"{short_count(line.parameters):>9} {short_bytes(line.bytes):>9}  ", paint.muted)
    again = "frozen again" if line.state == "dead" else "adapted"
    hits = f"all {line.modules:,}" if line.adapted == line.modules else f"{line.adapted:,} of {line.modules:,}"
    state = f"{hits} {again}" if line.adapted else line.state
    text.append(state, style)
    return text.append(f"  {short_count(line.trained)} trained" if line.trained else "", paint.muted)


def _within(name: str, prefixes: tuple[str, ...]) -> str:
    """A module's name as it goes on after its tower's."""
    return next((name.removeprefix(f"{prefix}.") for prefix in prefixes if name.startswith(f"{prefix}.")), name)


def _kind(line: ModelLine, name: str, paint: Paints) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    style = _styled(line, paint)
    text.append(f"{STATE_GLYPH[line.state]} ", style).append(f"{visible(name)} ")
    count = f"{line.adapted:,} of {line.modules:,}" if line.state == "partly" else f"× {line.modules:,}"
    return text.append(f"{count:>6} ", style).append(f"{short_count(line.parameters):>9}", paint.muted)
