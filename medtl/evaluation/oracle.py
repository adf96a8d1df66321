"""The oracle: what the best epoch would have been, had one looked at the target's test labels. Never a result."""
from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtl.functional.macro import average, one_vs_rest, per_label, value_of
from medtl.functional.measure import FloatArray, NotEstimable
from medtl.functional.metrics.auroc import METRIC
from medtl.functional.resampling import BinarySample
from medtl.predictions import Predictions, by_study

MARK = "ORACLE"


@dataclass(frozen=True)
class OracleResult:
    """The best epoch of the last stage at one target site, picked on that site's test labels.

    Args:
        site: hospital.
        epoch: from 0.
        epochs: how many it was picked from.
        auroc: its AUROC on those same test studies.
        last: AUROC of the last epoch, for scale; the reported model's own stands in the table.
        by_epoch: AUROC of every epoch, None where it has none.
    """

    site: str
    epoch: int
    epochs: int
    auroc: float
    last: float | NotEstimable
    by_epoch: tuple[float | None, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As JSON, marked."""
        ending = None if isinstance(self.last, NotEstimable) else self.last
        return {"mark": MARK, "site": self.site, "epoch": self.epoch, "epochs": self.epochs, "auroc": self.auroc,
                "auroc_last_epoch": ending}


def oracle_results(folder: Path, predictions: Predictions) -> tuple[OracleResult, ...]:
    """Join the logits that the last stage recorded with the labels of predictions.csv.

    Args:
        folder: the run.
        predictions: of that run, for labels.

    Returns:
        One result per target site that has both classes; none where nothing was recorded or rows do not match.
    """
    files = sorted(folder.glob("stages/*/oracle.safetensors"))
    catalogue = folder / "catalogue.csv"
    if not files or not catalogue.is_file() or predictions.kind == "regression":
        return ()
    from safetensors.numpy import load_file

    tensors = load_file(files[-1])
    positions, logits = tensors["rows"], tensors["logits"].astype(np.float64)  # (n,), (epochs, n, outputs)
    with catalogue.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    if not len(logits) or positions.max(initial=-1) >= len(table):
        return ()
    rows = [table[position] for position in positions.tolist()]
    if any((row["role"], row["split"]) != ("target", "test") for row in rows):
        return ()
    studies = by_study(predictions)
    on_test = (studies.role == "target") & (studies.split == "test")
    studies = studies.where(on_test & (studies.model == studies.models[0]))
    place = {key: i for i, key in enumerate(zip(studies.site.tolist(), studies.study.tolist(), strict=True))}
    index = np.array([place.get((row["site"], row["study"]), -1) for row in rows], dtype=np.int64)
    used = index >= 0
    answers = _activate(logits[:, used], studies.kind)
    scores = np.zeros((len(logits), len(studies), logits.shape[2]))
    for epoch in range(len(logits)):
        np.add.at(scores[epoch], index[used], answers[epoch])
    count = np.bincount(index[used], minlength=len(studies))
    out = []
    for site in dict.fromkeys(studies.site.tolist()):
        here = (studies.site == site) & (count > 0)
        values = [_auroc(studies.where(here), answer[here] / count[here, None]) for answer in scores]
        known = {e: value for e, value in enumerate(values) if not isinstance(value, NotEstimable)}
        if known:
            best = max(known, key=lambda epoch: (known[epoch], -epoch))
            out.append(OracleResult(site, best, len(values), known[best], values[-1],
                                    tuple(known.get(e) for e in range(len(values)))))
    return tuple(out)


def _activate(logits: FloatArray, kind: str) -> FloatArray:
    if kind == "multilabel":
        return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)))
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _auroc(rows: Predictions, scores: FloatArray) -> float | NotEstimable:
    if rows.kind == "multilabel":
        return average(per_label(METRIC, rows.labels, scores).parts)
    if rows.kind == "multiclass":
        return one_vs_rest(METRIC, rows.labels[:, 0], scores).value
    known = rows.labels[:, 0] >= 0
    return value_of(METRIC, BinarySample.of(rows.labels[known, 0] == 1, scores[known, -1]))
