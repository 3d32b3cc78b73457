"""The terminal app. It opens at once: the window is drawn before numpy, transformers or torch are imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.actions import parse
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.message import Message
from textual.screen import Screen

from screens.guard.faults import Fault, guarded, log_file, on, unexpected, write
from screens.inspect.first_row import FirstRowScreen
from screens.keys.actions import ACTIONS, PANES_OF, Action, Scope, bindings
from screens.keys.screen_registry import SCREENS
from screens.keys.spoken import own_action
from screens.keys.user_keymap import Keys, read_keys
from screens.shell.beginning import First, read_first
from screens.shell.garbage_collection import Collector
from screens.shell.loading import LoadingScreen
from screens.shell.messages import BenchLoaded, LoadFailed, LoadProgressed
from screens.shell.preferences import preferences
from screens.shell.reporting import Reporting
from screens.shell.status_bar import Status, StatusBar
from screens.shell.story import Story
from screens.shell.theme_names import CYCLE, DARK_NAME
from screens.shell.themes import THEMES
from screens.shell.tokens_beside import TokensBeside, tokens_of
from screens.shell.worker import Background, Kind
from workbench.errors import BenchError, EnvironmentProblem
from workbench.escaping import visible

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.models.hub import Progress
    from workbench.views.row_view import RowView

_GRACE_SECONDS = 0.5
_BASE = 2
"""Screens on the stack where nothing lies over the one in front: Textual's own, and that."""


class Actions(Provider):
    """The command palette: every declared action that can be used on the screen in front."""

    def _usable(self) -> list[Action]:
        app = self.app
        assert isinstance(app, WorkbenchApp)
        return [
            app.known(action)
            for action in ACTIONS
            if action.palette and action.scope in app.scopes and app.check_action(*parse(action.action)[1:])
        ]

    async def discover(self) -> Hits:
        """All actions, in the order declared."""
        for action in self._usable():
            yield DiscoveryHit(action.description, self._runner(action), help=_about(action))

    async def search(self, query: str) -> Hits:
        """The actions whose name, other words or help have the words of the query; then names like it."""
        matcher = self.matcher(query)
        for action in self._usable():
            score = action.matches(query) or matcher.match(action.description) / _LIKE
            if score > 0:
                yield Hit(score, matcher.highlight(action.description), self._runner(action), help=_about(action))

    def _runner(self, action: Action) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            app = self.app
            assert isinstance(app, WorkbenchApp)
            await app.perform(action)

        return run


def _about(action: Action) -> str:
    return f"{action.keys_text}  {action.tooltip}"


_LIKE = 100.0
"""A name that only resembles the query comes after every action that has its words."""
_COLLECT_SECONDS = 1.0


def _title_of(bench: Bench) -> str:
    """The model's title, safe to draw; empty where the recipe cannot be read."""
    try:
        title = bench.title
    except BenchError:
        return ""
    return "".join(char if char.isprintable() else "?" for char in title)


class WorkbenchApp(Reporting):
    """The app of a bench, which it loads; `row` is the first row to be shown."""

    TITLE = "vlmbench"
    # The second is the first row's: a screen's own style sheet would have all of them parsed once more.
    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "inspect/layout.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app")]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Actions}
    ENABLE_COMMAND_PALETTE = True
    ALLOW_IN_MAXIMIZED_VIEW = "NoticeLine"

    def __init__(
        self, bench: Bench, row: int = 0, keys: Keys | None = None, beside: TokensBeside | None = None
    ) -> None:
        """`beside` is the process that encodes the first row meanwhile, if there is one."""
        super().__init__()
        self.keys: Keys = keys or {}
        self.known: Callable[[Action], Action] = lambda action: own_action(action, self.keys)
        """Gives an action with the user's keys, in its help too."""
        self.set_keymap({name: ",".join(given) for name, given in self.keys.items()})
        self.bench = bench
        self.first_row = row
        self.background = Background(self._crashed)
        self._collector = Collector()
        self.problem: BenchError | None = None
        self._first: First | None = None
        self.beside = beside
        self.story = Story()
        self.story.changed = lambda: _draw_tabs(self)
        self.front = "inspect"
        for theme in THEMES:
            self.register_theme(theme)
        # Not as a change of theme, after which Textual would parse every style sheet once more before the first paint.
        self.set_reactive(WorkbenchApp.theme, DARK_NAME)
        self.stylesheet.set_variables(self.get_css_variables())
        if wanted := preferences().theme:
            self.theme = wanted

    async def on_mount(self) -> None:
        self._collector.begin()
        self.telling.begin()
        self._first = await read_first(self.bench, self.first_row)
        if self._first is not None and self._first.theme in self.available_themes:
            self.theme = str(self._first.theme)
        title = _title_of(self.bench)
        if self._first is None:
            await self.push_screen(LoadingScreen(title))
        else:
            await self.push_screen(_first_screen(self, self._first, title))
        # After the first paint: the imports of the load hold the interpreter.
        self.call_after_refresh(self.action_load)
        self.set_interval(_COLLECT_SECONDS, self._collector.tick)

    async def on_event(self, event: events.Event) -> None:
        """Take an event of the terminal. A key or the mouse says that somebody waits for the window."""
        if isinstance(event, events.InputEvent):
            self._collector.touched()
        if isinstance(event, events.Key) and event.key == "escape":
            self.telling.dismiss()
        await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """Give the focused pane a key that came before the focus moved to it, as in `/owned` typed in one burst."""
        focused = self.focused
        if focused is not None and event.time < getattr(self.screen, "focused_at", 0.0):
            event.prevent_default()
            # Sent by the pane itself, so that what it does not take comes back here.
            focused.post_message(events.Key(event.key, event.character).set_sender(focused))

    def on_unmount(self) -> None:
        self.watchdog.stop()
        self.background.close()
        self._collector.stop()

    @property
    def base(self) -> Screen[None]:
        """The screen below every dialog. Textual's own, empty screen is below it."""
        return self.screen_stack[min(1, len(self.screen_stack) - 1)]

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes whose actions can be used now."""
        return (*getattr(self.base, "SCOPES", ()), "app")

    async def perform(self, action: Action) -> None:
        """Run an action wherever it belongs."""
        base = self.base
        if action.scope == "app":
            await self.run_action(action.action, self)
        elif action.scope == self.scopes[0]:
            await self.run_action(action.action, base)
        else:
            pane = base.query_one(f"#{action.scope}")
            pane.focus()
            await self.run_action(action.action, pane)

    # Loading

    def action_load(self) -> None:
        """Load the bench on the background thread."""
        self.problem = None
        self.background.submit(Kind.LOAD, self._load())

    def _load(self) -> Iterator[None]:
        def progress(report: Progress) -> None:
            self.background.check()
            self.send(LoadProgressed(report))

        if self._first is not None:
            first, self._first = self._first.row, None
            beside, self.beside = self.beside, None
            if beside is not None:
                beside.let_draw()
            # Before what takes seconds: tokens that two of the model's files give.
            from screens.token_grid import grid  # noqa: F401

            if (traced := tokens_of(self.bench, first, beside)) is not None:
                try:
                    self.call_later(guarded(self, _show_tokens), self, traced.view())
                except RuntimeError:
                    self.background.check()
            yield
        try:
            self.bench.load(progress)
            # Imported here, on the thread: the window waits for nothing.
            import screens.inspect.screen  # noqa: F401
        except BenchError as problem:
            self.send(LoadFailed(problem))
        else:
            self._collector.start()
            self.send(BenchLoaded())
        yield

    def send(self, message: Message) -> None:
        """Post a message to the app from any thread; after the app is gone it goes nowhere."""
        try:
            self.post_message(message)
        except RuntimeError:
            self.background.check()

    def _crashed(self, kind: Kind, problem: Exception) -> None:
        if kind is not Kind.LOAD:
            self.job_crashed(kind, problem)
            return
        write(Fault.of("loading", problem))
        self.send(LoadFailed(unexpected(problem)))

    def waiting_screens(self) -> list[Screen[None]]:
        """The screens that were made: any of them may have asked for a job."""
        return [self.get_screen(name) for name in SCREENS if self.is_screen_installed(name)]

    @on(LoadProgressed)
    def _progressed(self, message: LoadProgressed) -> None:
        screen = self.base
        if isinstance(screen, LoadingScreen | FirstRowScreen):
            screen.report(message.progress)

    @on(BenchLoaded)
    async def _loaded(self) -> None:
        from screens.inspect.screen import InspectScreen
        from screens.known_run import known_run
        from screens.shell.recipe_screen import RecipeScreen
        from screens.shell.screen_state import recall
        from workbench.editing.session import Editing

        for old in self.waiting_screens():
            self.uninstall_screen(old)
            old.remove()
        self.editing = Editing(self.bench)
        self.editing.edited = self.telling.outdate
        self.watch_over()
        early = self.base.early if isinstance(self.base, FirstRowScreen) else None
        screen = InspectScreen(self.bench, self.background, self.first_row, editing=self.editing, early=early)
        self.install_screen(screen, "inspect")
        await self.show("inspect")
        front = recall(self.bench).get("screen")
        if not self.first_row and front in SCREENS:
            await self.show(front)
        base = self.base
        assert isinstance(base, RecipeScreen)
        base.offer_left()
        say = guarded(self, self.story.say)
        tell = lambda recipe, mark: self.call_later(say, "overfit", recipe, mark)  # noqa: E731
        self.background.submit(Kind.RUNS, known_run(self.bench, tell))

    @on(LoadFailed)
    async def _failed(self, message: LoadFailed) -> None:
        self.problem = message.error
        screen = self.base
        if not isinstance(screen, LoadingScreen):
            screen = LoadingScreen(_title_of(self.bench))
            await self.switch_base(screen)
        screen.fail(message.error)

    async def switch_base(self, screen: Screen[None]) -> None:
        """Put another screen in the place of the one below; what lies over it is closed."""
        self.telling.outdate()
        for _ in self.screen_stack[_BASE:]:
            await self.pop_screen()
        self.background.front = getattr(screen, "JOBS", ())
        await self.switch_screen(screen)

    def pop_screen(self) -> AwaitComplete:
        """Close what lies over the base.

        A key that was typed ahead for a dialog which has gone by now would take the base away, and leave nothing.
        """
        if len(self.screen_stack) > _BASE:
            return super().pop_screen()
        # Textual gives it no types.
        nothing: AwaitComplete = AwaitComplete.nothing()  # type: ignore[no-untyped-call]
        return nothing

    async def show(self, name: str) -> Screen[None] | None:
        """Bring a screen to the front, made when it is first asked for; None as long as nothing is loaded.

        Raises:
            KeyError: there is no such screen.
        """
        if self.editing is None:
            return None
        if not self.is_screen_installed(name):
            made = SCREENS[name].load()(self.bench, self.background)
            made.editing = self.editing
            # Textual keeps an installed screen, with all that it shows, when another takes its place. It is not in
            # `App.SCREENS`: those are made without arguments, and these want the bench.
            self.install_screen(made, name)
        self.front = name
        screen = self.get_screen(name)
        if screen is not self.base:
            await self.switch_base(screen)
        return screen

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Refuse to show another screen before there is something to show."""
        return action != "show_screen" or (self.editing is not None and not isinstance(self.base, LoadingScreen))

    # Actions

    async def action_show_screen(self, name: str) -> None:
        """Show a screen by its name."""
        await self.show(name)

    def action_help(self) -> None:
        """Show every key, those of the pane in focus first."""
        from screens.shell.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            return
        above = self.focused.ancestors_with_self if self.focused is not None else [self.screen]
        terms = next((found for widget in above if (found := getattr(widget, "help_terms", ()))), ())
        ids = [str(widget.id) for widget in above]
        # A dialog has none of the keys below it.
        scopes = () if self.screen.is_modal else self.scopes
        self.push_screen(HelpScreen(scopes, tuple(name for name in PANES_OF if name in ids), terms))

    def action_settings(self) -> None:
        """Show every setting, with where it comes from."""
        from screens.pictures.graphics import terminal_has_graphics
        from screens.shell.settings_dialog import SettingsDialog

        if not isinstance(self.screen, SettingsDialog):
            self.push_screen(SettingsDialog(self.bench, graphics=not in_browser() and terminal_has_graphics()))

    def action_next_theme(self) -> None:
        """Change to the next theme: dark, light, high contrast, the terminal's own."""
        index = CYCLE.index(self.theme) if self.theme in CYCLE else -1
        self.theme = CYCLE[(index + 1) % len(CYCLE)]

    def action_full_pane(self) -> None:
        """Show the pane in focus over the whole window, or all panes again."""
        from screens.shell.full_pane import toggle

        toggle(self)

    async def action_quit(self) -> None:
        """Leave, with the exit code of what went wrong, if anything did."""
        self.exit(return_code=self.problem.exit_code if self.problem is not None else 0)


def _first_screen(app: WorkbenchApp, first: First, title: str) -> FirstRowScreen:
    """The first row: its tokens where they are known by now, else its text, and the tokens as soon as they are."""
    screen = FirstRowScreen(first.row, Status(title, recipe=first.recipe), first.panes, first.token)
    beside = app.beside
    if beside is None:
        return screen

    def show() -> None:
        if (early := beside.early()) is not None and early.row == first.row.index:
            screen.show_early(early)
            app.call_after_refresh(beside.drawn.set)

    def told() -> None:
        # The app may be gone by now.
        with suppress(RuntimeError):
            app.call_later(guarded(app, show))

    if beside.early(told) is not None:
        show()
    return screen


async def _show_tokens(app: WorkbenchApp, view: RowView) -> None:
    if isinstance(screen := app.base, FirstRowScreen):
        await screen.show_tokens(view)


def _draw_tabs(app: WorkbenchApp) -> None:
    for bar in app.base.query(StatusBar):
        bar.refresh()


def in_browser() -> bool:
    """True where a server shows the app in a browser; it has no terminal then."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith("WebDriver")


def run(bench: Bench, *, row: int = 0, beside: TokensBeside | None = None) -> int:
    """Open the app on a bench that is not loaded yet, and return the exit code when the user leaves.

    `beside` is the process that encodes the first row meanwhile, if there is one.

    Raises:
        EnvironmentProblem: this is not a terminal. InputError: the key map is at fault.
    """
    if not in_browser() and not (
        sys.__stdin__ and sys.__stdin__.isatty() and sys.__stdout__ and sys.__stdout__.isatty()
    ):
        raise EnvironmentProblem("This is not a terminal", hint="Use `vlmbench inspect --plain`, or --format json.")
    from screens.pictures.graphics import prepare_graphics

    if not in_browser():
        prepare_graphics()
    from screens.shell import end_with_parent
    from screens.shell.drawing_place import drawn_on_the_terminal

    with nullcontext() if in_browser() else drawn_on_the_terminal():
        app = WorkbenchApp(bench, row, read_keys(), beside)
        end_with_parent.hold(lambda: app.call_later(app.exit))
        app.run()
    code = app.return_code or 0
    if app.editing is not None and app.editing.document.dirty:
        name = visible(PurePath(app.editing.document.name).name)
        print(f"vlmbench: the unsaved edits of {name} are kept; the next start asks about them", file=sys.stderr)
    if app.faults or app.silences:
        print(f"vlmbench: something went wrong unexpectedly; to report it, attach {log_file()}", file=sys.stderr)
    if not app.background.close(_GRACE_SECONDS):
        # An import or a download is still at work; an interpreter that ends under it can crash.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
