"""The pages of a site, each whole by itself, with links between them that need no script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from workbench.checks.report import cause
from workbench.checks.row_checks import row_findings
from workbench.errors import BenchError
from workbench.findings import Finding
from workbench.tokens.mask import Spans
from workbench.views.about import About, about_bench
from workbench.views.audit_facts import command_line
from workbench.views.checks import Subject, counted
from workbench.views.deep_links import CHECKS, ROWS, Links, row_anchor
from workbench.views.export import outcome, proof_line, states
from workbench.views.html import asked_html, boundaries_over, document, legend, row_section
from workbench.views.html_model import anatomy_html, memory_html, targets_html
from workbench.views.html_reports import export_html, listed, run_html, subject_html
from workbench.views.model import short_bytes, size_text
from workbench.views.path import mask_facts
from workbench.views.site.audit_pages import FOLDER
from workbench.views.site.folder import INDEX
from workbench.views.skeleton import draw

if TYPE_CHECKING:
    from workbench.checks.report import Report
    from workbench.overfit.runs import Run
    from workbench.row import Row
    from workbench.views.site.gather import Site

TITLES = {
    INDEX: "Overview",
    ROWS: "Rows",
    CHECKS: "Checks",
    "audit.html": "Audit",
    "model.html": "Model",
    "overfit.html": "Overfit",
    "export.html": "Export",
}
"""The pages in their order, by file."""
AUDIT_PAGE = f"{FOLDER}/report.html"


def site_pages(site: Site) -> dict[str, bytes]:
    """Every file of a site by its name."""
    links = links_of(site)
    bodies = {
        ROWS: _rows(site, links),
        CHECKS: subject_html(Subject.of_bench(site.bench, site.report), site.report, links=links),
        "audit.html": _audit(site),
        "model.html": _model(site, links),
        "overfit.html": _overfit(site),
        "export.html": _export(site),
        INDEX: _index(site),
    }
    about = about_bench(site.bench)
    pages = {name: _page(site, name, body, about) for name, body in bodies.items()}
    if site.audit is not None:
        pages[AUDIT_PAGE] = site.audit.page
    return pages


def links_of(site: Site) -> Links:
    """The rows that are shown, and an anchor for each cause: the code, with a number from its second cause on."""
    anchors: dict[tuple[str, ...], str] = {}
    number: dict[str, int] = {}
    for group in site.report.groups:
        number[group.code] = number.get(group.code, 0) + 1
        more = f"-{number[group.code]}" if number[group.code] > 1 else ""
        anchors[cause(group.finding)] = f"{group.code}{more}"
    return Links(frozenset(site.rows.numbers), anchors)


def _page(site: Site, name: str, body: str, about: About) -> bytes:
    ways = draw("ways.jinja", pages=list(TITLES.items()), here=name)
    title = f"{TITLES[name]} · {site.bench.document.name}"
    return str(document(title, body, about, ways=ways, generator="vlmbench report")).encode("utf-8", "replace")


def _rows(site: Site, links: Links) -> Markup:
    """Row by row: of a large picture none is kept, and of a row no more than its page."""
    bench, shown = site.bench, site.rows
    lines, sections, spans, found = [], [], list[Spans](), list[Finding]()
    for number in shown.numbers:
        row = bench.peek(number)
        findings = row_findings(row)
        found += findings
        lines.append(listed(row))
        window = _window(row, findings, shown.tokens)
        anchor, more = row_anchor(number), command_line(bench, "inspect", "--row", str(number))
        sections.append(row_section(row, window=window, more=more, pictures=True, anchor=anchor, links=links))
        if row.error is None:
            spans.append(row.mask.spans)
    return draw(
        "site_rows.jinja",
        shown=shown.text,
        cut=f"Of a row up to {shown.tokens:,} tokens are shown.",
        facts=" · ".join(mask_facts(bench)),
        asked=asked_html(bench, found),
        legend=legend(),
        lines=draw("rows.jinja", rows=lines, cut="", anchored=True),
        sections=sections,
        boundaries=boundaries_over(bench, spans),
    )


def _window(row: Row, found: list[Finding], size: int) -> tuple[int, int]:
    """The first tokens of a row, or those around the first finding that is not among them."""
    if row.error is not None:
        return (0, size)
    marked = [one.where.tokens[0] for one in found if one.where.tokens is not None and one.severity != "note"]
    first = max(0, marked[0] - size // 4) if marked and marked[0] >= size else 0
    return (first, first + size)


def _problem(problem: BenchError) -> Markup:
    return draw("site_problem.jinja", title=problem.title, cause=problem.cause, hint=problem.hint)


def _missing(words: str, command: str) -> Markup:
    return draw("site_missing.jinja", words=words, command=command)


def _audit(site: Site) -> Markup:
    if site.audit is None:
        command = command_line(site.bench, "audit", "--out", f"DIR/{FOLDER}")
        words = "No audit of every row is here. With DIR in place of this report's folder, this writes one, and the "
        return _missing(f"{words}next `vlmbench report` takes it in:", command)
    other = f"It was made with another recipe, {site.audit.other}." if site.audit.other else ""
    audit = site.audit
    return draw("site_audit.jinja", line=audit.line, outcome=audit.outcome, other=other, address=AUDIT_PAGE)


def _model(site: Site, links: Links) -> Markup:
    facts = site.model
    if isinstance(facts, BenchError):
        return _problem(facts)
    memory = _problem(facts.memory) if isinstance(facts.memory, BenchError) else memory_html(facts.memory)
    anatomy = anatomy_html(facts.anatomy, facts.trained, facts.findings, links=links)
    return anatomy + targets_html(site.bench.recipe, facts.trained) + memory


def _overfit(site: Site) -> Markup:
    if site.run is None:
        words = "No overfit run of this recipe is recorded. This trains on a few rows and says whether it can learn:"
        return _missing(words, command_line(site.bench, "overfit"))
    run = site.run
    since = "" if run.recipe == site.bench.document.text else draw("site_since.jinja")
    return since + run_html(run.events, run.verdict, f"the run of {_when(run)}")


def _when(run: Run) -> str:
    """The time at which a run began, from its folder's name; the name itself where that is another."""
    day, _, time = run.name.partition("-")
    if not (len(day) == 8 and day.isdigit() and time[:6].isdigit()):
        return run.name
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]} UTC"


def _export(site: Site) -> Markup:
    made = site.export
    if isinstance(made, BenchError):
        return _problem(made)
    command = command_line(site.bench, "export", "--out", "full.yaml")
    return draw("site_states.jinja", states=states(made), command=command) + export_html(made, None, "")


def _index(site: Site) -> Markup:
    """A line for each page: its state and what there is."""
    return draw("site_index.jinja", pages=[(name, TITLES[name], *state) for name, state in _states(site).items()])


def _states(site: Site) -> Mapping[str, tuple[str, str]]:
    """By page the colour of its state, and the state in words."""
    report, made, run, model = site.report, site.export, site.run, site.model
    share = f", {report.trained / report.tokens:.0%} of their tokens trained" if report.tokens else ""
    rows = f"{report.rows:,} rows looked at{share}. {site.rows.text}"
    found = {ROWS: ("", rows), CHECKS: (_worst(report), counted(report.findings) or "clean")}
    audit = ("muted", "not written yet") if site.audit is None else (site.audit.outcome, site.audit.line)
    found["audit.html"] = audit
    if isinstance(model, BenchError):
        found["model.html"] = ("fail", model.title)
    else:
        memory = model.memory
        step = "" if isinstance(memory, BenchError) else f"; a step takes {short_bytes(memory.total)}"
        where = ", ".join(f"{count:,} in {tower}" for tower, count in model.trained.hits.items()) or "none"
        found["model.html"] = ("", f"{size_text(model.anatomy)}; adapters: {where}{step}")
    found["overfit.html"] = ("muted", "no run yet") if run is None else (run.verdict.outcome, run.verdict.line)
    proven = ("fail", made.title) if isinstance(made, BenchError) else (outcome(made), proof_line(made))
    return found | {"export.html": proven}


def _worst(report: Report) -> str:
    return "fail" if report.count("error") else "doubtful" if report.count("warning") else "pass"
