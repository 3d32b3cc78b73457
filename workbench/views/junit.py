"""Findings as JUnit's XML, which most build servers show: a suite a recipe, a case a cause."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from workbench.checks.report import Group
from workbench.escaping import visible
from workbench.findings import SEVERITIES, Severity
from workbench.views.checks import scope
from workbench.views.reported import Reported, file_place


def junit(results: Sequence[Reported], fail_on: Severity) -> str:
    """The document. A cause fails from the severity `fail_on` on; milder ones pass, with their words in the output."""
    root = Element("testsuites", name="vlmbench")
    for result in results:
        suite = SubElement(root, "testsuite", name=visible(result.name))
        groups = result.report.groups if result.report is not None else ()
        failing = [group for group in groups if SEVERITIES.index(group.severity) <= SEVERITIES.index(fail_on)]
        if result.problem is not None:
            case = SubElement(suite, "testcase", classname=visible(result.name), name="check")
            words = "\n".join(part for part in (result.problem.cause, result.problem.hint) if part)
            SubElement(case, "error", message=visible(result.problem.line)).text = _plain(words)
        for group in groups:
            _case(suite, result.name, group, failing=group in failing)
        if result.problem is None and not groups:
            SubElement(suite, "testcase", classname=visible(result.name), name="check")
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(failing)))
        suite.set("errors", str(int(result.problem is not None)))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _case(suite: Element, recipe: str, group: Group, *, failing: bool) -> None:
    finding = group.finding
    place = file_place(finding.where, recipe)
    case = SubElement(suite, "testcase", classname=visible(recipe), name=f"{group.code} {visible(finding.message)}")
    case.set("file", visible(place.path))
    case.set("line", str(place.line))
    text = f"{place.path}:{place.line}: {group.severity} {group.code} {finding.message}{scope(group)}\n{finding.hint}"
    if failing:
        SubElement(case, "failure", type=group.code, message=visible(finding.message)).text = _plain(text)
    else:
        SubElement(case, "system-out").text = _plain(text)


def _plain(text: str) -> str:
    """A text of several lines that XML can hold."""
    return "\n".join(visible(line) for line in text.splitlines())
