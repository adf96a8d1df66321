"""predictions.csv: a row per study, model and split; every figure of a report is computed from it.

The columns are `study,patient,site,scanner,role,split,model`, then the label, then the scores:

- one label of two or more exclusive classes: `label` (a class name, blank when unknown), `score_<class>` for every
  class (of two, the second is the positive one), optionally `logit_<class>`;
- several labels: `label_<name>` (0, 1 or blank), `score_<name>`, optionally `logit_<name>`;
- a number: `value` (blank when unknown), `predicted`.

Numbers have nine significant digits, which give float32 back exactly. A report reads the file, never the memory, so
that anybody can recompute its figures.
"""
from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.atomic import write_text
from medtl.errors import DataError
from medtl.predictions.table import IDENTITY, SHOWN, UNKNOWN, Kind, Predictions, check_predictions


def _columns(kind: Kind, classes: Sequence[str], with_logits: bool) -> list[str]:
    if kind == "regression":
        return [*IDENTITY, "value", "predicted"]
    labels = [f"label_{name}" for name in classes] if kind == "multilabel" else ["label"]
    logits = [f"logit_{name}" for name in classes] if with_logits else []
    return [*IDENTITY, *labels, *(f"score_{name}" for name in classes), *logits]


def _digits(value: float) -> str:
    return f"{value:.9g}"


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions.csv, whole or not at all.

    Args:
        path: the file; its folder exists.
        predictions: the rows, checked first.

    Raises:
        DataError: rows that `check_predictions` refuses.
    """
    check_predictions(predictions)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_columns(predictions.kind, predictions.classes, predictions.logits is not None))
    identity = [getattr(predictions, name).tolist() for name in IDENTITY]
    labels, scores = predictions.labels.tolist(), predictions.scores.tolist()
    logits = None if predictions.logits is None or predictions.kind == "regression" else predictions.logits.tolist()
    for i in range(len(predictions)):
        row = [column[i] for column in identity]
        if predictions.kind == "regression":
            row += ["" if np.isnan(labels[i][0]) else _digits(labels[i][0])]
        elif predictions.kind == "multilabel":
            row += ["" if label == UNKNOWN else str(int(label)) for label in labels[i]]
        else:
            row += ["" if labels[i][0] == UNKNOWN else predictions.classes[int(labels[i][0])]]
        row += [_digits(score) for score in scores[i]]
        if logits is not None:
            row += [_digits(logit) for logit in logits[i]]
        writer.writerow(row)
    write_text(path, out.getvalue())


def read_predictions(path: Path) -> Predictions:
    """Read predictions.csv, telling from its columns what was predicted.

    Args:
        path: the file.

    Returns:
        The predictions, checked.

    Raises:
        DataError: no such file, columns that are missing or of no known form, cells that are not numbers or classes,
            or rows that `check_predictions` refuses.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        raise DataError(f"{path.name}: not found; `medtl evaluate` needs a run that has finished predicting") from None
    except UnicodeDecodeError:
        raise DataError(f"{path.name}: not UTF-8 text, expected a CSV file written by medtl") from None
    header, body = (rows[0], rows[1:]) if rows else ([], [])
    kind, classes, with_logits = _form(header, path.name)
    ragged = [number for number, row in enumerate(body, start=1) if len(row) != len(header)]
    if ragged:
        raise DataError(*(f"{path.name}: row {number} has {len(body[number - 1])} cells, expected {len(header)}"
                          for number in ragged[:SHOWN]))
    if not body:
        raise DataError(f"{path.name}: no rows, expected at least one study")
    table = dict(zip(header, zip(*body, strict=True), strict=True))
    width = 1 if kind == "regression" else len(classes)
    predicted = ["predicted"] if kind == "regression" else [f"score_{name}" for name in classes]
    predictions = Predictions(
        **{name: np.array(table[name], dtype=np.str_) for name in IDENTITY},
        kind=kind, classes=classes, labels=_labels(table, kind, classes, path.name),
        scores=_numbers(table, predicted, path.name).reshape(len(body), width),
        logits=_numbers(table, [f"logit_{name}" for name in classes], path.name) if with_logits else None,
    )
    check_predictions(predictions, path.name)
    return predictions


def _form(header: Sequence[str], where: str) -> tuple[Kind, tuple[str, ...], bool]:
    missing = [name for name in IDENTITY if name not in header]
    if missing:
        raise DataError(f"{where}: columns {', '.join(missing)} are missing, expected {', '.join(IDENTITY)}")
    classes = tuple(name.removeprefix("score_") for name in header if name.startswith("score_"))
    with_logits = any(name.startswith("logit_") for name in header)
    kind: Kind
    if "value" in header:
        kind = "regression"
    elif "label" in header:
        kind = "binary" if len(classes) == 2 else "multiclass"
    else:
        kind = "multilabel"
    if (kind in ("binary", "multiclass") and len(classes) < 2) or (kind == "multilabel" and not classes):
        raise DataError(f"{where}: {len(classes)} columns score_<class>, expected one per class")
    expected = _columns(kind, classes, with_logits)
    if set(expected) != set(header) or len(header) != len(expected):
        raise DataError(f"{where}: columns {','.join(header)}, expected {','.join(expected)}")
    return kind, classes, with_logits


def _labels(table: dict[str, tuple[str, ...]], kind: Kind, classes: tuple[str, ...], where: str) -> NDArray[Any]:
    if kind == "regression":
        return _numbers(table, ["value"], where, blank=float("nan"))
    columns = [f"label_{name}" for name in classes] if kind == "multilabel" else ["label"]
    vocabulary = ("0", "1") if kind == "multilabel" else classes
    codes = {name: code for code, name in enumerate(vocabulary)} | {"": UNKNOWN}
    odd = [(row, column, cell) for column in columns for row, cell in enumerate(table[column], start=1)
           if cell not in codes]
    if odd:
        raise DataError(*(f"{where}: row {row}, {column}: {cell!r} is none of {', '.join(vocabulary)}"
                          for row, column, cell in odd[:SHOWN]))
    return np.array([[codes[cell] for cell in table[column]] for column in columns], dtype=np.int64).T


def _numbers(
    table: dict[str, tuple[str, ...]], columns: Sequence[str], where: str, blank: float | None = None
) -> NDArray[np.float64]:
    out = np.empty((len(next(iter(table.values()))), len(columns)))
    for j, column in enumerate(columns):
        for i, cell in enumerate(table[column]):
            try:
                out[i, j] = blank if blank is not None and cell == "" else float(cell)
            except ValueError:
                raise DataError(f"{where}: row {i + 1}, {column}: {cell!r} is not a number") from None
    return out
