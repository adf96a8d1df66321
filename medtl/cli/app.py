"""All commands in one place, in the order of ``medtl --help``."""
from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from medtl.cli import data, evidence, features, look, retrieval, sweeps, verbs
from medtl.errors import ConfigError

_ABOUT = """Carry a model from one hospital's scans to another's, and say honestly how well it does there.

Three verbs carry it: train, evaluate, export. `medtl train --config chest_ct.yaml` needs nothing but medtl.
"""

_HELP = {"help_option_names": ["-h", "--help"]}


class _Commands(TyperGroup):
    """All commands: an unknown one is answered with the nearest; Ctrl-C and a closed pipe reach the caller."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            from medtl.types import nearest  # not before: it brings numpy

            hint = nearest(args[0], tuple(self.commands))
            known = f"did you mean `medtl {hint}`?" if hint else f"expected one of {', '.join(self.commands)}"
            raise ConfigError(f"medtl {args[0]}: no such command; {known}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, BrokenPipeError) as ending:
            raise _Carried(ending) from ending


class _Carried(Exception):
    """Ctrl-C or a closed pipe within a command, carried past typer, which would end the process itself."""

    def __init__(self, ending: BaseException) -> None:
        super().__init__()
        self.ending = ending


def _version(asked: bool) -> None:
    if asked:
        import medtl

        typer.echo(f"medtl {medtl.__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


def _build() -> typer.Typer:
    app = typer.Typer(
        cls=_Commands, help=_ABOUT, context_settings=_HELP, no_args_is_help=True, add_completion=False,
        rich_markup_mode=None, pretty_exceptions_enable=False,
    )
    app.callback()(_top)
    for module in (verbs, sweeps, evidence, features, retrieval, data, look):
        for name, command in module.COMMANDS.items():
            app.command(name, context_settings=_HELP)(command)
    return app


def run(words: list[str]) -> int:
    """Runs one command line.

    Args:
        words: without the program's name.

    Returns:
        0, or 2 for a usage error that was already printed.

    Raises:
        MedtlError: from the command.
        KeyboardInterrupt: the user pressed Ctrl-C.
        BrokenPipeError: the reader of stdout is gone.
    """
    try:
        typer.main.get_command(_build()).main(words, prog_name="medtl")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except _Carried as carried:
        raise carried.ending from None
    return 0
