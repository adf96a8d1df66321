"""The commands that weigh evidence: compare."""
from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from medtl.cli.show import show


class Direction(StrEnum):
    """Which differences are looked for."""

    either = "either"
    gain = "gain"
    loss = "loss"


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Finished runs of one data card.")],
    metric: Annotated[
        list[str] | None, typer.Option(help="A metric's name; may be repeated. auroc if not given.")
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="A gap below which two count as equivalent. Fix it before you look.")
    ] = None,
    direction: Annotated[
        Direction, typer.Option(help="Look for either, or for a gain or a loss alone. Fix it before you look.")
    ] = Direction.either,
    against: Annotated[str | None, typer.Option(help="The run to compare with; the first one if not given.")] = None,
    bootstrap: Annotated[int, typer.Option(min=100, help="Draws of patients.")] = 2000,
    out: Annotated[Path | None, typer.Option(help="A folder for compare.json and compare.csv.")] = None,
) -> None:
    """Compare runs on the same target studies: gain, negative transfer, equivalent or inconclusive, per site.

    Runs that differ in train.seed alone are one method. One method is compared with its own baseline.
    """
    from medtl import api
    from medtl.progress import terminal_progress
    from medtl.run import find_run

    with terminal_progress() as progress:
        result = api.compare(
            [find_run(run).path for run in runs], metrics=tuple(metric or ("auroc",)), margin=margin,
            direction=direction.value, against=against, bootstrap=bootstrap, out=out, progress=progress,
        )
    show(result)


COMMANDS: dict[str, Callable[..., Any]] = {"compare": compare}
