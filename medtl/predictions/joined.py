"""Several tables of predictions as one."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from medtl.predictions.table import Predictions

_COLUMNS = ("study", "patient", "site", "scanner", "role", "split", "model", "labels", "scores")


def joined(parts: Sequence[Predictions]) -> Predictions:
    """The rows of several tables, one after another.

    Args:
        parts: at least one; of one kind and the same classes.

    Returns:
        All rows; logits only where every part has them.

    Raises:
        ValueError: kinds or classes that differ.
    """
    first = parts[0]
    if any((part.kind, part.classes) != (first.kind, first.classes) for part in parts):
        raise ValueError("predictions of different kinds or classes cannot stand in one table")
    stacked: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    logits = [part.logits for part in parts if part.logits is not None]
    return replace(first, **stacked, logits=np.concatenate(logits) if len(logits) == len(parts) else None)
