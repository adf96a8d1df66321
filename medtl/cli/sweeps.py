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
        typer.Option(help="source_only, config (its transfer block), or a method, with options as in "
                          "dan:weight=0.3. May be repeated, or given as a list with commas."),
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


COMMANDS: dict[str, Callable[..., Any]] = {"matrix": matrix}
