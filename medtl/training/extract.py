"""The table of studies that methods may see: who they are, what is known of them, and their features."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from medtl.models.model import Model
from medtl.training.context import Loader
from medtl.training.device import Device
from medtl.training.feature_bank import predict_behind
from medtl.training.files import read_tensors, write_tensors
from medtl.types import Cohort, Table


def visible_rows(cohort: Cohort) -> NDArray[np.int64]:
    """Positions that training may see, in catalogue order: source train, and the target rows that may be seen."""
    return np.sort(np.concatenate([cohort.rows("source", "train"), cohort.target_seen]))


def extract(
    model: Model, loader: Loader, device: Device, file: Path | None = None, still: tuple[str, ...] = ()
) -> Table:
    """Runs a network over what may be seen.

    Args:
        model: whose ``Outputs.features`` are kept, averaged over the scans of a study.
        loader: of the data.
        device: where it runs.
        file: keeps the features; where it is there already, they are read instead.
        still: parts that never move in this run, whose activations may be kept already.

    Returns:
        A row per study, in catalogue order.
    """
    rows = visible_rows(loader.cohort)
    if file is not None and file.exists():
        features = read_tensors(file)["features"].numpy()
    else:
        said = predict_behind(model, still, loader, rows, device, features=True)
        assert said.features is not None
        by_row = dict(zip(said.rows.tolist(), said.features, strict=True))
        features = np.stack([by_row[int(i)] for i in rows])
        if file is not None:
            write_tensors(file, {"features": torch.from_numpy(features), "rows": torch.from_numpy(rows)})
    return table_of(loader.cohort, rows, features)


def table_of(cohort: Cohort, rows: NDArray[np.int64], features: NDArray[np.float32]) -> Table:
    """Groups scans to studies.

    Args:
        cohort: of the run.
        rows: positions in the catalogue, (n,).
        features: float32, (n, d).
    """
    items, labels = cohort.catalogue.items, cohort.visible_labels
    scans: dict[tuple[str, str], list[int]] = {}
    for k, i in enumerate(rows):
        scans.setdefault((items[i].site, items[i].study), []).append(k)
    first = [int(rows[ks[0]]) for ks in scans.values()]
    return Table(
        study=tuple(items[i].study for i in first),
        patient=tuple(items[i].patient for i in first),
        site=tuple(items[i].site for i in first),
        role=tuple(cohort.role[i] for i in first),
        split=tuple(cohort.split[i] for i in first),
        labels=labels[first],
        hidden=cohort.hidden[first],
        features=np.stack([features[ks].mean(axis=0) for ks in scans.values()]),
    )


def per_position(cohort: Cohort, table: Table, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights of studies as weights of the catalogue's rows; rows outside the table have 1.

    Args:
        cohort: of the run.
        table: whose rows are weighted.
        weights: float32, (len(table),).

    Returns:
        float32, (rows of the catalogue,).
    """
    studies = zip(table.site, table.study, strict=True)
    of: Mapping[tuple[str, str], np.float32] = dict(zip(studies, weights, strict=True))
    one = np.float32(1.0)
    return np.array([of.get((item.site, item.study), one) for item in cohort.catalogue.items], dtype=np.float32)
