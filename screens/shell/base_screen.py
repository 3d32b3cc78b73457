"""Base of the screens: the bench, the background thread, status bar and footer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.message import Message

from screens.shell.fix_trials import FixTrials
from screens.shell.footer import KeyHints
from screens.shell.recipe_screen import RecipeScreen
from screens.shell.status_bar import AskedStatus, Status, StatusBar
from screens.shell.story import Mark
from screens.shell.worker import Background
from workbench.views.asked import asked_name
from workbench.views.items import visible

if TYPE_CHECKING:
    from screens.keys.actions import Scope
    from workbench.bench import Bench


def status_of(bench: Bench) -> Status:
    """The part of the status bar that is the same on every screen."""
    return Status(
        title=visible(bench.title),
        family=bench.family.name if bench.family is not None else "unknown family",
        recipe=visible(bench.document.name),
        edited=bench.document.dirty,
        path=bench.path.name,
        asked=asked_status(bench),
        text=bench.document.text,
    )


def asked_status(bench: Bench) -> AskedStatus:
    """The trainer that was asked about the recipe as it is, or the table that the bench goes by."""
    text = asked_name(bench)
    return AskedStatus(text, short=text.removeprefix("from the "))


def draw_keys(screen: WorkbenchScreen) -> None:
    """Draw the footer anew: its keys are those that do something now."""
    screen.query_one(KeyHints).refresh()


def say_state(screen: WorkbenchScreen, *marks: Mark) -> None:
    """Set the marks of a screen's tab; they are about the recipe as that screen has seen it."""
    screen.app.story.say(screen.SCOPES[0], screen.seen, *marks)  # type: ignore[attr-defined]


class WorkbenchScreen(RecipeScreen):
    """A screen of the registry: status bar, `body`, footer.

    `SCOPES` names the actions that can be used on it, the screen's own first. `bench` is shared with the other screens,
    and so are `background`, the one thread that works with it, and `editing`, through which every screen edits the
    recipe; the app gives it before the screen is shown. `activated` is called whenever the screen comes to the front,
    and says whether the recipe was edited meanwhile.
    """

    SCOPES: ClassVar[tuple[Scope, ...]] = ()

    def __init__(self, bench: Bench, background: Background) -> None:
        super().__init__()
        self.bench = bench
        self.background = background
        self.fixes = FixTrials(self, background)
        self.seen = ""

    def compose(self) -> ComposeResult:
        """Status bar, body, footer."""
        yield StatusBar(status_of(self.bench), id="status")
        yield from self.body()
        yield KeyHints(*self.SCOPES, id="hints")

    def offers(self, action: str, parameters: tuple[object, ...]) -> bool:
        """False for an action that would only say that there is nothing to do: the footer has no room for its key.

        The key itself still answers, and says why.
        """
        if action == "undo_edit":
            return self.editing.document.can_undo
        if action == "save":
            return self.editing.file is None or self.editing.document.dirty
        return True

    def body(self) -> ComposeResult:
        """Widgets between status bar and footer."""
        yield from ()

    def on_screen_resume(self) -> None:
        """Come to the front."""
        text = self.bench.document.text
        edited, self.seen = text != self.seen, text
        bar = self.query_one(StatusBar)
        bar.show(status_of(self.bench))
        # Another screen may have changed the tabs meanwhile.
        bar.refresh()
        self.activated(edited)

    def follow(self) -> None:
        """Show what the last edit did, as if another screen had made it."""
        self.on_screen_resume()

    def activated(self, edited: bool) -> None:
        """Called when the screen comes to the front. `edited`: the first time, or the recipe changed since the last."""

    def tell(self, message: Message) -> None:
        """Post a message to this screen from the background thread; after the app is gone it goes nowhere."""
        try:
            self.post_message(message)
        except RuntimeError:
            self.background.check()
