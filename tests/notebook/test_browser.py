"""The HTML in a real browser: it is drawn, no text of models or data acts in it, and nothing is asked of anybody."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.export.support import record
from tests.support.browser import Site, dump, needs_browser, picture, site
from workbench.bench import Bench
from workbench.notebook import Session
from workbench.notebook.display import Result
from workbench.notebook.results import Overfitted
from workbench.overfit.events import Event
from workbench.paths import sample_dir
from workbench.recipe.yaml.document import Document
from workbench.views.html_reports import progress_html

ACT = "document.title='owned';fetch('http://evil.test/fetched')"
ATTACK = (
    f"</style></title></textarea></pre><script>{ACT}</script><img src=http://evil.test/image onerror={ACT!r}>"
    f'" onmouseover="{ACT}" autofocus onfocus="{ACT}" x="<svg onload="{ACT}"><iframe src=http://evil.test/frame>'
    "<link rel=stylesheet href=http://evil.test/sheet><style>@import 'http://evil.test/import';</style>"
    "<base href=http://evil.test/><meta http-equiv=refresh content='0;url=http://evil.test/gone'> &lt;b&gt; "
    "\x1b[2J\x1b]0;owned\x07 \u202eevil\u2066 \x00 \ud800 lone \udfff"
)
PLAIN = ATTACK.encode("utf-8", "replace").decode().replace("\x00", "")
"""Without what no row and no recipe can hold."""
pytestmark = needs_browser


@pytest.fixture
def hostile(loaded_demo: Bench, tmp_path: Path) -> list[Result]:
    """Every kind of answer, of a bench whose every text attacks."""
    row = {"messages": [{"role": role, "content": f"{role} {PLAIN}"} for role in ("user", "assistant")]}
    broken = {"messages": [{"role": f"<script>{ACT}</script>", "content": "x"}]}
    data = tmp_path / "rows <img src=x onerror=document.title='owned'>.jsonl"
    data.write_text(
        "\n".join(map(json.dumps, [row, broken, {"messages": [{"role": "user", "content": ATTACK}]}, row])), "utf-8"
    )
    document = Document((sample_dir() / "demo.yaml").read_text("utf-8"), "<script>document.title='owned'</script>.yaml")
    document.set(("datasets", 0, "path"), str(data))
    document.set(("role_boundaries", 1, "start"), f"<|turn>user\n{PLAIN}")
    document.set((f"unknown {PLAIN}",), PLAIN)
    bench = Bench(document)
    bench.loaded, bench.family = loaded_demo.loaded, loaded_demo.family
    bench.apply()
    session = Session(bench)
    run = record(bench, rows=(0,), end=None)
    turn = {"row": 0, "wanted": ATTACK, "got": f"{ATTACK} too", "exact": False, "stopped": True}
    events: list[Event] = [
        *run.events,
        {"event": "probe", "name": "decode", "turns": [turn]},
        {"event": "probe", "name": "stop", "stopped": 1, "of": 1, "trained": True, "time": 0.0},
        {"event": "probe", "name": "final", "nll": 0.01},
        {"event": "error", "kind": "crash", "message": ATTACK, "tail": ATTACK},
    ]
    session.set("base_model", PLAIN)
    edited = session.recipe
    session.undo()
    answers: list[Result] = [session, session.rows, session.rows[0], session.rows[1], session.rows[0].mask()]
    answers += [
        session.rows[0].trace,
        session.check(),
        session.infer(rows=4),
        session.export(),
        session.recipe,
        session.anatomy(),
    ]
    return [*answers, edited, Overfitted(tuple(events), Path(ATTACK))]


def put(here: Site, path: str, text: str) -> None:
    # Strict: a lone surrogate that got through would be no page at all.
    here.files[path] = ("text/html; charset=utf-8", text.encode("utf-8"))


def test_no_text_acts_in_a_page_and_nothing_is_asked(hostile: list[Result], tmp_path: Path) -> None:
    fragments = "".join(one._repr_mimebundle_()["text/html"] for one in hostile)
    fragments += progress_html([{"event": "probe", "name": ATTACK}], 10)
    with site() as here:
        # A notebook's page has no policy that would forbid anything: the escaping alone must hold.
        put(here, "/notebook", f"<!doctype html><title>quiet</title><body>{fragments}</body>")
        drawn = dump(here, "/notebook", tmp_path / "one")
        assert "<title>quiet</title>" in drawn
        assert {path for path in here.asked if path != "/favicon.ico"} == {"/notebook"}
        # It is all there to be read.
        shown = re.sub(r"<[^>]*>", "", drawn)
        assert shown.count("document.title=") > 20
        assert "⟨U+202E⟩evil⟨U+2066⟩" in shown
        assert "⟨U+D800⟩" in shown
        assert not re.search("[\x00\x1b\x07\u202e\u2066]", drawn)
        # The same in a page of its own, policy and all.
        for number, one in enumerate(hostile):
            page = one.html()
            assert "default-src 'none'" in html.unescape(page)
            assert page.lower().count("<title>") == 1 + page.count("<svg")
            put(here, f"/page{number}", page)
        here.asked.clear()
        drawn = dump(here, "/page0", tmp_path / "two")
        assert "<title>owned</title>" not in drawn
        assert {path for path in here.asked if path != "/favicon.ico"} == {"/page0"}
        # The attack is one: unescaped, and without the policy, it acts and asks.
        put(here, "/naive", f"<!doctype html><title>quiet</title><body>{PLAIN}")
        here.asked.clear()
        dump(here, "/naive", tmp_path / "three")
        assert {"/fetched", "/image"} <= set(here.asked)


@pytest.mark.parametrize("dark", [False, True])
def test_a_page_is_drawn_in_the_readers_colours(session: Session, tmp_path: Path, dark: bool) -> None:
    with site() as here:
        put(here, "/", session.rows[0].html())
        image = Image.open(picture(here, "/", tmp_path / "page.png", dark=dark)).convert("RGB")
    colours = {colour: count for count, colour in image.getcolors(1 << 20) or []}
    paper, trained, media = (
        ("#10141b", "#12301f", "#2a2440") if dark else ("#fbfcfe", "#d8f5e2", "#ece6fb")
    )  # as palette and style have them
    area = image.width * image.height
    assert colours[_rgb(paper)] > area / 2
    assert colours[_rgb(trained)] > 2000
    assert colours[_rgb(media)] > 500
    assert len(colours) > 50


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))
