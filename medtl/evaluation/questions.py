"""From predictions to binary questions: one for two classes, one per class or label otherwise."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medtl.errors import DataError
from medtl.functional.measure import FloatArray, IntArray, Metric, NotEstimable
from medtl.functional.resampling import BinarySample
from medtl.functional.thresholds import youden
from medtl.predictions import Predictions


@dataclass(frozen=True)
class Thresholds:
    """Where one model's scores become calls.

    Args:
        rule: in words, for the report.
        values: threshold of each question by name, or why it has none; empty where the highest score decides.
    """

    rule: str
    values: Mapping[str, float | NotEstimable]


@dataclass(frozen=True, eq=False)
class Group:
    """Labelled studies that are scored together, and who their patients are.

    Args:
        names: of the questions.
        samples: one per question; all share the patients as clusters.
        strata: name and number of patients of each site, in the order of the clusters.
        keys: patient (with site) and study of each labelled study, in row order.
        unknown: studies without one.
        unnamed: whether some patients are unknown, so that their studies count as patients.
    """

    names: tuple[str, ...]
    samples: tuple[BinarySample, ...]
    strata: tuple[tuple[str, int], ...]
    keys: tuple[tuple[str, str], ...]
    unknown: int
    unnamed: bool

    @property
    def studies(self) -> int:
        """Number of studies with a known label."""
        return len(self.keys)

    @property
    def patients(self) -> int:
        """Number of patients with a known label."""
        return sum(patients for _, patients in self.strata)


def question_names(predictions: Predictions) -> tuple[str, ...]:
    """The binary questions that predictions answer.

    Args:
        predictions: of a classification task.

    Returns:
        The positive class for a binary task; else every class or label.

    Raises:
        DataError: a regression, which has no classes.
    """
    if predictions.kind == "regression":
        raise DataError("predictions.csv holds a regression (value, predicted); per-site classification figures need "
                        "columns label and score_<class>")
    return predictions.classes[-1:] if predictions.kind == "binary" else predictions.classes


def group_of(predictions: Predictions, thresholds: Thresholds, patients: Sequence[str] | None = None) -> Group:
    """Arrange rows of one model as binary questions whose clusters are patients within sites.

    Args:
        predictions: rows of one model; any sites.
        thresholds: of that model.
        patients: keys of the patients to draw from, site by site, where several groups are drawn together; by default
            those of the rows.

    Returns:
        The group.
    """
    names = question_names(predictions)
    known = np.asarray((predictions.labels >= 0).any(axis=1))
    rows = predictions.where(known)
    order, cluster = patients_of(rows) if patients is None else (list(patients), _places(rows, patients))
    sites = [key.split("\t", 1)[0] for key in order]
    strata = tuple((site, sites.count(site)) for site in dict.fromkeys(sites))
    called = rows.scores.argmax(axis=1) if len(rows) else np.zeros(0, dtype=np.int64)
    samples = []
    for k, name in enumerate(names):
        labels, column = _labels(rows, k), rows.scores[:, -1] if rows.kind == "binary" else rows.scores[:, k]
        asked = labels >= 0
        threshold = thresholds.values.get(name)
        decided = None
        if rows.kind == "multiclass":
            decided = called[asked] == k
        elif isinstance(threshold, float):
            decided = column[asked] >= threshold
        samples.append(BinarySample.of(
            labels[asked] == 1, column[asked], cluster=cluster[asked], clusters=len(order), decided=decided,
        ))
    keys = tuple(zip(rows.patient_key.tolist(), rows.study.tolist(), strict=True))
    unnamed = bool((rows.patient == "").any())
    return Group(names, tuple(samples), strata, keys, int((~known).sum()), unnamed)


def patients_of(rows: Predictions) -> tuple[list[str], IntArray]:
    """The patients of some rows: site by site, in row order, since ids and some sites are salted hashes and no figure
    may depend on the salt.

    Args:
        rows: predictions.

    Returns:
        Keys of the patients, and which of them each row is, (n,).
    """
    keys: list[str] = rows.patient_key.tolist()
    first: dict[str, int] = {}
    sites: dict[str, int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
        sites.setdefault(key.split("\t", 1)[0], row)
    order = sorted(first, key=lambda key: (sites[key.split("\t", 1)[0]], first[key]))
    return order, _places(rows, order)


def _places(rows: Predictions, order: Sequence[str]) -> IntArray:
    place = {key: position for position, key in enumerate(order)}
    return np.array([place[key] for key in rows.patient_key.tolist()], dtype=np.int64)


def _labels(rows: Predictions, k: int) -> IntArray:
    if rows.kind == "multilabel":
        return np.asarray(rows.labels[:, k], dtype=np.int64)
    codes = np.asarray(rows.labels[:, 0], dtype=np.int64)
    positive = 1 if rows.kind == "binary" else k
    return np.where(codes < 0, codes, (codes == positive).astype(np.int64))


def choose_thresholds(validation: Predictions, rule: str | float = "youden") -> Thresholds:
    """Thresholds of one model, from its source validation rows or fixed beforehand.

    Args:
        validation: the source's validation rows of that model, all source sites together.
        rule: `youden`, or one threshold in [0, 1] for every question.

    Returns:
        The thresholds; none for exclusive classes, where the highest score decides.

    Raises:
        DataError: a rule that is neither.
    """
    if validation.kind == "multiclass":
        return Thresholds("the class with the highest score is called", {})
    names = question_names(validation)
    if isinstance(rule, (int, float)) and 0 <= rule <= 1:
        return Thresholds(f"fixed at {float(rule):g}", dict.fromkeys(names, float(rule)))
    if rule != "youden":
        raise DataError(f"evaluate.threshold: {rule!r} is neither youden nor a number in [0, 1]")
    values: dict[str, float | NotEstimable] = {}
    for k, name in enumerate(names):
        labels = _labels(validation, k)
        column: FloatArray = validation.scores[:, -1] if validation.kind == "binary" else validation.scores[:, k]
        values[name] = youden(labels[labels >= 0] == 1, column[labels >= 0])
    return Thresholds("Youden's index on source validation", values)


def rarer_patients(sample: BinarySample, metric: Metric) -> int:
    """Patients that limit a figure's precision: of the rarer class among those it reads.

    Args:
        sample: the studies.
        metric: the figure of merit.

    Returns:
        The number of patients; patients with studies of both classes make at most half as many separate pairs.
    """
    positives, negatives = (int((sample.totals[:, column] > 0).sum()) for column in (0, 1))
    present = int((sample.totals[:, :2].sum(axis=1) > 0).sum())
    pairs = min(positives, negatives, (present + 1) // 2)
    return {"both": pairs, "positive": positives, "negative": negatives, "any": present}[metric.classes]
