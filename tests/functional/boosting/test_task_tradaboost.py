"""TaskTrAdaBoost: its two phases against transcriptions, and a new target without any source row."""
from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier

from medtl.functional.boosting.task_tradaboost import TaskTrAdaBoost

STUMP = DecisionTreeClassifier(max_depth=1, random_state=0)


def sites(seed: int, rows: int = 60) -> Any:
    draw = np.random.default_rng(seed)
    xs, xt = draw.normal(size=(2 * rows, 4)), draw.normal(size=(20, 4))
    names = np.repeat(["a", "b"], rows)
    ys = (xs @ [1, 0.8, 0, 0] + np.where(names == "a", 0, -1.2 * xs[:, 0]) > 0).astype(int)
    yt = (xt @ [-1, 0.2, 0.5, 0] > 0).astype(int)
    return xs, ys, xt, yt, names


def test_the_pool_is_adaboost_on_each_source_alone() -> None:
    xs, ys, _, _, names = sites(0)
    ours = TaskTrAdaBoost(STUMP, source_rounds=5, gamma=0.7).fit_source(xs, ys, names)
    expected = []
    for k, name in enumerate("ab"):
        x, y = xs[names == name], ys[names == name]
        w = np.full(len(x), 1 / len(x))
        for _ in range(5):
            h = clone(STUMP).fit(x, y, sample_weight=w * len(w))
            e = float(w[h.predict(x) != y].sum())
            alpha = 0.5 * math.log((1 - e) / e)
            if alpha > 0.7:
                expected.append((k, alpha))
            w = w * np.exp(-alpha * np.where(h.predict(x) == y, 1, -1))
            w /= w.sum()
    assert [v.source for v in ours.pool_] == [k for k, _ in expected]
    np.testing.assert_allclose([v.vote for v in ours.pool_], [alpha for _, alpha in expected], rtol=1e-9)
    assert 2 < len(ours.pool_) < 10
    with pytest.raises(ValueError, match="lower gamma"):
        TaskTrAdaBoost(STUMP, gamma=50.0).fit_source(xs, ys, names)


@pytest.mark.parametrize("seed", range(3))
def test_the_second_phase_flips_takes_the_lowest_and_removes_it(seed: int) -> None:
    xs, ys, xt, yt, names = sites(seed)
    ours = TaskTrAdaBoost(STUMP, rounds=6, source_rounds=6).fit(xs, ys, xt, yt, names)
    pool = [voter.learner for voter in ours.pool_]
    signs = 2 * yt - 1
    w = np.full(20, 1 / 20)
    total = np.zeros(20)
    taken = []
    for t, voter in enumerate(ours.voters_):
        np.testing.assert_allclose(ours.weights_[t], w, rtol=1e-9)
        best: Any = None
        for j, learner in enumerate(pool):
            if j in taken:
                continue
            h = 2 * learner.predict(xt) - 1
            e = float(w[h != signs].sum())
            flipped = e > 0.5
            if flipped:
                h, e = -h, float(w[h == signs].sum())
            if best is None or e < best[1]:
                best = (j, e, flipped, h)
        j, e, flipped, h = best
        taken.append(j)
        assert voter.learner is pool[j]
        assert voter.flipped == flipped
        assert voter.error == pytest.approx(e)
        alpha = 0.5 * math.log((1 - e) / e)
        w = w * np.exp(-alpha * signs * h)
        w /= w.sum()
        total += alpha * h
    assert any(voter.flipped for voter in ours.voters_) or seed
    assert np.array_equal(ours.predict(xt), (total >= 0).astype(int))
    assert len(set(taken)) == len(taken)


def test_a_new_target_is_learned_fast_and_without_source_rows() -> None:
    draw = np.random.default_rng(0)
    xs = draw.normal(size=(20000, 8))
    ys = (xs[:, 0] > 0).astype(int)
    xt = draw.normal(size=(30, 8))
    yt = (xt[:, 0] > 0.2).astype(int)
    ours = TaskTrAdaBoost(STUMP, rounds=5, source_rounds=3)
    began = time.process_time()
    ours.fit(xs, ys, xt, yt)
    whole = time.process_time() - began
    xs[:], ys[:] = np.nan, -1  # whoever reads them now fails
    began = time.process_time()
    ours.fit_target(xt, 1 - yt)
    assert time.process_time() - began < whole / 5
    assert (ours.predict(xt) == 1 - yt).mean() > 0.8


def test_three_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="two classes"):
        TaskTrAdaBoost().fit_source(np.zeros((3, 1)), [0, 1, 2])
