"""What models answered for each study, with the truth where it is known."""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medtl.errors import DataError

Kind: TypeAlias = Literal["binary", "multiclass", "multilabel", "regression"]
Text: TypeAlias = NDArray[np.str_]

IDENTITY = ("study", "patient", "site", "scanner", "role", "split", "model")
UNKNOWN = -1
"""The code of a label that nobody gave."""
ROLES, SPLITS = ("source", "target"), ("train", "val", "test", "adapt")
MODELS = ("adapted", "baseline", "tent")
"""``tent`` is the run's own network, adapting while it answers (``evaluate.adapt``)."""
SHOWN = 10
"""At most so many mistakes of one kind are listed."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one or two models answered for each study, with the truth where it is known.

    Args:
        study: opaque ids, (n,); with site and model they name a row.
        patient: opaque ids, unique within their site, empty where unknown, (n,).
        site: hospitals, (n,).
        scanner: devices, empty where unknown, (n,).
        role: source or target, (n,).
        split: train, val, test or adapt, (n,).
        model: adapted, baseline or tent, (n,).
        kind: binary, multiclass, multilabel or regression.
        classes: class names (binary: the positive one last) or label names; empty for regression.
        labels: codes of `classes`, UNKNOWN where unknown, (n, 1); for multilabel 0, 1 or UNKNOWN, (n, k);
            for regression the values, nan where unknown, (n, 1).
        scores: probabilities in [0, 1], (n, k); for regression the predicted values, (n, 1).
        logits: before the activation, (n, k), or None.
    """

    study: Text
    patient: Text
    site: Text
    scanner: Text
    role: Text
    split: Text
    model: Text
    kind: Kind
    classes: tuple[str, ...]
    labels: NDArray[Any]
    scores: NDArray[np.float64] = field(repr=False)
    logits: NDArray[np.float64] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.study)

    def where(self, keep: NDArray[Any]) -> Predictions:
        """The rows that a mask or an index picks, in its order.

        Args:
            keep: bool, (n,), or positions, (m,).

        Returns:
            Predictions with those rows.
        """
        columns = (f.name for f in fields(self) if f.name not in ("kind", "classes", "logits"))
        rows = {name: getattr(self, name)[keep] for name in columns}
        return replace(self, **rows, logits=None if self.logits is None else self.logits[keep])

    @property
    def models(self) -> tuple[str, ...]:
        """Models present, adapted before baseline."""
        return tuple(name for name in MODELS if (self.model == name).any())

    @property
    def patient_key(self) -> Text:
        """Who a patient is, (n,): site and patient; a study of an unknown patient stands for itself."""
        named = np.where(self.patient == "", np.char.add("study ", self.study), np.char.add("patient ", self.patient))
        return np.char.add(np.char.add(self.site, "\t"), named)


def check_predictions(predictions: Predictions, where: str = "predictions") -> None:
    """Refuse predictions that the format cannot hold or that no figure should be computed from.

    Args:
        predictions: the rows.
        where: how the message names them.

    Raises:
        DataError: scores that are not finite or not in [0, 1], labels outside the classes, roles, splits or models
            that do not exist, or a study that a model answered twice.
    """
    lines: list[str] = []
    for name, known in (("role", ROLES), ("split", SPLITS), ("model", MODELS)):
        for odd in sorted(set(getattr(predictions, name).tolist()) - set(known)):
            lines.append(f"{where}: {name} {odd!r} is none of {', '.join(known)}")
    scores = predictions.scores
    bad = ~np.isfinite(scores)
    if predictions.kind != "regression":
        bad |= (scores < 0) | (scores > 1)
    for row in np.flatnonzero(bad.any(axis=1))[:SHOWN].tolist():
        expected = "a finite number" if predictions.kind == "regression" else "numbers in [0, 1]"
        lines.append(f"{where}: row {row + 1} has scores {scores[row].tolist()}, expected {expected}")
    if predictions.kind != "regression":
        top = 1 if predictions.kind == "multilabel" else len(predictions.classes) - 1
        outside = ((predictions.labels < UNKNOWN) | (predictions.labels > top)).any(axis=1)
        lines += [f"{where}: row {row + 1} has a label outside the classes {', '.join(predictions.classes)}"
                  for row in np.flatnonzero(outside)[:SHOWN].tolist()]
    keys = list(zip(predictions.site.tolist(), predictions.study.tolist(), predictions.model.tolist(), strict=True))
    if len(set(keys)) < len(keys):
        twice = sorted(key for key, count in Counter(keys).items() if count > 1)
        lines += [f"{where}: study {study} of {site} is answered twice by the {model} model; average its rows first"
                  for site, study, model in twice[:SHOWN]]
    if lines:
        raise DataError(*lines[:SHOWN])
