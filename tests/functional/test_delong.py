"""DeLong, plain and clustered, against the formulas written out as double sums, and against what must hold."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.functional.delong import delong
from medtl.functional.measure import NotEstimable


def psi(above: float, below: float) -> float:
    return 1.0 if above > below else 0.5 if above == below else 0.0


def literal_delong(y: list[int], scores: list[list[float]]) -> tuple[list[float], list[list[float]]]:
    """DeLong, DeLong & Clarke-Pearson 1988, sum by sum."""
    up = [i for i, label in enumerate(y) if label == 1]
    down = [i for i, label in enumerate(y) if label == 0]
    m, n, k = len(up), len(down), len(scores)
    theta = [sum(psi(s[i], s[j]) for i in up for j in down) / (m * n) for s in scores]
    v10 = [[sum(psi(s[i], s[j]) for j in down) / n for i in up] for s in scores]
    v01 = [[sum(psi(s[i], s[j]) for i in up) / m for j in down] for s in scores]
    out = [[0.0] * k for _ in range(k)]
    for r in range(k):
        for t in range(k):
            s10 = sum((a - theta[r]) * (b - theta[t]) for a, b in zip(v10[r], v10[t], strict=True)) / (m - 1)
            s01 = sum((a - theta[r]) * (b - theta[t]) for a, b in zip(v01[r], v01[t], strict=True)) / (n - 1)
            out[r][t] = s10 / m + s01 / n
    return theta, out


def literal_obuchowski(y: list[int], scores: list[list[float]], who: list[int]) -> list[list[float]]:
    """Obuchowski 1997, patient by patient and pair by pair."""
    patients, k = sorted(set(who)), len(scores)
    ups = {p: [i for i, label in enumerate(y) if label == 1 and who[i] == p] for p in patients}
    downs = {p: [i for i, label in enumerate(y) if label == 0 and who[i] == p] for p in patients}
    all_up, all_down = ([i for p in patients for i in rows[p]] for rows in (ups, downs))
    m, n = len(all_up), len(all_down)
    i10, i01, i = sum(bool(v) for v in ups.values()), sum(bool(v) for v in downs.values()), len(patients)
    theta = [sum(psi(s[a], s[b]) for a in all_up for b in all_down) / (m * n) for s in scores]

    def ten(s: list[float], p: int) -> float:
        return sum(sum(psi(s[a], s[b]) for b in all_down) / n for a in ups[p])

    def one(s: list[float], p: int) -> float:
        return sum(sum(psi(s[a], s[b]) for a in all_up) / m for b in downs[p])

    out = [[0.0] * k for _ in range(k)]
    for r in range(k):
        for t in range(k):
            tens = [[ten(scores[x], p) - len(ups[p]) * theta[x] for p in patients] for x in (r, t)]
            ones = [[one(scores[x], p) - len(downs[p]) * theta[x] for p in patients] for x in (r, t)]
            s10 = i10 / ((i10 - 1) * m) * sum(a * b for a, b in zip(*tens, strict=True))
            s01 = i01 / ((i01 - 1) * n) * sum(a * b for a, b in zip(*ones, strict=True))
            s11 = i / (i - 1) * sum(a * b for a, b in zip(tens[0], ones[1], strict=True))
            s11_turned = i / (i - 1) * sum(a * b for a, b in zip(tens[1], ones[0], strict=True))
            out[r][t] = s10 / m + s01 / n + s11 / (m * n) + s11_turned / (m * n)
    return out


def draw(seed: int, n: int, levels: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    who = rng.integers(0, n // 3, n) * 7 - 5
    y = rng.random(n) < 0.4
    scores = rng.normal(size=(3, n)) + y + 0.8 * rng.normal(size=n // 3)[(who + 5) // 7]
    return y.astype(int), scores if levels is None else np.round(scores * levels) / levels, who


@pytest.mark.parametrize("levels", [None, 2])
@pytest.mark.parametrize(("seed", "n"), [(0, 24), (1, 61), (2, 40)])
def test_plain_and_clustered_equal_the_literal_sums(seed: int, n: int, levels: int | None) -> None:
    y, scores, who = draw(seed, n, levels)
    plain, clustered = delong(y, scores), delong(y, scores, who)
    assert not isinstance(plain, NotEstimable)
    assert not isinstance(clustered, NotEstimable)
    theta, covariance = literal_delong(y.tolist(), scores.tolist())
    np.testing.assert_allclose(plain.values, theta, rtol=0, atol=1e-10)
    np.testing.assert_allclose(plain.covariance, covariance, rtol=0, atol=1e-10)
    np.testing.assert_allclose(
        clustered.covariance, literal_obuchowski(y.tolist(), scores.tolist(), who.tolist()), rtol=0, atol=1e-10
    )
    assert (plain.clustered, clustered.clustered) == (False, True)


def test_one_study_a_patient_is_the_plain_form() -> None:
    y, scores, _ = draw(3, 50, 4)
    plain, named = delong(y, scores), delong(y, scores, np.arange(50)[::-1] * 3)
    np.testing.assert_allclose(plain.covariance, named.covariance, atol=1e-15)  # type: ignore[union-attr]
    assert not named.clustered  # type: ignore[union-attr]


def test_patients_that_repeat_themselves_bring_no_news() -> None:
    """Each study thrice under its patient's name: the values and errors are those of once; plain DeLong is fooled."""
    y, scores, _ = draw(4, 60, None)
    once = delong(y, scores)
    thrice = delong(np.repeat(y, 3), np.repeat(scores, 3, axis=1), np.repeat(np.arange(60), 3))
    fooled = delong(np.repeat(y, 3), np.repeat(scores, 3, axis=1))
    assert not isinstance(once, NotEstimable)
    assert not isinstance(thrice, NotEstimable)
    assert not isinstance(fooled, NotEstimable)
    np.testing.assert_allclose(thrice.values, once.values, atol=1e-14)
    assert thrice.difference_error() == pytest.approx(once.difference_error(), rel=1e-12)
    assert fooled.difference_error() < 0.6 * once.difference_error()


def test_one_patient_of_a_class_has_no_variance() -> None:
    found = delong([1, 1, 0, 0, 0], [[0.9, 0.8, 0.1, 0.2, 0.3]], [0, 0, 1, 2, 3])
    assert isinstance(found, NotEstimable)
    assert "1 patients with a positive study" in found.reason


@pytest.mark.slow
def test_plain_delong_is_wrong_where_patients_have_four_scans_and_the_clustered_form_is_not() -> None:
    rng, truth = np.random.default_rng(0), 0.7602499389
    hits = {"plain": 0, "clustered": 0}
    for _ in range(1000):
        who = np.repeat(np.arange(100), 4)
        y = who < 40
        scores = y * 1.0 + np.sqrt(0.7) * rng.normal(size=100)[who] + np.sqrt(0.3) * rng.normal(size=400)
        for name, cluster in (("plain", None), ("clustered", who)):
            found = delong(y, scores, cluster)
            assert not isinstance(found, NotEstimable)
            reach = 1.96 * np.sqrt(found.covariance[0, 0])
            hits[name] += abs(found.values[0] - truth) <= reach
    print({name: count / 1000 for name, count in hits.items()})
    assert hits["plain"] < 800
    assert hits["clustered"] >= 930
