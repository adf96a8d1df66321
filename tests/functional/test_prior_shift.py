"""Prevalence from answers: right where only the mixture of classes changes, refused where a scanner moves scores."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import ks_2samp

from medtl.functional.prior_shift import bbse, em_prior, mixture_fit, mixture_gap, saerens_em


def answers(n: int, prevalence: float, seed: int, moved: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Exact posteriors of two unit Gaussians 2 apart, trained under a prevalence of .3, and the classes."""
    draw = np.random.default_rng(seed)
    labels = (draw.random(n) < prevalence).astype(np.int64)
    x = draw.normal(2.0 * labels + moved, 1.0)
    odds = 0.3 / 0.7 * np.exp(2.0 * x - 2.0)
    positive = odds / (1 + odds)
    return np.stack([1 - positive, positive], axis=1), labels


def test_em_is_the_most_likely_mixture() -> None:
    scores, _ = answers(400, 0.6, 0)
    prior = np.array([0.7, 0.3])

    def negative_log_likelihood(q: float) -> float:
        return -float(np.log(scores @ (np.array([1 - q, q]) / prior)).sum())

    best = minimize_scalar(negative_log_likelihood, bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-9})
    assert saerens_em(scores, prior)[1] == pytest.approx(best.x, abs=1e-4)
    split = np.stack([scores[:, 0] * 0.4, scores[:, 0] * 0.6, scores[:, 1]], axis=1)  # by the rounds of EM
    assert saerens_em(split, np.array([0.28, 0.42, 0.3]))[2] == pytest.approx(best.x, abs=1e-4)


def test_a_class_that_nothing_speaks_for_has_no_share() -> None:
    prior = np.array([0.5, 0.5])
    assert saerens_em(np.tile([0.9, 0.1], (20, 1)), prior) == pytest.approx([1.0, 0.0])
    assert saerens_em(np.tile([0.1, 0.9], (20, 1)), prior) == pytest.approx([0.0, 1.0])


def test_the_interval_covers_the_prevalence_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(40):
        scores, _ = answers(150, 0.55, seed)
        found = em_prior(scores, np.array([0.7, 0.3]), np.arange(150).astype(str), draws=80, seed=seed)
        inside += found.low[1] <= 0.55 <= found.high[1]
    assert inside >= 33  # 38 expected; fewer has probability below 0.01


def test_bbse_solves_the_confusions() -> None:
    confusion = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.2], [0.1, 0.1, 0.7]])
    labels = np.repeat([0, 1, 2], 100)
    calls = np.concatenate([np.repeat([0, 1, 2], (100 * confusion[:, c]).round().astype(int)) for c in range(3)])
    wanted = np.array([0.2, 0.3, 0.5])
    target = np.repeat([0, 1, 2], (1000 * confusion @ wanted).round().astype(int))
    assert bbse(calls, labels, target, 3) == pytest.approx(wanted, abs=1e-9)
    assert bbse(calls[:200], labels[:200], target, 3) is None
    assert bbse(np.zeros(300, np.int64), labels, target, 3) is None


def test_the_gap_is_that_of_kolmogorov_and_smirnov() -> None:
    draw = np.random.default_rng(1)
    source, target = draw.random((80, 1)), draw.random((50, 1)) ** 2
    gap = mixture_gap(target, source, np.zeros(80, np.int64), np.array([1.0]))
    assert gap == pytest.approx(ks_2samp(source[:, 0], target[:, 0]).statistic)


def test_a_moved_score_is_no_prevalence() -> None:
    prior = np.array([0.7, 0.3])
    honest, shifted = [], []
    for seed in range(6):
        source, labels = answers(1500, 0.3, seed)
        honest.append(mixture_fit(answers(1500, 0.6, 100 + seed)[0], source, labels, prior, draws=40, seed=seed))
        shifted.append(mixture_fit(answers(1500, 0.3, 200 + seed, moved=1.0)[0], source, labels, prior, draws=40))
    assert np.mean(np.array(honest) < 0.05) <= 0.34
    assert np.mean(np.array(shifted) < 0.05) >= 0.66
    wrong = saerens_em(answers(4000, 0.3, 7, moved=1.0)[0], prior)[1]
    assert wrong > 0.45  # what would have been believed
