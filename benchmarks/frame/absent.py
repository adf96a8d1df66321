"""Data that a benchmark measures on and that does not come with the repository."""
from __future__ import annotations

import os
from pathlib import Path


class Absent(Exception):
    """The data are not on this machine, so the benchmark is left out."""


def data_folder(name: str) -> Path:
    """A folder of real data below the one that ``MEDTL_BENCH_DATA`` names.

    Raises:
        Absent: it is not there.
    """
    named = os.environ.get("MEDTL_BENCH_DATA", "")
    folder = Path(named) / name
    if not named or not folder.is_dir():
        raise Absent(f"needs {name}/ in the folder that MEDTL_BENCH_DATA names")
    return folder
