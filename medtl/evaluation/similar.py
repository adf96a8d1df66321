"""The studies nearest to one study, at every hospital of a run: by hash codes if there are some, else by features."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtl.errors import DataError
from medtl.evaluation.kept_features import KeptFeatures
from medtl.functional.standardise import location_and_scale
from medtl.predictions import UNKNOWN, Predictions
from medtl.types import nearest


@dataclass(frozen=True)
class Neighbour:
    """A study and how far it is.

    Attributes:
        study: opaque id.
        site: its hospital.
        scanner: as far as known.
        role: source or target.
        label: its class, or empty where unknown or where there are several labels.
        distance: bits that differ, or the cosine distance in [0, 2].
    """

    study: str
    site: str
    scanner: str
    role: str
    label: str
    distance: float


@dataclass(frozen=True)
class Similar:
    """What is near to a study.

    Attributes:
        query: the study itself, at distance 0.
        found: nearest first.
        by: ``bits of 64`` or ``cosine distance``.
    """

    query: Neighbour
    found: tuple[Neighbour, ...]
    by: str

    def __rich__(self) -> object:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for name in ("study", "site", "scanner", "role", "label", self.by):
            table.add_column(name, justify="right" if name == self.by else "left")
        for one in (self.query, *self.found):
            distance = f"{one.distance:g}" if float(one.distance).is_integer() else f"{one.distance:.4f}"
            table.add_row(one.study, one.site, one.scanner or "-", one.role, one.label or "-", distance)
        return Group(table, Text("first the study that was asked for; its patient's other studies are left out"))


def similar_studies(
    kept: KeptFeatures, answers: Predictions, study: str, *, site: str | None = None, count: int = 5,
    per_site: bool = False,
) -> Similar:
    """Finds the nearest studies of other patients.

    Codes are compared by their signs; features by the cosine of what is left of them after the mean over all studies,
    each column scaled to standard deviation 1.

    Args:
        kept: features of one network.
        answers: its rows of predictions.csv.
        study: opaque id of the study that is asked for.
        site: its hospital, where the id stands at several.
        count: how many.
        per_site: so many at every hospital, instead of in all.

    Raises:
        DataError: no such study, or one of that id at several sites.
    """
    places = np.flatnonzero((answers.study == study) & ((answers.site == site) if site is not None else True))
    if not len(places):
        hint = nearest(study, answers.study.tolist())
        where = f" at {site!r}" if site is not None else ""
        raise DataError(f"{study}: no such study{where} among the {len(answers)} that the run scored; "
                        + (f"did you mean {hint}? " if hint else "") + "predictions.csv lists them")
    if len(places) > 1:
        raise DataError(f"{study}: a study of that id is at {', '.join(answers.site[places].tolist())}; add --site")
    here = int(places[0])
    values = kept.of(answers.site, answers.study)
    distances = code_distances(values, here) if kept.codes else cosine_distances(values, here)
    others = np.flatnonzero(answers.patient_key != answers.patient_key[here])
    order = others[np.argsort(distances[others], kind="stable")]
    if per_site:
        sites = dict.fromkeys(answers.site.tolist())
        chosen = [row for name in sites for row in order[answers.site[order] == name][:count]]
    else:
        chosen = order[:count].tolist()
    by = f"bits of {values.shape[1]}" if kept.codes else "cosine distance"
    return Similar(_row(answers, here, 0.0), tuple(_row(answers, int(k), float(distances[k])) for k in chosen), by)


def code_distances(codes: NDArray[np.float32], query: int) -> NDArray[np.float64]:
    """How many bits of each code differ from the query's, (n,)."""
    signs = codes >= 0
    differing: NDArray[np.float64] = (signs != signs[query]).sum(axis=1).astype(np.float64)
    return differing


def cosine_distances(values: NDArray[np.float32], query: int) -> NDArray[np.float64]:
    """One less the cosine of standardised rows with the query's, (n,), in [0, 2]."""
    mean, scale = location_and_scale(values)
    rows = (values.astype(np.float64) - mean) / scale
    lengths = np.linalg.norm(rows, axis=1)
    rows = rows / np.where(lengths > 0, lengths, 1.0)[:, None]
    distances: NDArray[np.float64] = np.clip(1.0 - rows @ rows[query], 0.0, 2.0)
    return distances


def _row(answers: Predictions, row: int, distance: float) -> Neighbour:
    label = ""
    if answers.kind in ("binary", "multiclass") and answers.labels[row, 0] != UNKNOWN:
        label = answers.classes[int(answers.labels[row, 0])]
    return Neighbour(str(answers.study[row]), str(answers.site[row]), str(answers.scanner[row]), str(answers.role[row]),
                     label, distance)
