"""The commands that show what medtl knows, and that start a project: list, methods, schema, init."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from medtl.cli.show import show, table


def list_names(
    what: Annotated[
        str, typer.Argument(metavar="KIND", help="methods, backbones, sources, metrics, tasks, exports, configs, cards")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list of objects.")] = False,
) -> None:
    """List everything that a config can name."""
    from medtl.listing import listing

    found = listing(what)
    if as_json:
        print(json.dumps([entry.as_json() for entry in found], indent=1))
        return
    has_family = any(entry.family for entry in found)
    table([(entry.name, entry.family, entry.summary) if has_family else (entry.name, entry.summary) for entry in found])


def methods(
    name: Annotated[str | None, typer.Argument(help="A transfer method; all of them if not given.")] = None,
) -> None:
    """Show a transfer method: what it does, its options and their defaults."""
    if name is None:
        list_names("methods")
        return
    from medtl.listing import method_page

    show(method_page(name))


def schema() -> None:
    """Print the JSON schema of a config, for editors."""
    from medtl.config.schema import config_schema

    print(json.dumps(config_schema(), indent=1))


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make; it must not exist or be empty.")],
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Name the manifest in the config itself, without a data card.")
    ] = False,
) -> None:
    """Start a project: a config of ten lines and tiny made-up data of two sites, to be replaced by your own."""
    from medtl.scaffold import scaffold

    show(scaffold(folder, with_card=not manifest))


COMMANDS: dict[str, Callable[..., Any]] = {"init": init, "list": list_names, "methods": methods, "schema": schema}
