"""Net benefit against its definition, and what calling everyone is worth."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.functional.decision_curve import net_benefit
from medtl.functional.resampling import BinarySample


def test_is_its_definition_also_under_weights() -> None:
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(40), 2)
    y, p = rng.random(80) < 0.3, rng.random(80)
    sample = BinarySample.of(y, p, cluster=cluster)
    counts = rng.multinomial(40, np.full(40, 1 / 40), 5)
    found = net_benefit(sample, [0.1, 0.4, 0.75], counts)
    for r, row in enumerate(counts):
        rows = np.repeat(np.arange(80), row[cluster])
        for j, t in enumerate((0.1, 0.4, 0.75)):
            called = p[rows] >= t
            expected = (called & y[rows]).mean() - (called & ~y[rows]).mean() * t / (1 - t)
            assert found.model[r, j] == pytest.approx(expected, abs=1e-12)
            everyone = y[rows].mean() - (1 - y[rows].mean()) * t / (1 - t)
            assert found.everyone[r, j] == pytest.approx(everyone, abs=1e-12)


def test_a_calibrated_model_is_worth_no_less_than_everyone_or_nobody() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(40_000)
    found = net_benefit(BinarySample.of(rng.random(40_000) < p, p))
    assert (found.model[0] >= np.maximum(found.everyone[0], 0) - 0.005).all()
