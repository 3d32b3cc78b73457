"""The settings: each with its value and where that comes from; what may be changed here is kept at once."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets.option_list import Option

from screens.guard.faults import guarded, on
from screens.guard.widgets import Static, Vertical
from screens.shell.dialogs import ConfirmDialog
from screens.shell.fields import OptionList
from screens.shell.preferences import CHOICES, Preferences, prefer, preferences
from screens.shell.settings_facts import Setting, SettingGroup, chosen, groups_of
from screens.shell.still_open import still_open
from screens.shell.tapped import Tapped
from screens.shell.themes import paints
from workbench.errors import BenchError
from workbench.escaping import visible

if TYPE_CHECKING:
    from workbench.bench import Bench

_CLEARED = {
    "edits": ("delete unsaved edits", "The unsaved edits of every recipe that is not open, and the copies set aside."),
    "rows": ("delete rows of notebooks", "The rows that notebooks gave, with their pictures. Open them again there."),
    "cache": ("delete the cache", "Answers of trainers. They are asked again when they are wanted."),
}


class SettingsList(OptionList):
    """The settings; left and right go from value to value, enter and a click on, or ask to delete."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "screen.turn(1)", "Next value", show=False),
        Binding("left", "screen.turn(-1)", "Value before", show=False),
    ]


class SettingsDialog(Tapped, ModalScreen[None]):
    """Lists every setting; escape closes it, and what was changed stays."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Close", show=False)]
    CSS_PATH = "dialogs.tcss"

    def __init__(self, bench: Bench, *, graphics: bool = False) -> None:
        """`graphics`: the terminal draws pictures."""
        super().__init__()
        self._bench, self._graphics = bench, graphics
        self._preferences = Preferences()
        self._groups: list[SettingGroup] = []
        self.shown: list[Setting] = []
        """The settings in the order of the list, without the headings."""

    def compose(self) -> ComposeResult:
        """A list in a box, and a line below it."""
        with Vertical(id="dialog") as box:
            box.border_title = "settings"
            box.border_subtitle = "←→ change · esc closes"
            yield SettingsList(id="settings", markup=False)
            yield Static("reading…", id="reading", markup=False)

    def on_mount(self) -> None:
        self.query_one(SettingsList).focus()
        self._read_again()

    def _read_again(self) -> None:
        # A state of many files, or on a slow disk, is no reason to wait.
        Thread(target=self._read, name="vlmbench settings", daemon=True).start()

    def _read(self) -> None:
        known = preferences()
        try:
            found = groups_of(self._bench, known, graphics=self._graphics)
        except Exception as error:
            found = [SettingGroup(f"cannot be read: {error}", ())]
        try:
            self.call_later(guarded(self, self._ready), known, found)
        except RuntimeError:
            # The window is closed.
            return

    def _ready(self, known: Preferences, found: list[SettingGroup]) -> None:
        if still_open(self):
            self._preferences, self._groups = known, found
            self.query_one("#reading").display = False
            self._draw()

    def _draw(self) -> None:
        settings, paint = self.query_one(SettingsList), paints(self.app.current_theme)
        at = settings.highlighted
        settings.clear_options()
        self.shown = []
        for group in self._groups:
            heading = Text(f"\n{group.title}" if self.shown else group.title, paint.accent + Style(bold=True))
            settings.add_option(Option(heading, disabled=True))
            for one in group.settings:
                setting = chosen(self._preferences, one.key) if one.key else one
                settings.add_option(Option(self._text(setting), id=f"setting-{len(self.shown)}"))
                self.shown.append(setting)
        settings.highlighted = at if at is not None else 1

    def _text(self, setting: Setting) -> Text:
        paint, text = paints(self.app.current_theme), Text()
        text.append(f"{setting.name}  ", paint.strong)
        if setting.key:
            text.append("‹ ", paint.accent).append(setting.value, paint.accent + Style(bold=True))
            text.append(" ›", paint.accent)
        else:
            text.append(visible(setting.value))
        text.append(f"  {visible(setting.source)}", paint.severity["note"])
        if setting.clears:
            text.append("  enter deletes", paint.severity["warning"])
        return text.append(f"\n  {visible(setting.about)}", paint.muted)

    @property
    def setting(self) -> Setting | None:
        """The setting under the cursor."""
        settings = self.query_one(SettingsList)
        at = settings.highlighted
        name = settings.get_option_at_index(at).id if at is not None else None
        return self.shown[int(name.removeprefix("setting-"))] if name else None

    # Changing

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        setting = self.setting
        if setting is not None and setting.clears:
            self._ask(setting)
        else:
            self.action_turn(1)

    def action_turn(self, step: int) -> None:
        """The next value of the setting under the cursor, or the one before; it is kept at once."""
        setting = self.setting
        if setting is None or not setting.key:
            return
        values = list(CHOICES[setting.key])
        value = values[(values.index(getattr(self._preferences, setting.key)) + step) % len(values)]
        try:
            self._preferences = prefer(setting.key, value)
        except (BenchError, OSError) as problem:
            self.notify(visible(f"Not kept: {problem}"), severity="error", timeout=6, markup=False)
            return
        if setting.key == "theme" and value:
            self.app.theme = value
        self._draw()

    def _ask(self, setting: Setting) -> None:
        title, body = _CLEARED[setting.clears]

        def agreed(yes: bool | None) -> None:
            if yes:
                Thread(target=self._clear, args=(setting,), name="vlmbench clearing", daemon=True).start()

        text = f"{body}\n\n{setting.value}"
        self.app.push_screen(ConfirmDialog(title, text, agree="deletes them", diff=False), agreed)

    def _clear(self, setting: Setting) -> None:
        from workbench.kept_state import clear_cache, clear_rows, clear_unsaved_edits

        data = self._bench.options["data"]
        try:
            if setting.clears == "edits":
                gone = clear_unsaved_edits()
            elif setting.clears == "rows":
                gone = clear_rows(Path(data) if data else None)
            else:
                gone = clear_cache()
            self.call_later(guarded(self, self._cleared), gone)
        except RuntimeError:
            # The window is closed.
            return

    def _cleared(self, gone: int) -> None:
        self.notify(f"{gone:,} file{'' if gone == 1 else 's'} deleted", timeout=3)
        self._read_again()
