"""The command that looks for studies like one study: similar."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from medtl.cli.show import show


def similar(
    run: Annotated[str, typer.Argument(help="A finished run's folder, or its name in ./runs.")],
    study: Annotated[str, typer.Argument(help="The study's id, as in the run's predictions.csv.")],
    site: Annotated[str | None, typer.Option(help="Its hospital, where the id stands at several.")] = None,
    count: Annotated[int, typer.Option("--count", "-k", help="How many studies to find.")] = 5,
    per_site: Annotated[bool, typer.Option("--per-site", help="So many at every hospital, instead of in all.")] = False,
    html: Annotated[Path | None, typer.Option(help="Also write a page with a masked picture of each.")] = None,
    root: Annotated[Path | None, typer.Option(help="The folder of the scans, for the pictures.")] = None,
) -> None:
    """Find the studies most like one, across the hospitals of a run: by hash codes (dah) or by features."""
    from medtl.api.similar import similar as find
    from medtl.progress import terminal_progress
    from medtl.run import find_run

    with terminal_progress() as progress:
        result = find(find_run(run).path, study, site=site, count=count, per_site=per_site, page=html, root=root,
                      progress=progress)
    show(result)
    if html is not None:
        show(html)


COMMANDS: dict[str, Callable[..., Any]] = {"similar": similar}
