"""Do nominal 95 % intervals hold the truth 95 times in 100? Simulated hospitals, patients with several studies."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import norm

from medtl.functional.intervals.bootstrap import bootstrap
from medtl.functional.intervals.clustered import logit_t, paired_difference
from medtl.functional.intervals.interval import Interval
from medtl.functional.macro import value_of
from medtl.functional.metrics.auroc import METRIC as AUROC
from medtl.functional.resampling import BinarySample


@dataclass(frozen=True)
class Hospital:
    """Binormal scores: the positive patients are shifted, half of the variance is the patient's own."""

    patients: int
    shift: float
    prevalence: float = 0.3
    studies: int = 4

    def draw(self, rng: np.random.Generator, noise: float = 0.0) -> tuple[BinarySample, BinarySample]:
        """Two models' answers on the same studies; the second adds noise of its own."""
        counts = rng.integers(1, self.studies + 1, self.patients)
        cluster = np.repeat(np.arange(self.patients), counts)
        sick = np.zeros(self.patients, dtype=bool)
        sick[: round(self.prevalence * self.patients)] = True
        positive = sick[cluster]
        own = rng.normal(size=self.patients)[cluster] * math.sqrt(0.5)
        scores = self.shift * positive + own + rng.normal(size=len(cluster)) * math.sqrt(0.5)
        other = self.shift * positive + own + rng.normal(size=len(cluster)) * math.sqrt(0.5 + noise)
        return tuple(  # type: ignore[return-value]
            BinarySample.of(positive, s, cluster=cluster, clusters=self.patients) for s in (scores, other)
        )

    @property
    def auroc(self) -> float:
        """Closed form."""
        return float(norm.cdf(self.shift / math.sqrt(2)))


def coverage(hospital: Hospital, simulations: int, replicates: int) -> float:
    rng = np.random.default_rng(11)
    hits = 0
    for seed in range(simulations):
        sample, _ = hospital.draw(rng)
        value = value_of(AUROC, sample)
        strata = [("a", hospital.patients)]
        draws = bootstrap([sample], [AUROC], seed=seed, strata=strata, replicates=replicates)[0, 0]
        sick = round(hospital.prevalence * hospital.patients)
        assert isinstance(value, float)
        interval = logit_t(value, draws, min(sick, hospital.patients - sick))
        assert isinstance(interval, Interval)
        hits += interval.low <= hospital.auroc <= interval.high
    return hits / simulations


def test_auroc_of_a_hundred_patients_is_covered() -> None:
    assert coverage(Hospital(100, 1.2), 300, 300) >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize("hospital", [
    Hospital(100, 0.7), Hospital(100, 1.2), Hospital(100, 2.0), Hospital(100, 3.0), Hospital(100, 1.2, 0.1),
    Hospital(50, 1.2), Hospital(50, 2.0), Hospital(400, 1.2),
], ids=str)
def test_auroc_is_covered_over_many_hospitals(hospital: Hospital) -> None:
    found = coverage(hospital, 1000, 400)
    print(f"{hospital}: {found:.3f}")
    assert found >= 0.93


def test_two_models_that_are_equally_good_seldom_look_different() -> None:
    """A planted null: both models add noise of one size, so every named gain is a false one."""
    hospital, rng, gains = Hospital(60, 1.2), np.random.default_rng(4), 0
    for seed in range(300):
        pair = hospital.draw(rng)
        values = [value_of(AUROC, sample) for sample in pair]
        draws = bootstrap(pair, [AUROC], seed=seed, strata=[("a", 60)], replicates=300)[:, 0]
        interval = paired_difference(values[0] - values[1], draws[0] - draws[1], 18)  # type: ignore[operator]
        assert isinstance(interval, Interval)
        gains += interval.low > 0
    assert gains / 300 <= 0.05
