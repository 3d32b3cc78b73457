"""`vlmbench`: its commands, assembled. Each is a file of `workbench/commands/` and imports what is heavy when run."""

from __future__ import annotations

import os
import sys
from itertools import pairwise

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
from workbench.commands.options import EPILOG
from workbench.commands.overfit import overfit
from workbench.commands.trainers import trainers
from workbench.errors import EXIT_INTERRUPTED, EXIT_OK, BenchError, EnvironmentProblem
from workbench.version import __version__


@click.group(invoke_without_command=True, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vlmbench")
@click.pass_context
def cli(context: click.Context) -> None:
    """See, edit, check and prove a vision-language fine-tune before the GPU-days are spent.

    Without a command: `vlmbench inspect` on the embedded demo.
    """
    if context.invoked_subcommand is None:
        context.invoke(inspect)


for _command in (inspect, check, audit, infer, overfit, export, convert, explain, families, trainers):
    cli.add_command(_command)


def main(arguments: list[str] | None = None) -> None:
    """Run `vlmbench` and exit with its code. No exception leaves it: what nobody expected is an error as well."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _refuse_closed_stdout()
        console.forget_odd_size()
        code = cli.main(args=given, prog_name="vlmbench", standalone_mode=False)
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
    sys.exit(code if isinstance(code, int) else EXIT_OK)


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
