"""The first row before the bench is loaded, and the list of samples after it, each against its peer in the same run.

Targets: the text of the first row painted within 2.5 times an empty Textual app; its tokens within 1.3 times an empty
app that imports tokenizers and jinja2 and encodes that row; the samples of the first 200 rows within 1.3 times loading
the processor. All in processes of their own, in turn, on the model of the demo or a folder that is given; the first two
are timed until they can be read.

`python -m tests.benchmarks.bench_first_row [MODEL]`
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks.page import record
from tests.benchmarks.painted import EMPTY_APP, PRELUDE, until_painted
from tests.benchmarks.text_rows import recipe_with_rows
from tests.benchmarks.timing import medians
from workbench.paths import sample_dir

_BEGIN = f"""{PRELUDE}
import sys
from time import sleep
from screens import start
from workbench.bench import Bench, prepare
bench = prepare(sys.argv[1])
beside = start.begin(bench, 0)
from screens.app import WorkbenchApp
from screens.inspect.first_row import FirstRowScreen
Bench.load = lambda self, progress=None: sleep(60)
"""
_RUN = "WorkbenchApp(bench, beside=beside).run(headless=True, size=(160, 48))"
_TEXT = f"""{_BEGIN}
def first_paint(app):
    assert isinstance(app.base, FirstRowScreen) and app.base.raw.plain.strip()
    painted(app)
WorkbenchApp.action_load = first_paint
{_RUN}
"""
_TOKENS = f"""{_BEGIN}
def shown(screen):
    assert screen.raw.early is not None and screen.raw.plain.strip()
    painted(screen.app)
said = FirstRowScreen.say_tokens
def say(self, tokens):
    said(self, tokens)
    self.app.call_after_refresh(shown, self)
FirstRowScreen.say_tokens = say
{_RUN}
"""
_PEER = f"""{PRELUDE}
import json, sys
from pathlib import Path
from textual.app import App
class Empty(App):
    def on_mount(self):
        self.call_after_refresh(self.encode)
    def encode(self):
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment
        from tokenizers import Tokenizer
        folder, rows = Path(sys.argv[2]), Path(sys.argv[3])
        template = folder / "chat_template.jinja"
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.globals["raise_exception"] = str
        with rows.open() as stream:
            row = json.loads(stream.readline())
        text = environment.from_string(template.read_text()).render(messages=row["messages"], bos_token="")
        assert Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
        self.call_after_refresh(painted, self)
Empty().run(headless=True, size=(160, 48))
"""
_LOADING = """
import sys
from workbench.bench import prepare
from workbench.models.load import load
bench = prepare(sys.argv[1])
load(sys.argv[2], recipe=dict(bench.document.data))
"""
_SAMPLES = """
import sys
from workbench.bench import open
from workbench.views.row_view import read_samples
assert len(read_samples(open(sys.argv[1]), range(200))) == 200
"""
_ROWS = 200


def recipe(folder: Path, model: Path) -> Path:
    """A recipe with 200 rows of everyday talk, and no pictures."""
    words = "a red square and two blue circles lie on the table near green triangles " * 2
    return recipe_with_rows(folder, ([words.strip()] * (2 + 2 * (number % 3)) for number in range(_ROWS)), model)


def python(code: str, *arguments: object) -> None:
    """Run some code in a fresh interpreter."""
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def main(model: Path) -> None:
    """Print every figure and its ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["VLMBENCH_STATE"] = os.fspath(folder / "state")
        file = recipe(folder, model)
        given = (file, model, folder / "rows.jsonl")
        codes = {"empty": EMPTY_APP, "text": _TEXT, "peer": _PEER, "tokens": _TOKENS}
        seconds = medians({what: partial(until_painted, code, *given) for what, code in codes.items()}, rounds=15)
        codes = {"loading": _LOADING, "samples": _SAMPLES}
        seconds |= medians({what: partial(python, code, *given) for what, code in codes.items()}, rounds=3)
    for short, what, mine, peer in (
        ("first row", "text of the first row, an empty app", "text", "empty"),
        ("first tokens", "its tokens, an empty app that encodes it", "tokens", "peer"),
        ("first samples", "samples of 200 rows, loading the processor", "samples", "loading"),
    ):
        figures = f"{seconds[mine] * 1e3:,.0f} ms, the peer {seconds[peer] * 1e3:,.0f} ms"
        record(short, seconds[mine] / seconds[peer], figures)
        print(f"{what}: {figures} ({seconds[mine] / seconds[peer]:.2f}×)")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else sample_dir() / "demo-model")
