"""The boosted regressors against literal transcriptions of their papers."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from medtl.functional.boosting.expboost_r2 import ExpBoostR2
from medtl.functional.boosting.r2 import adaboost_r2, adjusted_errors, weighted_median
from medtl.functional.boosting.tradaboost_r2 import TrAdaBoostR2
from medtl.functional.boosting.two_stage import TwoStageTrAdaBoostR2, _towards

TREE = DecisionTreeRegressor(max_depth=2, random_state=0)
LOSSES = pytest.mark.parametrize("loss", ["linear", "square", "exponential"])


def two_domains(seed: int, source: int = 50, target: int = 14) -> Any:
    draw = np.random.default_rng(seed)
    xs, xt = draw.normal(size=(source, 2)), draw.normal(size=(target, 2))
    ys = np.sin(2 * xs[:, 0]) + xs[:, 1] + draw.normal(scale=0.2, size=source)
    yt = np.sin(2 * xt[:, 0]) + 0.5 * xt[:, 1] + 0.4 + draw.normal(scale=0.2, size=target)
    return xs, ys, xt, yt


def adjusted(errors: list[float], loss: str) -> list[float]:
    largest = max(errors)
    forms = {"linear": lambda r: r, "square": lambda r: r * r, "exponential": lambda r: 1 - math.exp(-r)}
    return [forms[loss](e / largest) for e in errors]


def median(values: list[float], votes: list[float]) -> float:
    """The smallest value with half of the votes at or below it."""
    for value in sorted(values):
        if sum(v for u, v in zip(values, votes, strict=True) if u <= value) >= 0.5 * sum(votes) - 1e-12:
            return value
    raise AssertionError


@LOSSES
def test_tradaboost_r2_is_the_paper_s_round_by_round(loss: Any) -> None:
    xs, ys, xt, yt = two_domains(0)
    n, m, rounds = 50, 14, 8
    x, y = np.vstack([xs, xt]), np.concatenate([ys, yt])
    w = [1 / (n + m)] * (n + m)
    beta = 1 / (1 + math.sqrt(2 * math.log(n) / rounds))
    ours = TrAdaBoostR2(TREE, rounds=rounds, loss=loss).fit(xs, ys, xt, yt)
    learners, votes = [], []
    for t in range(rounds):
        w = [value / sum(w) for value in w]
        h = clone(TREE).fit(x, y, sample_weight=np.array(w) * (n + m))
        e = adjusted([abs(float(a - b)) for a, b in zip(y, h.predict(x), strict=True)], loss)
        error = sum(w[i] * e[i] for i in range(n, n + m)) / sum(w[n:])
        if error >= 0.5:
            break
        np.testing.assert_allclose(ours.weights_[t], w, rtol=1e-7)
        assert ours.estimates_[t].error == pytest.approx(error, rel=1e-7)
        np.testing.assert_allclose(ours.estimates_[t].learner.predict(x), h.predict(x))
        beta_t = error / (1 - error)
        w = [w[i] * (beta ** e[i] if i < n else beta_t ** -e[i]) for i in range(n + m)]
        learners.append(h)
        votes.append(math.log(1 / beta_t))
    assert len(ours.estimates_) == len(learners) >= 3
    first = math.ceil(len(learners) / 2)
    said = [median([float(h.predict(row[None])[0]) for h in learners[first - 1:]], votes[first - 1:]) for row in xt]
    np.testing.assert_allclose(ours.predict(xt), said)


def transcribed_prime(x: Any, y: Any, w: Any, n: int, rounds: int) -> Any:
    """AdaBoost.R2' with linear loss: source weights as they are, the target's sum as it was."""
    w, mass, learners, votes = list(w), sum(w[n:]), [], []
    for _ in range(rounds):
        h = clone(TREE).fit(x, y, sample_weight=np.array(w) * len(w) / sum(w))
        e = adjusted([abs(float(a - b)) for a, b in zip(y, h.predict(x), strict=True)], "linear")
        error = sum(a * b for a, b in zip(w, e, strict=True))
        if error >= 0.5:
            break
        beta = error / (1 - error)
        learners.append(h)
        votes.append(math.log(1 / beta))
        moved = [w[i] * beta ** (1 - e[i]) for i in range(n, len(w))]
        w = [*w[:n], *(value * mass / sum(moved) for value in moved)]
    return learners, votes


def test_two_stage_is_the_paper_s_step_by_step() -> None:
    xs, ys, xt, yt = two_domains(1)
    xs, xt = xs[:, :1], xt[:, :1]  # one feature, so that no two splits are equally good
    n, m, steps, folds, rounds = 50, 14, 5, 3, 4
    x, y = np.vstack([xs, xt]), np.concatenate([ys, yt])
    ours = TwoStageTrAdaBoostR2(TREE, steps=steps, folds=folds, rounds=rounds, seed=4).fit(xs, ys, xt, yt)
    fold = np.random.default_rng(4).permutation(m) % folds
    w = np.full(n + m, 1 / (n + m))
    scores, models = [], []
    for t in range(1, steps + 1):
        np.testing.assert_allclose(ours.weights_[t - 1], w, rtol=1e-6, atol=1e-12)
        squares = []
        for f in range(folds):
            kept = np.concatenate([np.ones(n, bool), fold != f])
            models_f, votes = transcribed_prime(x[kept], y[kept], w[kept] / w[kept].sum(), n, rounds)
            for i in np.flatnonzero(fold == f):
                said = median([float(h.predict(xt[i][None])[0]) for h in models_f], votes)
                squares.append((said - yt[i]) ** 2)
        scores.append(float(np.mean(squares)))
        models.append(transcribed_prime(x, y, w, n, rounds))
        if t < steps:
            h = clone(TREE).fit(x, y, sample_weight=w * len(w))
            e = np.array(adjusted(list(np.abs(y - h.predict(x))), "linear"))
            wanted = m / (n + m) + t / (steps - 1) * (1 - m / (n + m))
            if wanted > 1 - 1e-12:
                w = np.concatenate([np.zeros(n), w[n:] / w[n:].sum()])
            else:
                low, high = 0.0, 1.0
                for _ in range(300):
                    beta = (low + high) / 2
                    new = np.concatenate([w[:n] * beta ** e[:n], w[n:]])
                    low, high = (low, beta) if new[n:].sum() / new.sum() < wanted else (beta, high)
                w = new / new.sum()
                assert w[n:].sum() == pytest.approx(wanted)
    np.testing.assert_allclose(ours.scores_, scores, rtol=1e-6)
    assert ours.best_ == int(np.argmin(scores))
    learners, votes = models[ours.best_]
    np.testing.assert_allclose(
        ours.predict(xt), [median([float(h.predict(r[None])[0]) for h in learners], votes) for r in xt]
    )
    assert ours.weights_[-1][:n].sum() == 0  # the last step is the target alone


def test_source_rows_without_error_are_scaled_where_no_power_is_enough() -> None:
    w = _towards(np.full(6, 1 / 6), np.array([0.0, 0.0, 0.0, 1.0]), 0.8)
    assert w[4:].sum() == pytest.approx(0.8)
    np.testing.assert_allclose(w[:3], w[0])
    assert w[3] < 1e-6


def test_kept_rows_keep_their_weight() -> None:
    xs, ys, xt, yt = two_domains(2)
    x, y = np.vstack([xs, xt]), np.concatenate([ys, yt])
    seen = []

    class Watching(DecisionTreeRegressor):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            seen.append(np.array(sample_weight))
            return super().fit(X, y, sample_weight=sample_weight)

    adaboost_r2(Watching(max_depth=2, random_state=0), x, y, np.full(64, 1 / 64), rounds=4, loss="linear", kept=50)
    assert len(seen) >= 3
    for weights in seen:
        np.testing.assert_allclose(weights[:50], 1.0)
        assert weights.sum() == pytest.approx(64)
    assert np.ptp(seen[-1][50:]) > 0.05


def test_expboost_takes_a_rescaled_expert_where_it_is_better_and_a_new_learner_elsewhere() -> None:
    draw = np.random.default_rng(3)
    x = draw.normal(size=(200, 3))
    truth = np.sin(2 * x[:, 0]) + x[:, 1] ** 2
    xs, xt = x[:180], x[180:]
    names = np.repeat(["like", "noise"], 90)
    ys = np.where(names == "like", 5 - 3 * truth[:180], draw.normal(size=180))  # like it, but for a straight line
    big = DecisionTreeRegressor(max_depth=5, min_samples_leaf=3, random_state=0)
    ours = ExpBoostR2(big, rounds=6).fit(xs, ys, xt, truth[180:], names)
    assert ours.experts_[0].slope < 0
    assert set(ours.chosen_) > {-1}  # experts are taken, and new learners too
    w = np.full(20, 1 / 20)
    for t, (estimate, place) in enumerate(zip(ours.estimates_, ours.chosen_, strict=True)):
        np.testing.assert_allclose(ours.weights_[t], w, rtol=1e-7)
        new = clone(big).fit(xt, truth[180:], sample_weight=w * 20)
        candidates = [new, *ours.experts_]
        all_e = [np.array(adjusted(list(np.abs(truth[180:] - c.predict(xt))), "linear")) for c in candidates]
        errors = [float(w @ e) for e in all_e]
        assert place == int(np.argmin(errors)) - 1
        assert estimate.error == pytest.approx(min(errors))
        beta = min(errors) / (1 - min(errors))
        w = w * beta ** (1 - all_e[place + 1])
        w /= w.sum()
    said = np.array([e.learner.predict(xt) for e in ours.estimates_])
    np.testing.assert_allclose(ours.predict(xt), weighted_median(said, np.array([e.vote for e in ours.estimates_])))


def test_experts_are_refitted_by_least_squares() -> None:
    xs, ys, xt, yt = two_domains(5)
    ours = ExpBoostR2(TREE, rounds=1).fit(xs, ys, xt, yt)
    said = clone(TREE).fit(xs, ys).predict(xt)
    line = LinearRegression().fit(said[:, None], yt)
    np.testing.assert_allclose(ours.experts_[0].predict(xt), line.predict(said[:, None]))


@pytest.mark.parametrize("kind", [TrAdaBoostR2, ExpBoostR2])
def test_constant_and_exact_data_stay_finite(kind: Any) -> None:
    x = np.arange(12.0)[:, None]
    for y in (np.ones(12), x[:, 0]):
        ours = kind(DecisionTreeRegressor(random_state=0), rounds=5).fit(x[:8], y[:8], x[8:], y[8:])
        np.testing.assert_allclose(ours.predict(x[8:]), y[8:])


def test_the_weighted_median_is_the_first_value_with_half_of_the_votes() -> None:
    values = np.array([[1.0, 5.0], [2.0, 4.0], [9.0, 0.0]])
    np.testing.assert_array_equal(weighted_median(values, np.array([1.0, 1.0, 1.0])), [2.0, 4.0])
    np.testing.assert_array_equal(weighted_median(values, np.array([1.0, 1.0, 3.0])), [9.0, 0.0])
    np.testing.assert_array_equal(weighted_median(values[:2], np.array([1.0, 1.0])), [1.0, 4.0])


def test_adjusted_errors_lie_between_zero_and_one() -> None:
    np.testing.assert_allclose(adjusted_errors(np.array([0.0, 2.0, 4.0]), "square"), [0, 0.25, 1])
    np.testing.assert_array_equal(adjusted_errors(np.zeros(3), "exponential"), 0)
