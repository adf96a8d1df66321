"""predictions.csv as studies, and the binary questions that are put to them."""
from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

Key = tuple[str, str, str, str]
Array = NDArray[np.float64]


class Study(NamedTuple):
    """One study as one model answered it."""

    patient: str
    labels: tuple[float, ...]
    scores: tuple[float, ...]
    name: str = ""
    site: str = ""
    scanner: str = ""

    @property
    def known(self) -> bool:
        """Whether anything is known of it."""
        return not all(math.isnan(label) for label in self.labels)

    @property
    def label(self) -> int:
        """The class of exclusive classes, -1 where unknown."""
        return int(np.argmax(self.labels)) if self.known else -1


class Table(NamedTuple):
    """predictions.csv, scans averaged to studies: studies by (model, site, role, split), in the order of the file."""

    kind: str
    classes: tuple[str, ...]
    parts: dict[Key, list[Study]]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the binary questions."""
        return self.classes[1:] if self.kind == "binary" else self.classes

    @property
    def models(self) -> tuple[str, ...]:
        """Adapted before baseline."""
        there = {key[0] for key in self.parts}
        return tuple(name for name in ("adapted", "baseline", "tent") if name in there)

    def studies(self, model: str, site: str, role: str, split: str) -> list[Study]:
        """Studies of one site, or of all sites of a role where the site is empty."""
        return [study for (m, s, r, p), studies in self.parts.items()
                if (m, r, p) == (model, role, split) and site in ("", s) for study in studies]

    def scored(self, change: Callable[[str, list[Study]], list[Study]]) -> Table:
        """The same studies with other scores, model by model."""
        return self._replace(parts={key: change(key[0], studies) for key, studies in self.parts.items()})


def read_table(path: Path, average: bool = True) -> Table:
    """Reads predictions.csv.

    Args:
        path: the file.
        average: whether scans of a study are one.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    classes = tuple(name.removeprefix("score_") for name in rows[0] if name.startswith("score_"))
    kind = ("regression" if "value" in rows[0] else "multilabel" if "label" not in rows[0]
            else "binary" if len(classes) == 2 else "multiclass")
    told = ("predicted",) if kind == "regression" else tuple(f"score_{name}" for name in classes)
    grouped: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for number, row in enumerate(rows):
        key = (row["model"], row["site"], row["role"], row["split"], row["study"])
        grouped[key if average else (*key, str(number))].append(row)
    parts: dict[Key, list[Study]] = defaultdict(list)
    for (model, site, role, split, study, *_), of_study in grouped.items():
        first = of_study[0]
        scores = np.mean([[float(row[name]) for name in told] for row in of_study], axis=0)
        who = f"{site}|patient {first['patient']}" if first["patient"] else f"{site}|study {study}"
        parts[model, site, role, split].append(
            Study(who, _labels(first, kind, classes), tuple(scores.tolist()), study, site, first["scanner"]))
    return Table(kind, classes, dict(parts))


def _labels(row: dict[str, str], kind: str, classes: tuple[str, ...]) -> tuple[float, ...]:
    if kind == "regression":
        return (math.nan if row["value"] == "" else float(row["value"]),)
    if kind == "multilabel":
        return tuple(math.nan if row[f"label_{name}"] == "" else float(row[f"label_{name}"]) for name in classes)
    truth = row["label"]
    return tuple(math.nan if truth == "" else float(truth == name) for name in classes)


class Question(NamedTuple):
    """A binary question put to the studies whose answer is known."""

    truth: NDArray[np.int64]
    score: Array
    called: NDArray[np.int64] | None
    patient: NDArray[Any]


def questions(table: Table, studies: list[Study], thresholds: dict[str, float | None]) -> list[Question]:
    """The binary questions of some studies."""
    out = []
    for k, name in enumerate(table.names):
        column = -1 if table.kind == "binary" else k
        asked = [s for s in studies if not math.isnan(s.labels[column])]
        score = np.array([s.scores[column] for s in asked])
        if table.kind == "multiclass":
            called: NDArray[np.int64] | None = np.array([int(np.argmax(s.scores)) == k for s in asked], dtype=np.int64)
        else:
            level = thresholds.get(name)
            called = None if level is None else (score >= level).astype(np.int64)
        out.append(Question(np.array([s.labels[column] for s in asked], dtype=np.int64), score, called,
                            np.array([s.patient for s in asked])))
    return out


def youden(question: Question) -> float | None:
    """The highest score of the largest sensitivity + specificity - 1."""
    if len(set(question.truth.tolist())) < 2:
        return None
    false, true, levels = sk.roc_curve(question.truth, question.score, drop_intermediate=False)
    gain = true - false
    return float(max(levels[1:][gain[1:] >= gain[1:].max() - 1e-12]))


def levels_of(table: Table, model: str, rule: str, told: dict[str, float | None]) -> dict[str, float | None]:
    """A model's thresholds: fixed, or Youden's on the source's validation studies."""
    if table.kind in ("multiclass", "regression"):
        return {}
    if rule.startswith("fixed"):
        return dict.fromkeys(table.names, float(rule.split()[-1]))
    asked = questions(table, table.studies(model, "", "source", "val"), {})
    return {name: youden(q) if len(q.truth) else None for name, q in zip(table.names, asked, strict=True)}
