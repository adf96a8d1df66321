"""From rows to studies: the scans of one examination are one answer."""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from medtl.errors import DataError
from medtl.predictions.table import SHOWN, Predictions


def by_study(predictions: Predictions) -> Predictions:
    """Average the scores of the rows of each study.

    Logits survive only where every study has one row, since the logit of a mean is not the mean of logits.

    Args:
        predictions: rows, several of which may share site, study and model.

    Returns:
        One row per site, study and model, in the order of first appearance.

    Raises:
        DataError: rows of one study that differ in patient, split or label.
    """
    keys = list(zip(predictions.site.tolist(), predictions.study.tolist(), predictions.model.tolist(), strict=True))
    position: dict[tuple[str, str, str], int] = {}
    group = np.array([position.setdefault(key, len(position)) for key in keys], dtype=np.int64)
    if len(position) == len(keys):
        return predictions
    first = np.full(len(position), len(keys), dtype=np.int64)
    np.minimum.at(first, group, np.arange(len(keys)))
    lines = []
    for name in ("patient", "role", "split", "labels"):
        column = getattr(predictions, name).reshape(len(keys), -1)
        lead = column[first][group]
        differs = (column != lead) & ~((column != column) & (lead != lead))  # two unknown values are no conflict
        lines += [f"study {keys[i][1]} of {keys[i][0]}: its rows differ in {name}, expected one value per study"
                  for i in np.flatnonzero(differs.any(axis=1)).tolist()]
    if lines:
        raise DataError(*lines[:SHOWN])
    sums = np.zeros((len(position), predictions.scores.shape[1]))
    np.add.at(sums, group, predictions.scores)
    means = sums / np.bincount(group)[:, None]
    return replace(predictions.where(first), scores=means, logits=None)
