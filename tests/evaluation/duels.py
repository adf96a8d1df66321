"""Two models at a simulated target hospital whose true AUROCs are known, as the predictions of a run."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from medtl.predictions import Predictions


@dataclass(frozen=True)
class Hospital:
    """Binormal answers to patients with one to four studies: what patient, study and model add has these variances.

    Args:
        patients: of the target's test split.
        adapted: how far the adapted model sets positives apart, in standard deviations.
        baseline: how far the baseline does.
        prevalence: share of patients whose studies are positive.
        own: share of the variance that is the model's own; the rest is common to both models, half of it the patient's.
    """

    patients: int
    adapted: float
    baseline: float
    prevalence: float = 0.4
    own: float = 0.4

    @property
    def gap(self) -> float:
        """True AUROC of the adapted model minus the baseline's."""
        return float(norm.cdf(self.adapted / math.sqrt(2)) - norm.cdf(self.baseline / math.sqrt(2)))

    def draw(self, rng: np.random.Generator, site: str = "south") -> Predictions:
        """Rows of both models for one target site."""
        cluster = np.repeat(np.arange(self.patients), rng.integers(1, 5, self.patients))
        n = len(cluster)
        positive = (np.arange(self.patients) < round(self.prevalence * self.patients))[cluster]
        common = math.sqrt((1 - self.own) / 2)
        shared = common * (rng.normal(size=self.patients)[cluster] + rng.normal(size=n))
        shifts = np.array([self.adapted, self.baseline])
        z = shifts[:, None] * (positive - 0.5) + shared + math.sqrt(self.own) * rng.normal(size=(2, n))
        scores = norm.cdf(z).ravel()

        def both(values: list[str]) -> np.ndarray:
            return np.array(values * 2, dtype=np.str_)

        return Predictions(
            study=both([f"s{i}" for i in range(n)]), patient=both([f"p{i}" for i in cluster.tolist()]),
            site=both([site] * n), scanner=both([""] * n), role=both(["target"] * n), split=both(["test"] * n),
            model=np.repeat(np.array(["adapted", "baseline"]), n), kind="binary", classes=("no", "yes"),
            labels=np.tile(positive.astype(np.int64), 2)[:, None], scores=np.stack([1 - scores, scores], axis=1),
        )
