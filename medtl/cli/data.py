"""The commands about scans: scan, check, where, cache."""
from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from medtl.cli.show import show
from medtl.errors import DataError


def scan(
    folder: Annotated[Path, typer.Argument(help="A folder of DICOM files, in any order.")],
    out: Annotated[Path, typer.Option(help="The folder for series.csv and catalogue.csv.")],
) -> None:
    """Read a folder of DICOM: a row per series with its verdict, a row per study with the series chosen and why."""
    from medtl import api
    from medtl.progress import terminal_progress

    with terminal_progress() as progress:
        result = api.scan(folder, out, progress=progress)
    show(result)


def check(
    card: Annotated[str, typer.Argument(help="A data card's name or file.")],
    root: Annotated[Path | None, typer.Option(help="The folder that the card's scans lie in.")] = None,
) -> None:
    """Compare a data card with its files: counts, sites, scanners, labels. Exit 3 if they differ."""
    from medtl import api
    from medtl.progress import terminal_progress

    with terminal_progress() as progress:
        result = api.check(card, root=root, progress=progress)
    show(result)


def where(
    short_id: Annotated[str, typer.Argument(metavar="ID", help="An id as reports and tables show it.")],
) -> None:
    """Print which file an id stands for. Only this project and user can know."""
    from medtl.io.identity import where as find

    path = find(short_id)
    if path is None:
        raise DataError(f"{short_id}: never seen by this project and user; ask in the folder that the run was made in")
    print(path)


class CacheVerb(StrEnum):
    """What can be done with the cache."""

    size = "size"
    clear = "clear"


def cache(
    verb: Annotated[CacheVerb, typer.Argument(help="size: how large it is; clear: remove it, it is made again.")],
) -> None:
    """Show or clear what medtl keeps to be faster next time."""
    from medtl.places import cache_folder

    folder = cache_folder()
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files)
    if verb is CacheVerb.size:
        print(f"{folder}: {len(files)} files, {size / 1e6:.1f} MB")
        return
    import shutil

    if folder.exists():
        shutil.rmtree(folder)
    print(f"{folder}: removed {len(files)} files, {size / 1e6:.1f} MB")


COMMANDS: dict[str, Callable[..., Any]] = {"scan": scan, "check": check, "where": where, "cache": cache}
