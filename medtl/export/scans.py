"""Finds the scans of a run's studies again, by the project's private file, and prepares them as the run did."""
from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medtl.data.cache import prepare_one
from medtl.data.transforms import Preprocess
from medtl.errors import DataError, RunStateError
from medtl.export.parity import StudyReader
from medtl.io.identity import noted_paths


def scans_of(run: Path, preprocess: Preprocess) -> StudyReader:
    """A reader of the run's studies, from the files themselves.

    Args:
        run: the run's folder, with ``catalogue.csv``.
        preprocess: of the run.

    Returns:
        (site, study) to the prepared arrays of its rows that took part.

    Raises:
        RunStateError: ``catalogue.csv`` is missing or damaged.
    """
    try:
        with (run / "catalogue.csv").open(encoding="utf-8", newline="") as file:
            rows = Counter((row["site"], row["study"]) for row in csv.DictReader(file) if not row["refused"])
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise RunStateError(
            f"{run.name}/catalogue.csv: missing or damaged ({type(error).__name__}); train the run again"
        ) from None
    noted = noted_paths()

    def read(site: str, study: str) -> list[NDArray[np.float32]]:
        count = rows[(site, study)]
        paths = [path for path in noted.get(study, ()) if path.exists()][-count:] if count else []
        if not paths or len(paths) < count:
            raise DataError(
                f"study {study} of {site}: its scans are not on this machine, or another project or user trained the "
                "run; export where it was trained, since the package is checked against the scans themselves"
            )
        return [prepare_one(path, preprocess) for path in paths]

    return read
