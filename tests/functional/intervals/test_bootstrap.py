"""Draws of patients: how often, from whom, and that nothing else decides them."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.functional.intervals import bootstrap as module
from medtl.functional.intervals.bootstrap import bootstrap, count_chunks, patient_counts, percentile
from medtl.functional.metrics.auroc import METRIC as AUROC
from medtl.functional.metrics.brier import METRIC as BRIER
from medtl.functional.resampling import BinarySample

STRATA = [("north", 30), ("south", 12)]


def sample(seed: int, patients: int = 42) -> BinarySample:
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(patients), 3)
    positive = rng.random(len(cluster)) < 0.4
    return BinarySample.of(positive, np.clip(rng.random(len(cluster)) * 0.7 + 0.2 * positive, 0, 1), cluster=cluster)


def test_every_draw_has_as_many_patients_and_multinomial_moments() -> None:
    counts = patient_counts(np.random.default_rng(0), 20, 20_000)
    assert (counts.sum(axis=1) == 20).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(20), abs=0.04)
    assert counts.var(axis=0) == pytest.approx(np.full(20, 19 / 20), abs=0.06)


def test_patients_are_drawn_within_their_site() -> None:
    counts = np.vstack(list(count_chunks(0, STRATA, 50, 100)))
    assert (counts[:, :30].sum(axis=1) == 30).all()
    assert (counts[:, 30:].sum(axis=1) == 12).all()


def test_chunks_and_other_sites_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.vstack(list(count_chunks(7, STRATA, 40, 100)))
    alone = np.vstack(list(count_chunks(7, STRATA[1:], 40, 100)))
    monkeypatch.setattr(module, "ELEMENTS", 700)
    cut = list(count_chunks(7, STRATA, 40, 100))
    assert len(cut) == 6
    np.testing.assert_array_equal(np.vstack(cut), whole)
    np.testing.assert_array_equal(alone, whole[:, 30:])
    assert not np.array_equal(np.vstack(list(count_chunks(8, STRATA, 40, 100))), whole)


def test_two_questions_meet_the_same_draws() -> None:
    one, other = sample(1), sample(2)
    together = bootstrap([one, other], [AUROC, BRIER], seed=3, strata=STRATA, replicates=30)
    apart = bootstrap([other], [BRIER], seed=3, strata=STRATA, replicates=30)
    np.testing.assert_array_equal(together[1, 1], apart[0, 0])


def test_the_spread_is_that_of_patients_not_of_rows() -> None:
    """Rows that repeat their patient thrice carry no news, so the standard error is that of one row each."""
    rng = np.random.default_rng(5)
    positive = np.arange(60) % 2 == 0
    scores = rng.random(60)
    once = BinarySample.of(positive, scores)
    thrice = BinarySample.of(np.repeat(positive, 3), np.repeat(scores, 3), cluster=np.repeat(np.arange(60), 3))
    draws = [bootstrap([s], [AUROC], seed=0, strata=[("a", 60)], replicates=200)[0, 0] for s in (once, thrice)]
    np.testing.assert_allclose(draws[0], draws[1], atol=1e-12)


def test_percentile_ends_are_quantiles_and_nan_is_refused() -> None:
    values = np.linspace(0, 1, 1001)
    found = percentile(values, 0.9)
    assert (found.low, found.high) == pytest.approx((0.05, 0.95))
    for bad in ([], [0.1, np.nan]):
        with pytest.raises(ValueError, match="finite"):
            percentile(bad)
