"""Every error says what to do: all places in the code that make one, and those that make an error of another kind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import BenchError

ROOT = Path(__file__).resolve().parents[2]
TAKES_HINT = ("BenchError", "InputError", "EnvironmentProblem", "MediaError", "NotShown")
"""The classes whose third argument is the remedy; others are given one by their class, or have another order."""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls that make an error with a remedy of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in TAKES_HINT:
                yield node


def hint_of(call: ast.Call) -> ast.expr | None:
    """The expression of the remedy; None where there is none."""
    if len(call.args) > 2:
        return call.args[2]
    return next((keyword.value for keyword in call.keywords if keyword.arg == "hint"), None)


def test_every_error_in_the_code_has_a_remedy() -> None:
    made, without = 0, []
    for folder in ("workbench", "screens"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for call in calls(ast.parse(file.read_text("utf-8"))):
                made += 1
                hint = hint_of(call)
                if hint is None or (isinstance(hint, ast.Constant) and not str(hint.value).strip()):
                    without.append(f"{file.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)[:120]}")
    assert made > 100
    assert not without, "\n".join(without)


def test_no_class_of_errors_is_left_out() -> None:
    import workbench.data.row_notes
    import workbench.export.prepare
    import workbench.models.patterns
    import workbench.row
    import workbench.unexpected  # noqa: F401

    def below(kind: type[BenchError]) -> Iterator[type[BenchError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    # Each of these has its remedy from its class, or asks for it.
    known = {*TAKES_HINT, "RowError", "PatternError", "ExportRefused", "Bug", "EndlessTemplate"}
    ours = {kind.__name__ for kind in below(BenchError) if kind.__module__.startswith(("workbench.", "screens."))}
    assert ours <= known


def test_commands_speak_through_the_console_which_makes_their_words_safe_to_draw() -> None:
    files = [ROOT / "workbench" / "cli.py", *sorted((ROOT / "workbench" / "commands").glob("*.py"))]
    direct = [
        ast.unparse(node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "click.echo", "sys.stderr.write")
    ]
    # Data of our own: the pages of the codes.
    assert direct == ["print(codes_markdown(chosen), end='')"]
