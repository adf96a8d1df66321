"""The file of results: one section per benchmark, replaced one by one and written whole or not at all."""
from __future__ import annotations

import re
from pathlib import Path

from medtl.atomic import write_text

TITLE = "# Results"
PREFACE = """\
Written by `make bench`; each section by its module in this folder, and `python -m benchmarks NAME` replaces that
section alone. Speed and memory are ratios against a peer or a limit that is measured in the same run; the figures
behind them hold for the machine named in the section. Times are the best repeat, with the range over all repeats.
"""


def sections_of(text: str) -> dict[str, str]:
    """Sections by the name of their benchmark.

    Args:
        text: a file of results, or nothing.

    Returns:
        Bodies without their headings.
    """
    parts = re.split(r"^## (\w+)\n", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def replace_sections(path: Path, new: dict[str, str], known: list[str]) -> None:
    """Writes new sections beside the old ones.

    Args:
        path: the file of results.
        new: bodies by name.
        known: all benchmarks there are, in order; sections of others are dropped.
    """
    old = sections_of(path.read_text(encoding="utf-8")) if path.is_file() else {}
    bodies = {name: new.get(name, old.get(name)) for name in known}
    written = [f"## {name}\n\n{body}\n" for name, body in bodies.items() if body is not None]
    write_text(path, "\n".join([f"{TITLE}\n", PREFACE, *written]))
