"""Commands that do many runs: matrix, recommend, budget."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from medtl.cli.show import show
from medtl.cli.verbs import ConfigName, Overrides

Jobs = Annotated[int | None, typer.Option(min=1, help="Processes at once; as many as the CPUs carry if not given.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of each run; the numbers depend on them.")]
Name = Annotated[str | None, typer.Option(help="The sweep's name; made of the config's if not given.")]
Out = Annotated[Path | None, typer.Option(help="The folder of runs; ./runs if not given.")]


def matrix(
    config: ConfigName,
    overrides: Overrides = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds; the config's own is the first.")] = 3,
    methods: Annotated[
        list[str] | None,
        typer.Option(help="source_only, config (its transfer block), a method, with options as in dan:weight=0.3, or "
                          "harmonisation (histogram, site_z, combat, adabn, tent, strong). May be repeated, or given "
                          "as a list with commas."),
    ] = None,
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Where runs are done.")] = "local",
    jobs: Jobs = None,
    threads: Threads = 1,
    name: Name = None,
    out: Out = None,
) -> None:
    """Train from every site to every other one and from all others to each, and show what transfers.

    Finished runs are kept: the same command goes on where it stopped, and more seeds or methods add to it.
    """
    from medtl.api.matrix import matrix as run
    from medtl.progress import terminal_progress

    chosen = [word for given in methods or () for word in given.replace(",", " ").split()]
    with terminal_progress() as progress:
        result = run(config, overrides or (), seeds=seeds, methods=chosen, jobs=jobs, engine=engine, threads=threads,
                     name=name, out=out, progress=progress)
    show(result)


def recommend(
    config: ConfigName,
    minutes: Annotated[float, typer.Option(help="Time for the whole search.")],
    overrides: Overrides = None,
    candidates: Annotated[
        list[str] | None, typer.Option(help="Methods to try, as for `medtl matrix`; a stated list if not given.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds that the winner is judged with.")] = 3,
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Where runs are done.")] = "local",
    jobs: Jobs = None,
    threads: Threads = 1,
    name: Name = None,
    out: Out = None,
) -> None:
    """Try candidates under a time budget and answer with a config, or that no adaptation is supported.

    The winner is chosen without the held-out test studies, and judged on them.
    """
    from medtl.api.recommending import recommend as run
    from medtl.progress import terminal_progress

    chosen = [word for given in candidates or () for word in given.replace(",", " ").split()]
    with terminal_progress() as progress:
        result = run(config, overrides or (), minutes=minutes, candidates=chosen, seeds=seeds, jobs=jobs, engine=engine,
                     threads=threads, name=name, out=out, progress=progress)
    show(result)


def budget(
    config: ConfigName,
    auroc: Annotated[float, typer.Option(help="The AUROC that is wanted at the target.")],
    overrides: Overrides = None,
    labels: Annotated[
        str, typer.Option(help="Labelled target patients per class to try, with commas between them.")
    ] = "4,8,16,32",
    draws: Annotated[int, typer.Option(min=1, help="Draws of labels at each number.")] = 5,
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Where runs are done.")] = "local",
    jobs: Jobs = None,
    threads: Threads = 1,
    name: Name = None,
    out: Out = None,
) -> None:
    """Say how many target labels a wanted AUROC takes, from a learning curve with intervals."""
    from medtl.api.budgeting import budget as run
    from medtl.errors import ConfigError
    from medtl.progress import terminal_progress

    words = labels.replace(",", " ").split()
    if not words or not all(word.isdecimal() for word in words):
        raise ConfigError(f"--labels {labels}: expected whole numbers, such as 4,8,16,32")
    with terminal_progress() as progress:
        result = run(config, overrides or (), auroc=auroc, labels=[int(word) for word in words], draws=draws, jobs=jobs,
                     engine=engine, threads=threads, name=name, out=out, progress=progress)
    show(result)


def selections(
    runs: Annotated[list[Path] | None, typer.Argument(help="Runs, or folders of runs; ./runs if not given.")] = None,
) -> None:
    """Show how well each rule of checkpoint selection did over past runs, beside the oracle."""
    from medtl.api.selections import selections as run

    show(run(runs or [Path("runs")]))


COMMANDS: dict[str, Callable[..., Any]] = {
    "matrix": matrix, "recommend": recommend, "budget": budget, "selections": selections,
}
