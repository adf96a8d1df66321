"""The commands that look at features: rank, transferable, cluster."""
from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from medtl.cli.show import show
from medtl.cli.verbs import ConfigName, Overrides

Root = Annotated[
    Path | None, typer.Option(help="The folder of the run's scans, where its data card does not say it.")
]


class Parts(StrEnum):
    """Which studies are grouped."""

    all = "all"
    target = "target"
    source = "source"


def rank(
    config: ConfigName,
    overrides: Overrides = None,
    backbone: Annotated[
        list[str] | None, typer.Option(help="A candidate beside the config's own. May be repeated.")
    ] = None,
    draws: Annotated[int, typer.Option(min=0, help="Draws of patients, behind the intervals.")] = 100,
    out: Annotated[Path | None, typer.Option(help="A JSON file to write too.")] = None,
) -> None:
    """Score backbones, their layers and the source sites before any training, beside a measured frozen probe."""
    from medtl.config.load import load_config
    from medtl.progress import terminal_progress

    read = load_config(config, overrides or ())
    from medtl.api.ranking import rank as ranked

    with terminal_progress() as progress:
        result = ranked(read, backbones=tuple(backbone or ()), draws=draws, out=out, progress=progress)
    show(result)


def cluster(
    run: Annotated[str, typer.Argument(help="A finished run's folder, or its name in ./runs.")],
    parts: Annotated[Parts, typer.Option(help="Which studies.")] = Parts.all,
    least: Annotated[int | None, typer.Option(min=2, help="Studies of a group; one in 40 if not given.")] = None,
    count: Annotated[
        int | None, typer.Option(min=2, help="Groups of k-means; chosen by silhouette if not given.")
    ] = None,
    root: Root = None,
    out: Annotated[Path | None, typer.Option(help="Where the page goes; groups/ in the run if not given.")] = None,
) -> None:
    """Group a run's studies without labels: a class nobody labelled, or one scanner's artefact, is seen."""
    from medtl.api.clustering import cluster as clustered
    from medtl.progress import terminal_progress
    from medtl.run import find_run

    with terminal_progress() as progress:
        result = clustered(find_run(run).path, parts=parts.value, least=least, count=count, root=root, out=out,
                           progress=progress)
    show(result)


def transferable(
    run: Annotated[str, typer.Argument(help="A finished run's folder, or its name in ./runs.")],
    cuts: Annotated[int, typer.Option(min=1, help="How many parts of the encoder are tried.")] = 3,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of each fit; the run's if not given.")] = None,
    root: Root = None,
) -> None:
    """Show layer by layer how general a run's features are: keep the front, learn the rest anew, test both sites."""
    from medtl.api.generality import transferable as tested
    from medtl.progress import terminal_progress
    from medtl.run import find_run

    with terminal_progress() as progress:
        result = tested(find_run(run).path, cuts=cuts, epochs=epochs, root=root, progress=progress)
    show(result)


COMMANDS: dict[str, Callable[..., Any]] = {
    "rank": rank, "transferable": transferable, "cluster": cluster,
}
