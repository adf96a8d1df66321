"""Runs scored on the same draws of patients, whatever seed split them and whichever site they were trained on."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from medtl.data.seeds import names_in_seeds
from medtl.evaluation.questions import Thresholds, group_of
from medtl.evaluation.scoring import load_metrics, score
from medtl.functional.measure import FloatArray, NotEstimable
from medtl.predictions import Predictions, by_study

NO_THRESHOLD = Thresholds("none", {})


@dataclass(frozen=True, eq=False)
class PairedRun:
    """One run of a matrix.

    Args:
        sources: sites that it learned from, in the order of the matrix.
        target: the site that it was carried to.
        method: as the matrix calls it.
        seed: of split, start and order.
        predictions: of its one model; None where the run failed.
        reason: why it failed, else empty.
    """

    sources: tuple[str, ...]
    target: str
    method: str
    seed: int
    predictions: Predictions | None
    reason: str = ""

    @property
    def row(self) -> tuple[str, ...]:
        """Where it stands in the matrix."""
        return self.sources


@dataclass(frozen=True, eq=False)
class Scored:
    """A figure of one run at one site, under draws of that site's patients that all runs share.

    Args:
        value: the figure, or why there is none.
        draws: its bootstrap values, (replicates,).
        studies: labelled test studies.
        patients: their keys.
        rarer: patients of the rarer class.
        unnamed: whether some patients are unknown.
    """

    value: float | NotEstimable
    draws: FloatArray
    studies: int
    patients: frozenset[str]
    rarer: int
    unnamed: bool


class Scorer:
    """Scores runs at sites; a patient has one place in the draws of its site, in whichever split a seed puts it.

    Args:
        runs: all runs of the matrix.
        metric: registry name.
        bootstrap: number of draws.
        seed: of the draws, at least 0.
    """

    def __init__(self, runs: Sequence[PairedRun], *, metric: str, bootstrap: int, seed: int) -> None:
        self._metric = load_metrics([metric])
        self._bootstrap, self._seed = bootstrap, seed
        self._tables = {id(run): by_study(run.predictions) for run in runs if run.predictions is not None}
        self._places: dict[str, dict[str, int]] = {}
        sites: list[str] = []
        for table in self._tables.values():
            test = table.where(table.split == "test")
            sites += test.site.tolist()
            for site, key in zip(test.site.tolist(), test.patient_key.tolist(), strict=True):
                places = self._places.setdefault(site, {})
                places.setdefault(key, len(places))
        self._drawn_as = names_in_seeds(sites)

    def at(self, run: PairedRun, site: str) -> Scored:
        """One run's figure on its test studies of a site.

        Args:
            run: with predictions.
            site: the target, or one of the sources.

        Returns:
            The figure with its draws.
        """
        table = self._tables[id(run)]
        rows = table.where((table.split == "test") & (table.site == site))
        group = group_of(rows, NO_THRESHOLD)
        places = self._places.get(site, {})
        order = dict.fromkeys(key for key, _ in group.keys)
        moved = np.array([places[key] for key in order], dtype=np.int64)
        samples = tuple(
            replace(sample, cluster=moved[sample.cluster] if len(sample.cluster) else sample.cluster,
                    clusters=len(places))
            for sample in group.samples
        )
        strata = ((self._drawn_as.get(site, site), len(places)),)
        scores = score(replace(group, samples=samples, strata=strata), self._metric, seed=self._seed,
                       replicates=self._bootstrap if places else 0, level=0.95, where=site)
        mean = scores.mean(0)
        value = NotEstimable(mean.reason) if mean.value is None else mean.value
        return Scored(value, scores.mean_draws(0), group.studies, frozenset(order), scores.rarer(0), group.unnamed)
