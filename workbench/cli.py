"""`vlmbench`: its commands, assembled. Each is a file of `workbench/commands/` and imports what is heavy when run."""

from __future__ import annotations

import sys

import click

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
from workbench.errors import EXIT_INTERRUPTED, EXIT_OK
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


for _command in (inspect, check, audit, infer, overfit, export, convert, explain, families):
    cli.add_command(_command)


def main(arguments: list[str] | None = None) -> None:
    """Run `vlmbench` and exit with its code."""
    try:
        code = cli.main(args=arguments, prog_name="vlmbench", standalone_mode=False)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as problem:
        problem.show()
        code = problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("vlmbench: interrupted", file=sys.stderr)
        code = EXIT_INTERRUPTED
    sys.exit(code if isinstance(code, int) else EXIT_OK)


if __name__ == "__main__":
    main()
