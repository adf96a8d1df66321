"""Parity: the package scores the run's own studies again, and must give what predictions.csv says."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from medtl.errors import IntegrityError
from medtl.export.session import Session
from medtl.predictions import Predictions
from medtl.progress import Progress, each

LIMIT = 64
TOLERANCE = 1e-5
"""On scores; of values beyond 1, relative."""

StudyReader: TypeAlias = Callable[[str, str], Sequence[NDArray[np.float32]]]
"""(site, study) to the prepared arrays of its rows, each float32 in [0, 1], (slices, channels, height, width)."""


@dataclass(frozen=True)
class Parity:
    """The outcome.

    Attributes:
        studies: how many were scored again.
        of: how many the run predicted.
        largest: largest absolute difference of a score.
    """

    studies: int
    of: int
    largest: float

    def as_json(self) -> dict[str, float | int]:
        """For the contract."""
        return {"studies": self.studies, "of": self.of, "largest_difference": self.largest, "tolerance": TOLERANCE}


def chosen(predictions: Predictions, limit: int = LIMIT) -> list[int]:
    """Rows to score again: all, or so many, taken in turn from every site and split in file order.

    Args:
        predictions: of one model.
        limit: at most so many.

    Returns:
        Row positions, ascending.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for row, key in enumerate(zip(predictions.site.tolist(), predictions.split.tolist(), strict=True)):
        groups.setdefault(key, []).append(row)
    if len(predictions) <= limit:
        return list(range(len(predictions)))
    turns = [(turn, row) for rows in groups.values() for turn, row in enumerate(rows)]
    return sorted(row for _, row in sorted(turns)[:limit])


def check_parity(
    session: Session, predictions: Predictions, read: StudyReader, progress: Progress | None = None
) -> Parity:
    """Scores studies again through the exported network.

    Args:
        session: the exported network.
        predictions: of the exported model, from the run's predictions.csv.
        read: gives the prepared arrays of a study.
        progress: where to report to.

    Returns:
        How close it is.

    Raises:
        IntegrityError: a score differs by more than the tolerance; the studies are named.
    """
    rows = chosen(predictions)
    wrong, largest = [], 0.0
    for row in each(progress, "checking parity", rows):
        site, study = str(predictions.site[row]), str(predictions.study[row])
        arrays = read(site, study)
        scores = np.mean([session.scores(array[None])[0] for array in arrays], axis=0)
        size = max(1.0, float(np.abs(predictions.scores[row]).max()))  # a value has its own unit; a score at most 1
        difference = float(np.abs(scores - predictions.scores[row]).max()) / size
        largest = max(largest, difference)
        if not difference <= TOLERANCE:
            wrong.append(f"study {study} of {site}: {difference:.3g}")
    if wrong or not rows:
        raise IntegrityError(
            f"the exported network does not give the run's own scores: {len(wrong)} of {len(rows)} studies differ by "
            f"more than {TOLERANCE:g} ({'; '.join(wrong[:5])}); nothing was written. Were the scans, the weights or "
            "predictions.csv changed since the run? Train again, or restore them"
        )
    return Parity(len(rows), len(predictions), largest)
