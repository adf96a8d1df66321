"""ComBat against a literal transcription of Johnson et al. 2007, feature by feature, and against what it is for."""
from __future__ import annotations

import math

import numpy as np
import pytest

from medtl.functional.combat import combat, fit_pooled, site_effect


def transcription(sites: list[np.ndarray]) -> list[np.ndarray]:
    """Sections 3.1 and 3.2 with loops: standardise, priors by moments, iterate (3.1), adjust. Rows x features each."""
    G, N = sites[0].shape[1], sum(len(y) for y in sites)
    alpha, sigma = [], []
    for g in range(G):
        values = [v for y in sites for v in y[:, g]]
        a = sum(values) / N
        residual = 0.0
        for y in sites:
            own = sum(y[:, g]) / len(y)
            residual += sum((v - own) ** 2 for v in y[:, g])
        alpha.append(a)
        sigma.append(math.sqrt(residual / N))
    out = []
    for y in sites:
        n = len(y)
        z = [[(y[j, g] - alpha[g]) / sigma[g] for g in range(G)] for j in range(n)]
        gamma_hat = [sum(z[j][g] for j in range(n)) / n for g in range(G)]
        delta_hat = [sum((z[j][g] - gamma_hat[g]) ** 2 for j in range(n)) / (n - 1) for g in range(G)]
        gamma_bar = sum(gamma_hat) / G
        tau2 = sum((x - gamma_bar) ** 2 for x in gamma_hat) / (G - 1)
        V = sum(delta_hat) / G
        S2 = sum((x - V) ** 2 for x in delta_hat) / (G - 1)
        lam, theta = (V * V + 2 * S2) / S2, (V**3 + V * S2) / S2
        adjusted = np.zeros_like(y)
        for g in range(G):
            gamma, delta = gamma_hat[g], delta_hat[g]
            for _ in range(2000):
                gamma_new = (n * tau2 * gamma_hat[g] + delta * gamma_bar) / (n * tau2 + delta)
                delta = (theta + 0.5 * sum((z[j][g] - gamma_new) ** 2 for j in range(n))) / (n / 2 + lam - 1)
                if abs(gamma_new - gamma) < 1e-14:
                    break
                gamma = gamma_new
            for j in range(n):
                adjusted[j, g] = sigma[g] / math.sqrt(delta) * (z[j][g] - gamma_new) + alpha[g]
        out.append(adjusted)
    return out


def sites(seed: int, d: int = 12) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 2, d)
    made = []
    for n in (15, 40, 24):
        shift, scale = rng.normal(0.5, 0.7, d), np.exp(rng.normal(0.2, 0.3, d))
        made.append(level + shift + scale * rng.normal(0, 1.5, (n, d)))
    return made


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_a_literal_transcription(seed: int) -> None:
    given = sites(seed)
    expected = transcription(given)
    pooled, effects = combat({str(i): y for i, y in enumerate(given)})
    for i, y in enumerate(given):
        factor, offset = effects[str(i)].affine(pooled)
        np.testing.assert_allclose(y * factor + offset, expected[i], rtol=2e-4, atol=2e-4)


def test_a_new_site_is_harmonised_from_its_own_rows_alone() -> None:
    given = sites(1)
    pooled, effects = combat({"a": given[0], "b": given[1]})
    again, more = combat({"a": given[0], "b": given[1]}, {"new": given[2]})
    np.testing.assert_array_equal(pooled.mean, again.mean)
    np.testing.assert_array_equal(effects["a"].shift, more["a"].shift)
    factor, offset = more["new"].affine(again)
    before = np.abs(given[2].mean(0) - pooled.mean) / pooled.spread
    after = np.abs((given[2] * factor + offset).mean(0) - pooled.mean) / pooled.spread
    assert after.max() < 0.25 < before.max()


def test_shrinkage_is_nearer_to_the_truth_than_moments() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(40):
        d, n = 60, 6
        train = {"a": rng.normal(0, 1, (200, d)), "b": rng.normal(0, 1, (200, d))}
        shift, scale = rng.normal(0.4, 0.2, d), np.sqrt(1 / rng.gamma(20, 1 / 20, d))
        new = shift + scale * rng.normal(0, 1, (n, d))
        pooled = fit_pooled(train)
        pair = [site_effect(new, pooled, shrink=shrink) for shrink in (True, False)]
        errors.append([[np.mean((e.shift - shift) ** 2), np.mean((e.scale - scale) ** 2)] for e in pair])
    shrunk, moments = np.mean(errors, axis=0)
    assert (shrunk < 0.6 * moments).all()


def test_features_without_spread_stay_finite_and_one_site_is_left_alone() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(3, 2, (30, 5))
    rows[:, 2] = 7.0
    pooled, effects = combat({"only": rows})
    factor, offset = effects["only"].affine(pooled)
    assert np.isfinite(factor).all()
    np.testing.assert_allclose(rows * factor + offset, rows, atol=0.2)
    np.testing.assert_allclose((rows * factor + offset)[:, 2], 7.0)


def test_single_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows"):
        combat({"a": np.ones((1, 3))})
    with pytest.raises(ValueError, match="two rows"):
        site_effect(np.ones((1, 3)), fit_pooled({"a": np.eye(3)}))
