"""Scores against brute force and closed forms, and noise against signal where there are more features than studies."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf

from medtl.functional.transferability.label_transfer import leep, nce
from medtl.functional.transferability.logme import logme, logme_regression
from medtl.functional.transferability.null import less_null
from medtl.functional.transferability.proxy_distance import proxy_a_distance
from medtl.functional.transferability.spread import h_score, transrate


def brute_force(features: Any, y: Any) -> float:
    """The largest log density of y under N(0, I / β + F F' / α), per row, by search from several starts."""
    gram, identity = features @ features.T, np.eye(len(y))

    def loss(at: Any) -> float:
        covariance = math.exp(at[0]) * identity + math.exp(at[1]) * gram / features.shape[1]
        return -float(multivariate_normal(np.zeros(len(y)), covariance, allow_singular=True).logpdf(y))

    starts = [(-1.0, -1.0), (-2.0, 0.0), (0.0, -4.0)]
    return -min(minimize(loss, s, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8}).fun
                for s in starts) / len(y)


@pytest.mark.parametrize(("rows", "width"), [(40, 6), (30, 90), (25, 25)])
def test_logme_is_the_largest_evidence(rows: int, width: int) -> None:
    draw = np.random.default_rng(rows)
    features = draw.normal(size=(rows, width))
    y = features[:, 0] * 0.7 + draw.normal(scale=0.6, size=rows)
    assert logme_regression(features, y) == pytest.approx(brute_force(features, y), abs=2e-5)
    labels = (y > 0).astype(int)
    by_class = [brute_force(features, (labels == c).astype(float)) for c in (0, 1)]
    assert logme(features, labels) == pytest.approx(np.mean(by_class), abs=2e-5)


def test_noise_has_the_evidence_of_no_model_and_ranks_below_a_signal_in_every_draw() -> None:
    gaps = []
    for seed in range(100):
        draw = np.random.default_rng(seed)
        labels = np.arange(60) % 2
        noise = draw.normal(size=(60, 400))
        signal = draw.normal(size=(60, 400))
        signal[:, 0] += 3.0 * labels
        gaps.append(logme(signal, labels) - logme(noise, labels))
        assert -1.1 < logme(noise, labels) < -0.6
    assert min(gaps) > 0


def test_logme_does_not_change_under_rotations_and_scales_and_is_finite_on_hard_features() -> None:
    draw = np.random.default_rng(0)
    features, labels = draw.normal(size=(30, 5)), np.arange(30) % 3
    rotation = np.linalg.qr(draw.normal(size=(5, 5)))[0]
    assert logme(7.0 * features @ rotation, labels) == pytest.approx(logme(features, labels), abs=1e-8)
    for hard in (np.zeros((30, 4)), np.ones((30, 4)), np.eye(3)[labels], np.repeat(features, 3, axis=1)):
        assert np.isfinite(logme(hard, labels))
    with pytest.raises(ValueError, match="one class"):
        logme(features, np.zeros(30, dtype=int))


def test_leep_and_nce_have_their_closed_forms() -> None:
    z, y = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0])
    one_hot = np.eye(5)[z]  # classes 3 and 4 are empty
    entropy = 3 / 6 * -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert nce(z, y) == pytest.approx(-entropy)
    expected = np.mean([math.log(2 / 3)] * 2 + [math.log(1 / 3)] + [0.0] * 3)
    assert leep(one_hot, y) == pytest.approx(expected)
    assert nce(y, y) == 0
    scores = np.random.default_rng(0).dirichlet(np.ones(4), size=20)
    labels = np.arange(20) % 2
    joint = np.stack([scores[labels == k].sum(0) for k in (0, 1)]) / 20
    by_hand = np.mean([math.log(sum(joint[labels[i], k] / joint[:, k].sum() * scores[i, k] for k in range(4)))
                       for i in range(20)])
    assert leep(scores, labels) == pytest.approx(by_hand)
    assert leep(scores, labels) <= 0


@pytest.mark.parametrize("kind", ["nce", "leep"])
def test_a_thousand_classes_of_noise_rank_below_a_good_two_class_source(kind: str) -> None:
    for seed in range(100):
        draw = np.random.default_rng(seed)
        labels = np.arange(60) % 2
        noise = draw.integers(0, 1000, 60)
        good = np.where(draw.random(60) < 0.85, labels, 1 - labels)

        def score(z: Any, classes: int, kind: str = kind) -> Any:
            if kind == "nce":
                return lambda y: nce(z, y)
            return lambda y: leep(0.99 * np.eye(classes)[z] + 0.01 / classes, y)

        assert score(noise, 1000)(labels) > score(good, 2)(labels)  # as they are, noise would win
        of_noise, of_good = (less_null(score(*which), labels, draws=20) for which in ((noise, 1000), (good, 2)))
        assert of_good.gain > of_noise.gain
        assert of_good.p_value <= 0.05


def test_the_null_of_labels_that_say_nothing_is_the_score_itself() -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(60, 8))
    gains = [less_null(lambda y: h_score(features, y), draw.permutation(np.arange(60) % 2), draws=20, seed=s).gain
             for s in range(20)]
    assert abs(np.mean(gains)) < 3 * np.std(gains) / math.sqrt(20)


def test_the_h_score_less_its_null_finds_a_signal_among_more_features_than_studies() -> None:
    for seed in range(10):
        draw = np.random.default_rng(seed)
        labels = np.arange(60) % 2
        noise, signal = draw.normal(size=(60, 150)), draw.normal(size=(60, 150))
        signal[:, :10] += 3.0 * labels[:, None]
        gains = [less_null(lambda y, x=x: h_score(x, y), labels, draws=20) for x in (noise, signal)]
        assert gains[1].standardised > gains[0].standardised
        assert gains[1].p_value < 0.05


@pytest.mark.parametrize(("rows", "width"), [(50, 4), (20, 60)])
def test_the_h_score_is_shrunk_always(rows: int, width: int) -> None:
    draw = np.random.default_rng(1)
    labels = np.arange(rows) % 3
    x = draw.normal(size=(rows, width)) * 2 + labels[:, None]
    x -= x.mean(axis=0)
    covariance, shrinkage = ledoit_wolf(x, assume_centered=True)
    assert shrinkage > 0
    means = np.stack([x[labels == c].mean(axis=0) for c in labels])
    assert h_score(x + 5, labels) == pytest.approx(float(np.trace(np.linalg.solve(covariance, means.T @ means / rows))))


def test_transrate_is_a_difference_of_log_determinants_that_signal_raises() -> None:
    draw = np.random.default_rng(2)
    labels = np.arange(40) % 2
    x = draw.normal(size=(40, 6))
    z = (x - x.mean(0)) / np.sqrt(((x - x.mean(0)) ** 2).mean())

    def rate(rows: Any) -> float:
        return 0.5 * float(np.linalg.slogdet(np.eye(6) + rows.T @ rows / (len(rows) * 0.01))[1])

    own = [z[labels == k] - z[labels == k].mean(0) for k in (0, 1)]
    expected = rate(z) - 0.5 * (rate(own[0]) + rate(own[1]))
    assert transrate(x, labels) == pytest.approx(expected)
    told = x + 3.0 * labels[:, None]
    assert all(transrate(told, labels) > transrate(told, draw.permutation(labels)) for _ in range(20))
    assert transrate(np.ones((40, 3)), labels) == 0


def patients(count: int, each: int) -> list[str]:
    return [f"p{k // each}" for k in range(count)]


def test_proxy_distance_of_equal_sites_is_near_zero_and_of_distant_ones_two() -> None:
    draw = np.random.default_rng(3)
    same = proxy_a_distance(draw.normal(size=(80, 300)), draw.normal(size=(60, 300)), patients(80, 1), patients(60, 1))
    assert same.value < 0.5
    assert same.low == 0
    far = proxy_a_distance(draw.normal(size=(40, 5)), draw.normal(size=(60, 5)) + 9, patients(40, 1), patients(60, 1))
    assert (far.value, far.low, far.high, far.error) == (2.0, 2.0, 2.0, 0.0)


def test_proxy_distance_is_held_out_by_patient_and_balanced() -> None:
    draw = np.random.default_rng(4)
    one, other = draw.normal(size=(30, 50)), draw.normal(size=(30, 50))
    scans = [np.repeat(rows, 4, axis=0) + draw.normal(scale=0.01, size=(120, 50)) for rows in (one, other)]
    grouped = proxy_a_distance(*scans, patients(120, 4), patients(120, 4))
    leaking = proxy_a_distance(*scans, patients(120, 1), patients(120, 1))
    assert grouped.value < 0.8 < 1.4 < leaking.value
    assert grouped.low <= grouped.value <= grouped.high
    rare = proxy_a_distance(draw.normal(size=(200, 3)), draw.normal(size=(10, 3)), patients(200, 1), patients(10, 1))
    assert rare.error > 0.25  # calling all of them the larger site would be wrong for 5 % of studies, not of sites
    with pytest.raises(ValueError, match="two patients"):
        proxy_a_distance(one, other, ["p"] * 30, patients(30, 1))
