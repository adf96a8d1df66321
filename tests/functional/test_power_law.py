"""Inverse power laws: exact curves are found again, and constraints hold."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from medtl.functional.power_law import EXPONENTS, fit_power_law

N = np.array([4.0, 8.0, 16.0, 32.0, 64.0])


def test_an_exact_curve_is_found_again() -> None:
    c = float(EXPONENTS[25])
    fitted = fit_power_law(N, 0.91 - 0.5 * N**-c)
    assert fitted.ceiling[0] == pytest.approx(0.91, abs=1e-9)
    assert fitted.gain[0] == pytest.approx(0.5, abs=1e-9)
    assert fitted.decay[0] == pytest.approx(c)
    assert fitted.at(N)[0] == pytest.approx(0.91 - 0.5 * N**-c)
    assert fitted.needed(0.85)[0] == pytest.approx((0.5 / 0.06) ** (1 / c), rel=1e-6)
    assert np.isinf(fitted.needed(0.92)[0])


def test_no_other_curve_within_the_bounds_fits_better() -> None:
    rng = np.random.default_rng(0)
    curves = 0.8 - 0.6 * N ** -0.6 + 0.04 * rng.normal(size=(12, 5))
    fitted = fit_power_law(N, curves)
    ours = np.square(fitted.at(N) - curves).sum(axis=1)
    for curve, error in zip(curves, ours, strict=True):
        def loss(p: np.ndarray, curve: np.ndarray = curve) -> float:
            return float(np.square(p[0] - p[1] * N ** -p[2] - curve).sum())

        starts = [minimize(loss, [0.8, 0.5, c], bounds=[(0, 1), (0, None), (0.1, 2.0)]).fun for c in (0.2, 0.6, 1.5)]
        assert error <= min(starts) * 1.02 + 1e-6


def test_bounds_hold_and_many_curves_are_fitted_as_one_each() -> None:
    rng = np.random.default_rng(1)
    curves = np.concatenate([rng.uniform(0.3, 1.0, size=(40, 5)), [[0.9, 0.8, 0.7, 0.6, 0.5]],
                             [[0.5, 0.6, 0.72, 0.86, 1.0]]])
    fitted = fit_power_law(N, curves)
    assert (fitted.gain >= 0).all()
    assert ((fitted.ceiling >= 0) & (fitted.ceiling <= 1)).all()
    alone = fit_power_law(N, curves[7])
    assert alone.ceiling[0] == pytest.approx(fitted.ceiling[7])
    falling = 40
    assert fitted.gain[falling] == 0.0
    assert np.isinf(fitted.needed(0.95)[falling])
    assert fitted.needed(0.5)[falling] == 0.0
    with pytest.raises(ValueError, match="3 numbers"):
        fit_power_law([4, 8], [0.5, 0.6])
