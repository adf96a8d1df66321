"""The commands about scans: scan, check, where, cache."""
from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from medtl.cli.show import show
from medtl.errors import DataError


def scan(
    folder: Annotated[Path, typer.Argument(help="Any tree of DICOM, NIfTI and image files.")],
    out: Annotated[Path, typer.Option(help="The catalogue's file, catalogue.csv say; the rest is written beside it.")],
    labels: Annotated[Path | None, typer.Option(help="A CSV of labels to join; needs --on.")] = None,
    on: Annotated[
        str | None, typer.Option(help="What the keys of --labels are: accession, patient or study.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="A label column of --labels; may be repeated. All that can hardly identify if not given."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per CPU if not given.")] = None,
    headers_only: Annotated[
        bool, typer.Option("--headers-only", help="Judge by headers alone: faster, but blind to damaged pixels.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON, and nothing else.")] = False,
) -> None:
    """Judge every series of a folder; write series.csv, a row per study, and a proposed data card.

    Exit 3 if no series can be read. An interrupted scan goes on where it stopped.
    """
    from medtl import api
    from medtl.progress import terminal_progress

    with terminal_progress() as progress:
        intake = api.scan(
            folder, out, labels=labels, on=on, label_names=label or (), workers=workers, pixels=not headers_only,
            progress=progress,
        )
    if as_json:
        print(json.dumps(intake.document, indent=1, ensure_ascii=False))
    else:
        show(intake)
    if intake.exit_code:
        print("no series can be read; the reasons stand above and in series.csv", file=sys.stderr)
        raise typer.Exit(intake.exit_code)


def check(
    card: Annotated[str, typer.Argument(help="A data card's name or file.")],
    root: Annotated[Path | None, typer.Option(help="The folder that the card's scans lie in.")] = None,
    croissant: Annotated[
        Path | None, typer.Option(help="A file for the card as Croissant JSON-LD, written once the card holds.")
    ] = None,
) -> None:
    """Compare a data card with its files: counts, sites, scanners, labels. Exit 3 if they differ."""
    from medtl import api
    from medtl.progress import terminal_progress

    with terminal_progress() as progress:
        result = api.check(card, root=root, croissant=croissant, progress=progress)
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
