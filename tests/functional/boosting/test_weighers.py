"""Feature selection, resampling, bi-weighting and metric transfer: what each must hold on toys with a known answer."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from medtl.functional.boosting.biweighting import BiWeighting
from medtl.functional.boosting.enhanced import EnhancedTrAdaBoost, class_gaps
from medtl.functional.boosting.metric_transfer import MetricTransfer, pair_signs
from medtl.functional.boosting.resampling import TrResampling
from medtl.functional.boosting.tradaboost import TrAdaBoost


def scanners(seed: int, target: int = 20) -> Any:
    """Feature 0 tells the class everywhere; feature 1 does so only in the source, and is shifted in the target."""
    draw = np.random.default_rng(seed)
    ys, yt = np.arange(80) % 2, np.arange(target) % 2
    xs, xt = draw.normal(size=(80, 4)), draw.normal(size=(target, 4))
    xs[:, 0] += 2.0 * ys
    xt[:, 0] += 2.0 * yt
    xs[:, 1] += 3.0 * ys
    xt[:, 1] += 4.0
    return xs, ys, xt, yt


def test_features_that_differ_between_domains_are_dropped_whatever_the_prevalence() -> None:
    xs, ys, xt, yt = scanners(0)
    ours = EnhancedTrAdaBoost(rounds=5).fit(xs, ys, xt, yt)
    assert not ours.support_[1]
    assert ours.support_[0]
    plain = TrAdaBoost(rounds=5, correction="dynamic").fit(xs[:, ours.support_], ys, xt[:, ours.support_], yt)
    np.testing.assert_allclose(ours.predict_proba(xt), plain.predict_proba(xt[:, ours.support_]))
    rare = np.concatenate([np.flatnonzero(yt == 0), np.flatnonzero(yt == 1)[:2]])
    gaps = class_gaps(xs, ys, xt[rare], yt[rare])
    assert gaps[0] < 0.5 * gaps[1]
    assert EnhancedTrAdaBoost(gap=0.0, least=0.5).fit(xs, ys, xt, yt).support_.sum() == 2
    np.testing.assert_array_equal(class_gaps(np.ones((4, 1)), ys[:4], np.ones((2, 1)), yt[:2]), 0)


def test_heavy_source_rows_are_drawn_and_the_best_learner_is_kept() -> None:
    xs, ys, xt, yt = scanners(1)
    seen: list[int] = []

    class Counting(LogisticRegression):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            seen.append(len(X))
            return super().fit(X, y, sample_weight=sample_weight)

    useless = DecisionTreeClassifier(max_depth=1, max_features=1, random_state=3, min_samples_leaf=60)
    ours = TrResampling([useless, Counting()], rounds=6, share=0.5, seed=2).fit(xs, ys, xt, yt)
    assert set(ours.chosen_) == {1}
    assert set(seen) == {40 + 20}
    again = TrResampling([useless, Counting()], rounds=6, share=0.5, seed=2).fit(xs, ys, xt, yt)
    other = TrResampling([useless, Counting()], rounds=6, share=0.5, seed=3).fit(xs, ys, xt, yt)
    np.testing.assert_array_equal(again.weights_[-1], ours.weights_[-1])
    assert not np.array_equal(other.weights_[-1], ours.weights_[-1])
    for t, voter in enumerate(ours.voters_[:1]):  # the update is TrAdaBoost's, over all source rows
        wrong = voter.learner.predict(xs) != ys
        ratio = ours.weights_[t + 1][:80] / ours.weights_[t][:80]
        beta = 1 / (1 + np.sqrt(2 * np.log(80) / 6))
        np.testing.assert_allclose(ratio[wrong] / ratio[~wrong][0], beta, rtol=1e-9)
    assert TrResampling(rounds=2).fit(xs, ys, xt, yt).predict_proba(xt).shape == (20, 2)


def test_features_that_agree_and_rows_like_the_target_count_more() -> None:
    xs, ys, xt, yt = scanners(2)
    ours = BiWeighting().fit(xs, ys, xt)
    v = ours.features_
    assert v[0] > 1.5 * v[1]
    assert v[0] > v[2]
    assert v[0] > v[3]
    assert (v**2).mean() == pytest.approx(1.0)
    assert ours.steps_ < 50  # to its tolerance
    assert ours.weights_.mean() == pytest.approx(1.0)
    assert np.corrcoef(ours.weights_, xs[:, 1])[0, 1] > 0.3  # the target lies at large values of feature 1
    assert (ours.predict(xt) == yt).mean() > (LogisticRegression().fit(xs, ys).predict(xt) == yt).mean()
    unknown = np.where(np.arange(20) < 10, yt, np.nan)
    np.testing.assert_allclose(BiWeighting(GaussianNB()).fit(xs, ys, xt, unknown).predict_proba(xt).sum(axis=1), 1.0)


def test_the_gradients_are_those_of_the_objective_and_it_never_rises() -> None:
    xs, ys, xt, yt = scanners(3)
    ours = MetricTransfer(width=3).fit(xs, ys, xt, yt)
    assert all(b <= a for a, b in zip(ours.objective_, ours.objective_[1:], strict=False))
    assert ours.objective_[-1] < ours.objective_[0]
    draw = np.random.default_rng(0)
    x = (np.concatenate([xs, xt]) - ours.mean_) @ ours.map_.T
    delta = pair_signs(np.concatenate([ys, yt]))
    a, w = draw.normal(size=(3, 3)), draw.normal(size=80)
    of_a, of_w = ours.slopes(a, w, x, delta)
    directions = (draw.normal(size=(3, 3)), np.zeros(80)), (np.zeros((3, 3)), draw.normal(size=80))
    for direction_a, direction_w in directions:
        step = 1e-5
        up, down = (ours.objective(a + s * direction_a, w + s * direction_w, x, delta) for s in (step, -step))
        assert (up - down) / (2 * step) == pytest.approx(
            float((of_a * direction_a).sum() + of_w @ direction_w), rel=1e-5
        )


def test_pairs_of_both_kinds_weigh_the_same_and_the_pairs_term_is_their_sum() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    delta = pair_signs(labels)
    assert delta.sum() == pytest.approx(0.0)
    assert delta[0, 1] == 1
    assert delta[0, 2] == pytest.approx(-8 / 12)
    ours = MetricTransfer(pairs=2.0, hold=3.0)
    ours.start_ = np.array([1.0, 1.0])
    draw = np.random.default_rng(0)
    x, a, w = draw.normal(size=(5, 2)), draw.normal(size=(2, 2)), np.array([1.5, -0.5])
    every = [1.5, -0.5, 1.0, 1.0, 1.0]
    by_hand = sum(delta[i, j] * every[i] * every[j] * float(((a @ (x[i] - x[j])) ** 2).sum())
                  for i in range(5) for j in range(5))
    expected = (a**2).sum() + (0.25 + 2.25) + 2.0 / 25 * by_hand + 3.0 * (0.25 + (1.0 - 2) ** 2 / 2)
    assert ours.objective(a, w, x, delta) == pytest.approx(expected)


def test_the_metric_shrinks_what_does_not_tell_classes_and_the_nearest_neighbour_answers() -> None:
    xs, ys, xt, yt = scanners(4, target=40)
    ours = MetricTransfer(width=4, pairs=20.0).fit(xs[:, [0, 2, 3]], ys, xt[:20][:, [0, 2, 3]], yt[:20])
    mapped = ours.metric_ @ ours.map_
    lengths = np.linalg.norm(mapped, axis=0)
    assert lengths[0] > 1.2 * max(lengths[1:])
    assert (ours.predict(xt[20:][:, [0, 2, 3]]) == yt[20:]).mean() > 0.65
    rows = xt[:20][:, [0, 2, 3]]
    assert np.array_equal(ours.predict(rows), yt[:20])  # each labelled target row is its own neighbour
