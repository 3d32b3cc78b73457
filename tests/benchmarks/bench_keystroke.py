"""A keystroke in the boundary editor until the mask is painted anew, on rows of 8k and 131k tokens of the demo.

Targets: p95 of at most 16 ms at 8,192 tokens and 50 ms at 131,072. Beside it, in the same run, a keystroke in the same
text area alone: what Textual itself takes. Every other key breaks the assistant's marker, the next one mends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from textual import events
from textual.app import App, ComposeResult

from screens.app import WorkbenchApp
from screens.inspect import InspectScreen
from screens.widgets.recipe_editor import RecipeEditor, RecipeText
from screens.widgets.token_grid import TokenGrid
from workbench.bench import prepare
from workbench.resources import sample_dir

_SIZE = (160, 48)
_KEYS = 80
_ANSWER = "the picture shows a red square on a table and beside it a small blue book with a ribbon " * 8


def recipe_with_row(folder: Path, tokens: int) -> Path:
    """A recipe on the demo model with one text row of about that many tokens, in turns of some 200."""
    turns = [
        {"role": role, "content": [{"type": "text", "text": _ANSWER if role == "assistant" else "What is there?"}]}
        for _ in range(max(1, tokens // 160))
        for role in ("user", "assistant")
    ]
    (folder / "rows.jsonl").write_text(json.dumps({"messages": turns}) + "\n")
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    text = text.replace("base_model: demo-model", f"base_model: {sample_dir() / 'demo-model'}")
    text = text.replace("path: shapes.jsonl", f"path: {folder / 'rows.jsonl'}")
    file = folder / "long.yaml"
    file.write_text(text)
    return file


class TextAlone(App[None]):
    """The text area and nothing else."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        yield RecipeText.code_editor(self._text, language="yaml", soft_wrap=False, show_line_numbers=True)


async def _drawn(app: App[None]) -> None:
    done = asyncio.Event()
    app.call_after_refresh(done.set)
    await done.wait()


async def _type(app: App[None], area: RecipeText, screen: InspectScreen | None) -> list[float]:
    """Seconds for each key, from its event to the paint that shows what it did."""
    times = []
    for number in range(_KEYS):
        key = events.Key("x", "x") if number % 2 == 0 else events.Key("backspace", None)
        text, begin = area.text, perf_counter()
        app.post_message(key)
        while area.text == text or (screen is not None and screen._followed != area.text):
            await asyncio.sleep(0)
        await _drawn(app)
        times.append(perf_counter() - begin)
        # The findings follow on another thread after a pause; the next key comes after them, as a person's does.
        await asyncio.sleep(0.01)
    return times


def _said(times: list[float]) -> str:
    return f"p50 {np.percentile(times, 50) * 1e3:.1f} ms, p95 {np.percentile(times, 95) * 1e3:.1f} ms"


async def keystroke(folder: Path, tokens: int) -> None:
    """Print the times of one row length."""
    file = recipe_with_row(folder, tokens)
    app = WorkbenchApp(prepare(file))
    async with app.run_test(size=_SIZE) as pilot:
        while not (isinstance(app.base, InspectScreen) and app.base.settled):
            await pilot.pause(0.05)
        screen = app.base
        await pilot.press("e")
        editor, grid = screen.query_one(RecipeEditor), screen.query_one(TokenGrid)
        assert grid.view is not None
        length, trained = len(grid.view.rendering), grid.view.mask.trained
        line = editor.area.cursor_location[0] + 2
        column = editor.area.document.get_line(line).index("model") + 1
        editor.go(line + 1, column + 3)
        await pilot.pause(0.5)
        times = await _type(app, editor.area, screen)
        assert grid.view.mask.trained == trained > 0
    alone = TextAlone(file.read_text())
    async with alone.run_test(size=_SIZE) as pilot:
        area = alone.query_one(RecipeText)
        area.focus()
        await pilot.pause(0.2)
        bare = await _type(alone, area, None)
    print(f"{length:,} tokens: {_said(times)}; the text area alone {_said(bare)}", flush=True)


def main() -> None:
    """Print everything."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["VLMBENCH_STATE"] = f"{name}/state"
        for tokens in (8_192, 131_072):
            folder = Path(name) / str(tokens)
            folder.mkdir()
            asyncio.run(keystroke(folder, tokens))


if __name__ == "__main__":
    main()
