"""`vlmbench`: its commands, assembled. Each is a file of `workbench/commands/` and imports what is heavy when run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from workbench import console
from workbench.commands.audit import audit
from workbench.commands.check import check
from workbench.commands.convert import convert
from workbench.commands.explain import explain
from workbench.commands.export import export
from workbench.commands.families import families
from workbench.commands.infer import infer
from workbench.commands.inspect import inspect
from workbench.commands.options import epilog
from workbench.commands.overfit import overfit
from workbench.commands.report import report
from workbench.commands.trainers import trainers
from workbench.errors import EXIT_INTERRUPTED, EXIT_OK, BenchError, EnvironmentProblem
from workbench.version import __version__

NAMES = ("vlmbench", "vlm-workbench")
"""The commands that are installed: the same, under two names, since another package has the first one too."""
_SOON_SECONDS = 0.01


class Commands(click.Group):
    """The commands; a recipe in the place of a command is inspected."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word not in self.commands:
            if word.endswith((".yaml", ".yml")) or Path(word).is_file():
                return super().resolve_command(ctx, ["inspect", *args])
            import difflib

            near = difflib.get_close_matches(word, self.commands, 1, 0.6)
            hint = f" Did you mean {near[0]}?" if near else " A recipe's name ends with .yaml."
            ctx.fail(f"No such command {word!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    epilog=epilog(
        ("", "the embedded demo"),
        ("recipe.yaml", "the same as `vlmbench inspect recipe.yaml`"),
        ("check recipe.yaml --fix", "what is wrong, and mended"),
        ("overfit recipe.yaml", "can this recipe learn four rows?"),
        ("export recipe.yaml --out full.yaml", "for the full run, with what was proven"),
    )
    + "\n\nThe shell completes commands, codes and families after: "
    'eval "$(_VLMBENCH_COMPLETE=bash_source vlmbench)"; zsh_source and fish_source likewise.',
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(__version__, prog_name="vlmbench")
@click.pass_context
def cli(context: click.Context) -> None:
    """See, edit, check and prove a vision-language fine-tune before the GPU-days are spent.

    Without a command: `vlmbench inspect` on the embedded demo. A recipe in its place is inspected.
    """
    if context.invoked_subcommand is None:
        context.invoke(inspect)


for _command in (inspect, check, audit, infer, overfit, export, report, convert, explain, families, trainers):
    cli.add_command(_command)


def main(arguments: list[str] | None = None) -> None:
    """Run `vlmbench` and exit with its code. No exception leaves it: what nobody expected is an error as well."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _refuse_closed_stdout()
        console.forget_odd_size()
        with _lost_interrupts_raised_again():
            code = cli.main(args=given, prog_name=_name(), standalone_mode=False)
        with console.ignoring_closed_pipe():
            sys.stdout.flush()
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as problem:
        code = _usage(problem)
    except (KeyboardInterrupt, click.Abort):
        console.tell("vlmbench: interrupted")
        code = EXIT_INTERRUPTED
    except Exception as problem:
        from workbench.unexpected import as_error

        code = _told(as_error(problem), as_json=_asks_json(given))
    _forget_interrupt()
    sys.exit(code if isinstance(code, int) else EXIT_OK)


@contextmanager
def _lost_interrupts_raised_again() -> Iterator[None]:
    """Raise an interrupt again that came while Python ended an object: there it goes no further than a message."""
    before = sys.unraisablehook

    def tell(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            before(lost)
            return
        import signal
        import threading

        # Not from in here, where it would be lost again; and to the thread that may be waiting for something.
        main = threading.main_thread().ident
        threading.Timer(_SOON_SECONDS, signal.pthread_kill, (main, signal.SIGINT)).start()

    sys.unraisablehook = tell
    try:
        yield
    finally:
        sys.unraisablehook = before


def _forget_interrupt() -> None:
    """Have Python exit with the code that it is given, though an interrupt was met on the way.

    An interrupt that goes through code which is given as text, as dataclasses and named tuples give theirs while they
    are imported, is remembered as one that nobody caught: under `python -m`, the process then ends by SIGINT, whatever
    it exits with. The next code given as text forgets it.
    """
    exec("")


def _name() -> str:
    """The command's name: completion asks for it under the name with which it was started."""
    started = Path(sys.argv[0]).stem if sys.argv and sys.argv[0] else ""
    return started if started in NAMES else NAMES[0]


def _usage(problem: click.ClickException) -> int:
    """Say what is wrong with the arguments, which may hold anything."""
    context = problem.ctx if isinstance(problem, click.UsageError) else None
    if context is not None:
        console.tell(context.get_usage())
    if isinstance(problem, click.UsageError):
        path = context.command_path if context is not None else "vlmbench"
        console.tell(f"Try '{path} --help' for help.\n")
    console.tell(f"Error: {problem.format_message()}")
    return problem.exit_code


def _told(problem: BenchError, *, as_json: bool) -> int:
    """Report an error; where stdout is what failed, nothing more is written there."""
    try:
        code = console.report(problem, as_json=as_json)
        sys.stdout.flush()
    except (OSError, ValueError):
        console.drop_stdout()
        return problem.exit_code
    return code


def _asks_json(arguments: list[str]) -> bool:
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)


def _refuse_closed_stdout() -> None:
    """Raises EnvironmentProblem where there is no stdout (`>&-`): what a command prints would go nowhere, unseen."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        raise EnvironmentProblem(
            "stdout is closed", "There is nowhere to print to.", "Send it to a file, or to /dev/null."
        )


if __name__ == "__main__":
    main()
