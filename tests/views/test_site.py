"""The site of a report: every page whole and linked, no request, rows that are named, folders of others refused."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.browser import dump, needs_browser
from tests.support.browser import site as served
from tests.views.support import Element, note, read, words
from workbench.bench import Bench
from workbench.checks.report import Report, grouped
from workbench.errors import EnvironmentProblem, InputError
from workbench.export.prepare import Export
from workbench.findings import Finding
from workbench.overfit.runs import EVENTS, new_folder
from workbench.views.export import states
from workbench.views.site.audit_pages import audit_pages
from workbench.views.site.folder import refuse_other, write_site
from workbench.views.site.gather import Site, gather
from workbench.views.site.pages import AUDIT_PAGE, TITLES, site_pages
from workbench.views.site.rows_shown import MOST_NAMED, rows_shown

RUN = Path(__file__).parents[1] / "screens" / "recorded" / "run.jsonl"
AUDIT = {"schema": "vlmbench.audit/1", "rows": 6, "planned": 6, "summary": {"errors": 1, "warnings": 0}}


class Quiet:
    """Nothing is shown."""

    def waiting(self, what: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def rows(self) -> Iterator[object]:
        yield lambda done, total: None


@pytest.fixture(scope="module")
def faulty(opened: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The demo on six rows, with a start that no row has."""
    from tests.export.support import demo

    bench = demo(opened, tmp_path_factory.mktemp("faulty"), rows=6)
    bench.document.set(("role_boundaries", 0, "start"), "<|turn>bot\n")
    bench.document.save()
    bench.apply()
    return bench


@pytest.fixture(scope="module")
def site(faulty: Bench, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Its site, with the first two rows, an audit and a run."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "audit").mkdir()
    told = AUDIT | {"recipe": faulty.document.name}
    (folder / "audit" / "report.json").write_text(json.dumps(told))
    (folder / "audit" / "report.html").write_text("<!doctype html><title>audit</title>")
    run = new_folder(faulty)
    (run / EVENTS).write_bytes(RUN.read_bytes())
    (run / "recipe.yaml").write_text("another: text\n")
    return gather(faulty, folder, Quiet(), first=2)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pages(site: Site) -> dict[str, Element]:
    """Its pages as a browser reads them; `read` refuses scripts, requests and addresses elsewhere."""
    made = site_pages(site)
    assert made.pop(AUDIT_PAGE) == b"<!doctype html><title>audit</title>"
    return {name: read(html.decode().removeprefix("<!doctype html>\n")) for name, html in made.items()}


def test_every_link_leads_to_something_that_is_there(pages: dict[str, Element]) -> None:
    anchors = {
        (name, one.attributes["id"]) for name, page in pages.items() for one in page.all() if "id" in one.attributes
    }
    found = [(name, one.attributes["href"]) for name, page in pages.items() for one in page.all("a")]
    for name, address in found:
        file, _, anchor = address.partition("#")
        assert (file or name) in (*pages, AUDIT_PAGE), (name, address)
        assert not anchor or (file or name, anchor) in anchors, (name, address)
    addresses = {address for _, address in found}
    assert {"rows.html#row-5", "checks.html#M002", "#row-1", AUDIT_PAGE, *TITLES} <= addresses
    for page in pages.values():
        policy = next(one for one in page.all("meta") if "http-equiv" in one.attributes)
        assert policy.attributes["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_every_page_names_what_it_is_of(pages: dict[str, Element], faulty: Bench) -> None:
    assert list(TITLES) == [*pages][-1:] + [*pages][:-1]
    for name, page in pages.items():
        facts = dict(zip(words(page.all("dt")), words(page.all("dd")), strict=True))
        assert facts["model"] == f"{faulty.title} (gemma4)"
        assert facts["recipe"] == faulty.document.name
        assert facts["rows"].endswith("shapes.jsonl, 6 rows")
        assert "transformers " in facts["made"]
        (here,) = [one for one in page.all("a") if "aria-current" in one.attributes]
        assert here.attributes["href"] == name
        assert page.one("h1").text == f"{here.text} · {faulty.document.name}"


def test_rows_and_findings_lead_to_each_other(pages: dict[str, Element], site: Site) -> None:
    rows = pages["rows.html"]
    sections = [one for one in rows.all("section") if "id" in one.attributes]
    # The first two, and the others because each has the finding.
    assert [one.attributes["id"] for one in sections] == [f"row-{number}" for number in range(6)]
    assert site.rows.first == 2
    assert "The first 2 rows, and 4 more that an error or a warning" in rows.all("p")[0].text
    for section in sections:
        assert len(section.all("img")) == 1
        (found,) = [one for one in section.all("a") if one.attributes["href"] == "checks.html#M002"]
        assert found.text == "✗ M002"
    (group,) = [one for one in pages["checks.html"].all("li") if one.attributes.get("id") == "M002"]
    assert [one.attributes["href"] for one in group.all("a")[2:]] == [
        f"rows.html#row-{number}" for number in range(1, 6)
    ]
    assert group.one("details").one("summary").text == "about M002"


def test_the_other_pages_say_what_there_is_and_how_to_get_the_rest(pages: dict[str, Element], site: Site) -> None:
    told = dict(zip(words(pages["index.html"].all("dt")[-6:]), words(pages["index.html"].all("dd")[-6:]), strict=True))
    assert told["Checks"].startswith("1 error") or "errors" in told["Checks"]
    assert told["Audit"] == "6 rows: 1 error"
    assert "adapters: 24 in language" in told["Model"]
    assert told["Overfit"].startswith("pass")
    assert told["Export"].startswith("not proven")
    assert "The recipe was changed since this run" in pages["overfit.html"].one("p", "warning-line").text
    assert pages["overfit.html"].all("svg")
    assert "model.language_model.layers.0.self_attn.q_proj" in pages["model.html"].text
    listed = pages["export.html"].one("ol", "states").all("b")
    assert [one.text for one in listed if one.text[0] in "●○"] == [
        "● unproven, now",
        "○ proven here",
        "○ proven by axolotl",
    ]
    assert isinstance(site.export, Export)
    assert [len(state.missing) > 0 for state in states(site.export)] == [False, True, True]


def test_the_folder_of_somebody_else_is_left_alone(tmp_path: Path, site: Site) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.html").write_text('<meta name="generator" content="somebody">')
    (other / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="holds something else") as told:
        refuse_other(other)
    assert "index.html, thesis.tex" in told.value.cause
    with pytest.raises(InputError, match="no folder"):
        refuse_other(other / "thesis.tex")
    with pytest.raises(EnvironmentProblem, match="cannot be made"):
        write_site(other / "thesis.tex" / "deeper", {"index.html": b""})
    # One that an audit was written into, and an earlier report.
    mine = tmp_path / "mine"
    (mine / "audit").mkdir(parents=True)
    for _ in range(2):
        assert write_site(mine, site_pages(site)) == mine / "index.html"
    assert sorted(one.name for one in mine.iterdir()) == sorted(["audit", *TITLES])


def test_an_audit_that_is_named_must_be_one(tmp_path: Path, faulty: Bench) -> None:
    assert audit_pages(faulty, tmp_path / "nowhere") is None
    with pytest.raises(InputError, match="no audit in it"):
        audit_pages(faulty, tmp_path, tmp_path)
    (tmp_path / "report.html").write_text("x")
    for text in (
        "[]",
        "{",
        '{"schema": "vlmbench.audit/1", "rows": "<b>"}',
        json.dumps(AUDIT | {"rows": None, "recipe": "a"}),
    ):
        (tmp_path / "report.json").write_text(text)
        with pytest.raises(InputError, match="no report of an audit"):
            audit_pages(faulty, tmp_path, tmp_path)
    (tmp_path / "report.json").write_text(json.dumps(AUDIT | {"recipe": "other.yaml", "rows": 3}))
    found = audit_pages(faulty, tmp_path, tmp_path)
    assert found is not None
    assert (found.line, found.outcome, found.other) == ("3 of 6 rows: 1 error", "fail", "other.yaml")


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.sampled_from(["error", "warning", "note"]), st.integers(0, 400)),
        max_size=300,
    ),
    st.integers(0, 30),
    st.one_of(st.none(), st.integers(0, 400)),
)
def test_rows_that_are_named_are_shown_up_to_a_limit(told: list, first: int, known: int | None) -> None:
    found: list[Finding] = [note(code, severity, row=row) for code, severity, row in told]
    shown = rows_shown(Report(tuple(found), 400, 0, 0, groups=grouped(found)), known, first)
    named = {row for _, severity, row in told if severity != "note"}
    begun = set(range(first if known is None else min(first, known)))
    assert list(shown.numbers) == sorted(set(shown.numbers))
    assert begun <= set(shown.numbers) <= begun | named
    assert shown.left_out == len((begun | named) - set(shown.numbers))
    assert len(set(shown.numbers) - begun) == min(MOST_NAMED, len(named - begun))
    # No cause takes the place of another.
    for code in "ABC":
        rows = {row for one, severity, row in told if one == code and severity != "note"}
        assert not rows or rows & set(shown.numbers)


def test_the_command_writes_it_and_says_by_its_exit_code_what_was_found(
    tmp_path: Path, faulty: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    from workbench.cli import cli

    def run(*arguments: str) -> int:
        return int(cli.main([*arguments], standalone_mode=False))

    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("x")
    recipe = str(faulty.document.path)
    assert run("report", recipe, "--out", str(full)) == 2
    assert "notes.txt" in capsys.readouterr().err
    assert run("report", recipe, "--out", str(tmp_path / "new" / "site"), "--rows", "0") == 1
    assert capsys.readouterr().out == f"{tmp_path / 'new' / 'site' / 'index.html'}\n"
    assert sorted(one.name for one in (tmp_path / "new" / "site").iterdir()) == sorted(TITLES)


WRAPPER = """<!doctype html><pre id=told></pre><script>
const told = document.getElementById('told');
async function look(name, width) {
  const frame = document.createElement('iframe');
  frame.style.width = width + 'px'; frame.style.height = '600px'; frame.src = name;
  const there = new Promise(done => frame.onload = done);
  document.body.appendChild(frame);
  await there;
  const root = frame.contentDocument.documentElement;
  told.textContent += name + ' ' + width + ' ' + root.scrollWidth + '\\n';
  frame.remove();
}
(async () => { for (const name of NAMES) for (const width of [390, 1400]) await look(name, width); })();
</script>"""


@needs_browser
def test_no_page_scrolls_sideways_and_none_asks_for_anything(site: Site, tmp_path: Path) -> None:
    made = site_pages(site)
    with served() as here:
        here.files = {f"/{name}": ("text/html; charset=utf-8", html) for name, html in made.items()}
        wrapper = WRAPPER.replace("NAMES", json.dumps([*TITLES]))
        here.files["/wrapper"] = ("text/html; charset=utf-8", wrapper.encode())
        seen = dump(here, "/wrapper", tmp_path / "profile", "--window-size=1500,900", milliseconds=8000)
        asked = {path for path in here.asked if path != "/favicon.ico"}
    widths = [line.split() for line in seen.partition('id="told"')[2].partition(">")[2].partition("<")[0].splitlines()]
    assert [(name, width) for name, width, _ in widths] == [(n, w) for n in TITLES for w in ("390", "1400")]
    assert [line for line in widths if int(line[2]) > int(line[1])] == []
    assert asked == {"/wrapper", *(f"/{name}" for name in TITLES)}
