"""TrAdaBoost against a literal transcription of the paper, and what its switches must hold."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from medtl.functional.boosting.learners import Voter, last_half
from medtl.functional.boosting.tradaboost import MultiSourceTrAdaBoost, TrAdaBoost

STUMP = DecisionTreeClassifier(max_depth=1, random_state=0)


def two_domains(seed: int, source: int = 60, target: int = 16, noise: float = 0.1) -> Any:
    draw = np.random.default_rng(seed)
    xs, xt = draw.normal(size=(source, 3)), draw.normal([0.5, 0, 0], size=(target, 3))
    ys, yt = (xs @ [1, 0.8, 0] > 0).astype(int), (xt @ [1, -0.4, 0.6] > 0.3).astype(int)
    flip = draw.random(source) < noise
    return xs, np.where(flip, 1 - ys, ys), xt, yt


def transcribed(xs: Any, ys: Any, xt: Any, yt: Any, rounds: int, x: Any) -> Any:
    """Dai et al. 2007, figure 1, line by line, in plain products; learners get p times its length."""
    n, m = len(xs), len(xt)
    data, label = np.vstack([xs, xt]), np.concatenate([ys, yt])
    w = [1.0] * (n + m)
    beta = 1 / (1 + math.sqrt(2 * math.log(n) / rounds))
    all_p, errors, hypotheses, betas = [], [], [], []
    for _ in range(rounds):
        total = sum(w)
        p = [value / total for value in w]
        h = clone(STUMP).fit(data, label, sample_weight=np.array(p) * (n + m))
        c = h.predict(data)
        e = sum(w[i] * abs(int(c[i]) - int(label[i])) for i in range(n, n + m)) / sum(w[n:])
        if e >= 0.5:
            break
        e = max(e, 1e-10)
        beta_t = e / (1 - e)
        for i in range(n + m):
            miss = abs(int(c[i]) - int(label[i]))
            w[i] = w[i] * (beta**miss if i < n else beta_t ** (-miss))
        all_p.append(p)
        errors.append(e)
        hypotheses.append(h)
        betas.append(beta_t)
    kept = len(hypotheses)
    answers = []
    for row in x:
        left = right = 1.0
        for t in range(math.ceil(kept / 2), kept + 1):
            left *= betas[t - 1] ** (-int(hypotheses[t - 1].predict(row[None])[0]))
            right *= betas[t - 1] ** -0.5
        answers.append(int(left >= right))
    return all_p, errors, hypotheses, np.array(answers)


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 8])  # of which 0 and 2 stop early
def test_every_round_is_the_paper_s(seed: int) -> None:
    data = two_domains(seed)
    fresh = np.random.default_rng(9).normal(size=(40, 3))
    all_p, errors, hypotheses, answers = transcribed(*data, 12, fresh)
    ours = TrAdaBoost(STUMP, rounds=12).fit(*data)
    assert len(ours.voters_) == len(errors)
    assert len(errors) >= 2
    for t, (p, error, stump) in enumerate(zip(all_p, errors, hypotheses, strict=True)):
        np.testing.assert_allclose(ours.weights_[t], p, rtol=1e-9)
        assert max(ours.voters_[t].error, 1e-10) == pytest.approx(error, rel=1e-9)
        chosen = ours.voters_[t].learner.tree_
        assert (chosen.feature[0], chosen.threshold[0]) == (stump.tree_.feature[0], stump.tree_.threshold[0])
    assert np.array_equal(ours.predict(fresh), answers)


@pytest.mark.parametrize(("count", "first"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (10, 5), (11, 6)])
def test_the_last_half_starts_at_the_ceiling(count: int, first: int) -> None:
    assert last_half(count) == first - 1


def test_source_mass_drifts_to_zero_unless_corrected() -> None:
    data = two_domains(1, noise=0.3)
    plain, dynamic = (TrAdaBoost(STUMP, rounds=30, correction=c).fit(*data) for c in ("none", "dynamic"))
    assert plain.weights_[-1][:60].sum() < 0.05
    for t, voter in enumerate(dynamic.voters_[:-1]):
        before, after = dynamic.weights_[t], dynamic.weights_[t + 1]
        wrong = voter.learner.predict(data[0]) != data[1]
        # A source row that was answered right keeps its share of the target's mass.
        right = np.flatnonzero(~wrong)[0]
        assert after[right] / after[60:].sum() == pytest.approx(before[right] / before[60:].sum(), rel=1e-9)
    assert dynamic.weights_[-1][:60].sum() > plain.weights_[-1][:60].sum()


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_target_s_mass_grows_by_k_times_one_less_the_error(classes: int) -> None:
    draw = np.random.default_rng(classes)
    y = draw.integers(0, classes, 90)
    y[:classes] = y[60:60 + classes] = range(classes)
    x = np.eye(classes)[y] + draw.normal(scale=0.9, size=(90, classes))
    ours = TrAdaBoost(GaussianNB(), rounds=3).fit(x[:60], y[:60], x[60:], y[60:])
    for t, voter in enumerate(ours.voters_):
        p, q = ours.weights_[t], ours.weights_[t + 1]
        right = np.flatnonzero(voter.learner.predict(x[60:]) == y[60:])[0] + 60  # its raw weight does not change
        growth = (q[60:].sum() / q[right]) / (p[60:].sum() / p[right])
        assert growth == pytest.approx(classes * (1 - voter.error), rel=1e-9)
        assert voter.vote == pytest.approx(math.log((1 - voter.error) / voter.error) + math.log(classes - 1))


def test_an_error_above_a_half_is_kept_with_three_classes_and_not_with_two() -> None:
    draw = np.random.default_rng(0)
    y = np.arange(120) % 3
    x = draw.normal(size=(120, 2)) + np.eye(3)[y][:, :2] * 0.5
    three = TrAdaBoost(STUMP, rounds=6).fit(x[:80], y[:80], x[80:], y[80:])
    assert any(voter.error > 0.5 for voter in three.voters_)
    assert all(voter.error < 2 / 3 and voter.vote > 0 for voter in three.voters_)
    with pytest.raises(ValueError, match="two classes"):
        TrAdaBoost(at_chance="flip").fit(x[:80], y[:80], x[80:], y[80:])


class Contrary(GaussianNB):
    """Answers the opposite."""

    def predict(self, X: Any) -> Any:
        return 1 - super().predict(X)

    def predict_proba(self, X: Any) -> Any:
        return super().predict_proba(X)[:, ::-1]


@pytest.mark.parametrize("error", ["hard", "soft"])
def test_a_flipped_learner_flips_its_source_errors_too(error: Any) -> None:
    data = two_domains(2)
    contrary, plain = (TrAdaBoost(b, rounds=5, at_chance="flip", error=error).fit(*data)
                       for b in (Contrary(), GaussianNB()))
    assert all(voter.flipped for voter in contrary.voters_)
    assert not any(voter.flipped for voter in plain.voters_)
    for a, b in zip(contrary.weights_, plain.weights_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    np.testing.assert_allclose(contrary.predict_proba(data[2]), plain.predict_proba(data[2]), atol=1e-9)


def test_at_chance_it_stops_or_clips_as_asked() -> None:
    xs, ys, xt, yt = two_domains(3)
    stopped = TrAdaBoost(Contrary(), rounds=5).fit(xs, ys, xt, yt)
    assert [voter.vote for voter in stopped.voters_] == [1.0]  # the first learner is all there is
    clipped = TrAdaBoost(Contrary(), rounds=5, at_chance="clip").fit(xs, ys, xt, yt)
    assert len(clipped.voters_) == 5
    assert all(0 <= voter.vote < 1e-8 for voter in clipped.voters_)
    shares = [p[60:] / p[60:].sum() for p in clipped.weights_]
    np.testing.assert_allclose(shares[-1], shares[0], rtol=1e-6)


def test_soft_errors_are_one_less_the_probability_of_the_truth() -> None:
    data = two_domains(4)
    ours = TrAdaBoost(LogisticRegression(), rounds=2, error="soft").fit(*data)
    p = ours.weights_[0][60:]
    said = ours.voters_[0].learner.predict_proba(data[2])[np.arange(16), data[3]]
    assert ours.voters_[0].error == pytest.approx(float(((1 - said) * p).sum() / p.sum()))


def test_no_error_at_all_stays_finite() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(40, 1))
    y = (x[:, 0] > 0).astype(int)
    ours = TrAdaBoost(DecisionTreeClassifier(random_state=0), rounds=8, correction="dynamic").fit(
        x[:30], y[:30], x[30:], y[30:]
    )
    assert np.isfinite(ours.predict_proba(x)).all()
    assert np.array_equal(ours.predict(x), y)
    assert ours.voters_[0].vote == pytest.approx(math.log((1 - 1e-10) / 1e-10))


def test_labels_may_be_words() -> None:
    xs, ys, xt, yt = two_domains(5)
    words = np.array(["benign", "malignant"])
    ours = TrAdaBoost(STUMP).fit(xs, words[ys], xt, words[yt])
    plain = TrAdaBoost(STUMP).fit(xs, ys, xt, yt)
    assert list(ours.classes_) == ["benign", "malignant"]
    assert np.array_equal(ours.predict(xt), words[plain.predict(xt)])
    soft = TrAdaBoost(GaussianNB(), vote="soft").fit(xs, ys, xt, yt).predict_proba(xt)
    np.testing.assert_allclose(soft.sum(axis=1), 1.0)
    assert len(np.unique(soft[:, 1])) > 10


def test_each_round_takes_the_source_that_is_best_on_the_target_and_all_rounds_vote() -> None:
    xs, ys, xt, yt = two_domains(6, source=80)
    ys[:40] = (xs[:40] @ [1, -0.4, 0.6] > 0.3).astype(int)  # the first source is like the target
    ys[40:] = 1 - (xs[40:] @ [1, -0.4, 0.6] > 0.3)  # the second is its opposite
    names = np.array(["good"] * 40 + ["bad"] * 40)
    ours = MultiSourceTrAdaBoost(STUMP, rounds=6).fit(xs, ys, xt, yt, names)
    assert list(ours.sources_) == ["bad", "good"]
    assert ours.voters_[0].source == 1
    assert ours.first_ == 0
    p = np.full(96, 1 / 96)
    errors = []
    for name in ours.sources_:
        rows = np.concatenate([names == name, np.ones(16, bool)])
        learner = clone(STUMP).fit(np.vstack([xs, xt])[rows], np.concatenate([ys, yt])[rows])
        errors.append(float(p[80:] @ (learner.predict(xt) != yt) / p[80:].sum()))
    assert ours.voters_[0].error == pytest.approx(min(errors))
    beta = 1 / (1 + math.sqrt(2 * math.log(80) / 6))  # n counts all sources
    wrong = ours.voters_[0].learner.predict(xs) != ys
    raw = ours.weights_[1][:80] / ours.weights_[1][:80][~wrong][0]
    np.testing.assert_allclose(raw, np.where(wrong, beta, 1.0), rtol=1e-9)


def test_one_source_is_tradaboost_with_all_rounds_voting() -> None:
    data = two_domains(7)
    multi, plain = MultiSourceTrAdaBoost(STUMP, rounds=6).fit(*data), TrAdaBoost(STUMP, rounds=6).fit(*data)
    for a, b in zip(multi.weights_, plain.weights_, strict=True):
        np.testing.assert_allclose(a, b)
    assert multi.first_ == 0
    assert isinstance(multi.voters_[0], Voter)
