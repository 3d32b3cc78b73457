"""The pictures of the README and the site, made anew: `python -m docs.making.pictures [NAME …]`, then look at each.

The app is driven by keys on copies of the demo, and drawn by a headless Chromium.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from html import escape, unescape
from pathlib import Path
from typing import Any

from workbench.paths import sample_dir

DOCS = Path(__file__).resolve().parents[1]
SIZE = (160, 38)
SCALE = 1
_PATIENCE_SECONDS = 90.0
Script = Callable[[Any], Awaitable[None]]


def recipe(folder: Path, *changes: tuple[str, str], data: str = "shapes-heldout.jsonl") -> Path:
    """A copy of the demo's recipe with these changes of its text, beside its rows."""
    shutil.copytree(sample_dir() / "pictures", folder / "pictures")
    for name in (data, "vlmbench_axolotl.py"):
        shutil.copy(sample_dir() / name, folder)
    shutil.copytree(sample_dir() / "demo-model", folder / "demo-model")
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    for old, new in (("shapes-heldout.jsonl", data), *changes):
        if old not in text:
            raise ValueError(f"the demo does not say {old!r}")
        text = text.replace(old, new)
    file = folder / "recipe.yaml"
    file.write_text(text, "utf-8")
    return file


async def until(pilot: Any, words: str) -> None:
    """Wait until these words are on the screen."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while words not in drawn(pilot):
        if time.monotonic() > end:
            raise TimeoutError(f"{words!r} did not come:\n{drawn(pilot)[:300]}")
        await pilot.pause(0.1)


def drawn(pilot: Any) -> str:
    """The text of the window."""
    cells = re.findall(r">([^<]*)</text>", pilot.app.export_screenshot())
    # Pieces of one line are apart by more than a blank here, and its blanks are such as do not break.
    return " ".join(unescape(" ".join(cells)).split())


async def inspect(pilot: Any) -> None:
    """A row, its picture beside it, and the token under the cursor."""
    await until(pilot, "nothing found in this row")
    await pilot.press("]", "]")
    await pilot.pause(2)


async def edit(pilot: Any) -> None:
    """A marker that was misspelt, put right in the form."""
    await until(pilot, "M002")
    await pilot.press("F")
    await until(pilot, "roles_to_train")
    await pilot.press("tab", "tab", "tab", "f2")
    await until(pilot, "nothing found in this row")
    await pilot.pause(1)


async def checks(pilot: Any) -> None:
    """The findings of a recipe with three faults, and one of them explained."""
    await until(pilot, "M002")
    await pilot.press("2")
    # Every cause on its line, the third with all of its rows.
    await until(pilot, "×24 in 24 rows")
    await pilot.press("down", "down", "down")
    await until(pilot, "cause")


async def model(pilot: Any) -> None:
    """The towers, where LoRA lands, and the memory of a step."""
    await until(pilot, "nothing found in this row")
    await pilot.press("3")
    await until(pilot, "in all")
    await pilot.press("down", "space")
    await pilot.pause(1)


async def overfit(pilot: Any) -> None:
    """A run from its start to its verdict."""
    await until(pilot, "nothing found in this row")
    await pilot.press("4", "r")
    await until(pilot, "run 1 of 1")
    await pilot.pause(1)


APP: dict[str, tuple[Script, dict[str, Any]]] = {
    "inspect": (inspect, {}),
    "edit": (edit, {"changes": [("<|turn>model", "<|turn>modle")], "data": "shapes.jsonl"}),
    "checks": (
        checks,
        {
            "changes": [
                ("<|turn>model", "<|turn>modle"),
                ("lora_alpha: 32", "lora_alpa: 32"),
                ("use_reentrant: false", "use_reentrant: true"),
            ],
            "data": "shapes.jsonl",
        },
    ),
    "model": (model, {}),
    "overfit": (overfit, {}),
}


async def run_app(script: Script, file: Path, target: Path) -> None:
    """Drive the app on a recipe, and draw what it shows at the end."""
    from screens.app import WorkbenchApp
    from workbench.bench import prepare

    app = WorkbenchApp(prepare(file))
    async with app.run_test(size=SIZE) as pilot:
        app.animation_level = "none"
        await until(pilot, "role_boundaries")
        await script(pilot)
        app.clear_notifications()
        await pilot.pause(0.5)
        svg = target.with_suffix(".svg")
        svg.write_text(app.export_screenshot(title="vlmbench"), "utf-8")
    width, height = (round(float(size)) for size in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text())[0])
    draw(svg, target, (width, height))


def notebook(target: Path) -> None:
    """A cell of the walkthrough with its output, as a notebook shows it."""
    import workbench

    bench = workbench.open()
    code = 'bench.set("role_boundaries.0.end", "<end_of_turn>")\nbench.rows[1]'
    bench.set("role_boundaries.0.end", "<end_of_turn>")
    page = target.with_suffix(".html")
    text = (
        "Recipes are copied from model to model, and their markers with them. The end marker below is Gemma 3's: no "
        "program reports an error, and the loss will fall. Look at what is trained now."
    )
    page.write_text(
        "<!doctype html><meta charset=utf-8><style>body{margin:0;padding:24px 40px;background:#fff;color:#111;"
        "font:15px/1.5 system-ui,sans-serif}h2{font-weight:600}pre.code{background:#f5f6f8;border:1px solid #dfe2e8;"
        "padding:10px 12px;font:13px/1.5 monospace}</style>"
        f"<h2>Find the broken turn</h2><p>{escape(text)}</p><pre class=code>{escape(code)}</pre>"
        f"{bench.rows[1]._repr_html_()}",
        "utf-8",
    )
    draw(page, target, (1050, 1010))


def draw(source: Path, target: Path, size: tuple[int, int]) -> None:
    """Draw a file with the browser, in light colours where it asks for any."""
    from tests.support.browser import browse

    with tempfile.TemporaryDirectory(prefix="vlmbench-pictures-") as profile:
        window = f"--window-size={size[0]},{size[1]}"
        options = ("--blink-settings=preferredColorScheme=1", f"--force-device-scale-factor={SCALE}", window)
        browse(source.as_uri(), Path(profile), *options, f"--screenshot={target}")


def main(names: list[str]) -> None:
    """Make these pictures, or all of them."""
    for name in names or [*APP, "notebook"]:
        with tempfile.TemporaryDirectory(prefix="vlmbench-pictures-") as scratch:
            made = Path(scratch) / f"{name}.png"
            if name == "notebook":
                notebook(made)
            else:
                script, options = APP[name]
                folder = Path(scratch) / "demo"
                folder.mkdir()
                file = recipe(folder, *options.get("changes", ()), data=options.get("data", "shapes-heldout.jsonl"))
                # Messages then name files as a user sees them, beside the recipe.
                with contextlib.chdir(folder):
                    asyncio.run(run_app(script, Path(file.name), made))
            shutil.copy(made, DOCS / f"{name}.png")
        print(f"docs/{name}.png", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
