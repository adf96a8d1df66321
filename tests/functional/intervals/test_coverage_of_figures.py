"""Does the shipped interval of each figure hold the truth 95 times in 100? Patients with up to four studies each."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from medtl.functional.intervals.effective import effective_trials, share_interval
from medtl.functional.intervals.interval import Interval
from medtl.functional.measure import NotEstimable
from tests.functional.intervals.hospitals import NAMES, Ward, coverage

CHANCE = 1.96 * (0.93 * 0.07 / 1000) ** 0.5
"""How far below .93 a coverage of .93 can look in 1,000 simulations."""


def test_a_hundred_patients_quickly() -> None:
    found = coverage(Ward(100), 60, 150)
    for name in ("reference_average_precision", "specificity_at_sensitivity"):
        assert found[name].given < 0.1  # too few positive patients to say
    for name in set(NAMES) - {"reference_average_precision", "specificity_at_sensitivity"}:
        assert found[name].given == 1.0
        assert found[name].covered >= 0.85, name


@pytest.mark.slow
@pytest.mark.parametrize("ward", [Ward(50), Ward(100), Ward(100, 2.0), Ward(200), Ward(400)], ids=str)
def test_every_figure_over_a_thousand_hospitals(ward: Ward) -> None:
    found = coverage(ward, 1000, 300)
    for name, one in found.items():
        print(f"{ward}: {name}: covered {one.covered:.3f}, given {one.given:.3f}")
    for name, one in found.items():
        if one.given < 0.2:
            continue
        assert one.covered >= (0.93 if name == "auroc" and ward.patients >= 100 else 0.93 - CHANCE), name
        if name in ("sensitivity", "specificity"):
            assert one.covered >= 0.95 - CHANCE, name


def clustered_share(rng: np.random.Generator, patients: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    studies = rng.integers(1, 5, patients)
    own = rng.beta(share * 3, (1 - share) * 3, patients)  # the patients differ
    return rng.binomial(studies, own), studies


@pytest.mark.parametrize(("patients", "share"), [
    (30, 0.9), pytest.param(30, 0.6, marks=pytest.mark.slow), pytest.param(100, 0.9, marks=pytest.mark.slow),
    pytest.param(100, 0.97, marks=pytest.mark.slow),
])
def test_shares_of_clustered_studies_exact_and_wilson(patients: int, share: float) -> None:
    rng, held = np.random.default_rng(5), {"exact": 0, "wilson": 0}
    for _ in range(1000):
        hits, studies = clustered_share(rng, patients, share)
        for form in ("exact", "wilson"):
            interval = share_interval(hits, studies, form=form)  # type: ignore[arg-type]
            assert isinstance(interval, Interval)
            held[form] += interval.low <= share <= interval.high
    print(patients, share, {form: count / 1000 for form, count in held.items()})
    assert held["exact"] / 1000 >= 0.95 - 0.014
    assert held["wilson"] / 1000 >= 0.93 - 0.016


def test_studies_that_repeat_their_patient_are_worth_one() -> None:
    hits = np.r_[np.full(40, 3), np.zeros(20)]
    assert effective_trials(hits, np.full(60, 3)) == pytest.approx(59 * (t.ppf(0.975, 179) / t.ppf(0.975, 59)) ** 2)
    assert effective_trials(np.r_[np.ones(40), np.zeros(20)], np.ones(60)) == 60
    assert effective_trials(np.full(30, 4), np.full(30, 4)) == 30
    assert isinstance(share_interval([], []), NotEstimable)
