"""Prints what a verb returns: colours and boxes in a terminal, plain text elsewhere."""
from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def show(result: Any) -> None:
    """Prints a result to stdout.

    Args:
        result: something with ``__rich__`` (a run, an evaluation), a path, text, several of these, or None for nothing.
    """
    if result is None:
        return
    if isinstance(result, str | Path):
        print(result)
    elif hasattr(result, "__rich__") or hasattr(result, "__rich_console__"):
        from rich.console import Console

        Console(soft_wrap=not sys.stdout.isatty(), highlight=False).print(result)
    elif isinstance(result, Iterable):
        for part in result:
            show(part)
    else:
        print(result)


def table(rows: list[tuple[str, ...]], indent: str = "") -> None:
    """Prints rows with aligned columns, the last one as long as it is."""
    if not rows:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        print((indent + "  ".join([*cells, row[-1]])).rstrip())
