"""The probe against scikit-learn and scipy, and its error rate under labels that mean nothing."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats.contingency import association
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from medtl.evaluation.audit.about_labels import _mid_ranks, cramers_v
from medtl.evaluation.audit.features import GRID, STATISTICS, body_of, cells, features_of, outside_of, statistics_of
from medtl.evaluation.audit.probe import Probe, folds_of, placements, probe, shuffled, smoothers, standardised, wins_of
from medtl.evaluation.audit.question import questions_of


def test_the_smoother_is_ridge_regression() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 1, (40, 6)), rng.integers(0, 2, 40)
    fold = np.arange(40) % 4
    z = standardised(x)
    scale = np.trace(z @ z.T) / len(z)
    for held, rest, matrix in smoothers(x, fold):
        ridge = Ridge(alpha=scale, fit_intercept=False).fit(z[rest], y[rest] - y[rest].mean())
        np.testing.assert_allclose(matrix @ (y[rest] - y[rest].mean()), ridge.predict(z[held]), atol=1e-8)


def test_wins_and_placements_are_aurocs() -> None:
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(0, 1, (30, 3)), rng.integers(0, 2, (30, 3)).astype(np.int8)
    won, pairs = wins_of(scores, labels)
    for k in range(3):
        wanted = roc_auc_score(labels[:, k], scores[:, k])
        assert won[k] / pairs[k] == pytest.approx(wanted)
        placed = placements(scores[:, k], labels[:, k].astype(np.int64))
        assert placed[labels[:, k] == 1].mean() == pytest.approx(wanted)
        assert placed[labels[:, k] == 0].mean() == pytest.approx(wanted)
    tied = np.array([1.0, 2.0, 2.0, 3.0])
    np.testing.assert_array_equal(_mid_ranks(tied), [1, 2.5, 2.5, 4])


def test_units_are_never_divided_and_labels_are_spread() -> None:
    rng = np.random.default_rng(2)
    units = np.repeat(np.arange(50), 2)
    labels = np.repeat(np.arange(50) % 2, 2)
    for blocks in (False, True):
        fold = folds_of(units, np.full(100, blocks), labels, rng)
        assert all(len(set(fold[units == unit])) == 1 for unit in range(50))
        assert all(np.bincount(fold[labels == label]).tolist() == [10] * 5 for label in (0, 1))
    columns = shuffled(labels, units, 20, rng)
    np.testing.assert_array_equal(columns[:, 0], labels)
    assert (columns[::2] == columns[1::2]).all()
    assert (columns.sum(axis=0) == 50).all()


def test_it_finds_what_is_there_with_an_interval() -> None:
    rng = np.random.default_rng(3)
    units = np.repeat(np.arange(100), 2)
    labels = np.repeat(rng.permutation(100) % 2, 2)
    x = rng.normal(0, 1, (200, 5))
    x[:, 0] += 1.2 * labels
    found = probe(x, labels, units, np.zeros(200, bool), permutations=199, rng=rng)
    assert isinstance(found, Probe)
    assert found.p == pytest.approx(1 / 200)
    assert found.interval is not None
    assert found.interval[0] < 0.8 < found.interval[1]  # the true AUROC of a shift of 1.2 is .80
    assert found.units == 100
    few = probe(x[:20], np.repeat([0, 1], 10), units[:20], np.zeros(20, bool), permutations=9, rng=rng)
    assert few == "needs two kinds of 10 patients each, found 5 and 5"


def test_its_error_rate_is_the_stated_one_although_scans_of_a_patient_are_alike() -> None:
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(200):
        patients = 40
        size = rng.integers(1, 5, patients)
        units = np.repeat(np.arange(patients), size)
        labels = np.repeat(rng.permutation(patients) % 2, size)
        x = np.repeat(rng.normal(0, 1, (patients, 8)), size, axis=0) + rng.normal(0, 0.2, (len(units), 8))
        found = probe(x, labels, units, np.zeros(len(units), bool), permutations=99, rng=rng)
        assert isinstance(found, Probe)
        wrong += found.p <= 0.05
    assert wrong <= 20  # 10 expected, standard deviation 3


def test_several_classes_are_told_from_the_rest() -> None:
    rng = np.random.default_rng(5)
    labels = np.arange(90) % 3
    x = np.eye(3)[labels] * 4 + rng.normal(0, 1, (90, 3))
    found = probe(x, labels, np.arange(90), np.zeros(90, bool), permutations=99, rng=rng)
    assert isinstance(found, Probe)
    assert found.auroc > 0.9
    assert abs(found.null.mean() - 0.5) < 0.03


def test_cramers_v_is_scipys_before_its_correction() -> None:
    rng = np.random.default_rng(6)
    sites, labels = rng.integers(0, 3, 5000), rng.integers(0, 2, 5000)
    labels[sites == 0] = rng.uniform(0, 1, (sites == 0).sum()) < 0.8
    table = np.array([[((sites == s) & (labels == y)).sum() for y in (0, 1)] for s in range(3)])
    assert cramers_v(sites, labels[None])[0] == pytest.approx(association(table, correction=False), abs=2e-3)
    assert cramers_v(np.array([0, 1] * 50), np.array([[0, 1] * 50]))[0] == pytest.approx(1.0)


def test_statistics_and_cells_are_what_they_say() -> None:
    picture = np.zeros((32, 32), np.float32)
    picture[:, 16:] = 1.0
    told = dict(zip(STATISTICS, statistics_of(picture), strict=True))
    assert (told["mean"], told["spread"]) == (0.5, 0.5)
    assert (told["share of black points"], told["share of white points"]) == (0.5, 0.5)
    assert told["sharpness"] == pytest.approx(0.5 / 31)
    rng = np.random.default_rng(7)
    other = rng.uniform(0, 1, (40, 50)).astype(np.float32)
    mean, top, spread = cells(other, 8)
    assert top.max() == other.max()
    assert mean.shape == spread.shape == (8, 8)
    moved = statistics_of(rng.permuted(other.ravel()).reshape(40, 50))
    np.testing.assert_allclose(moved[:11], statistics_of(other)[:11], rtol=1e-6)  # they know nothing of places
    assert features_of(other).coarse.shape == (GRID * GRID,)


def test_the_outside_does_not_know_the_bodys_outline() -> None:
    y, x = np.mgrid[0:64, 0:64] - 31.5
    told = []
    for radius in (18, 26):
        picture = np.where(x**2 + y**2 < radius**2, 0.6, 0.03).astype(np.float32)
        picture[30:34, 30:34] = 0.0  # air within belongs to the body
        assert body_of(picture)[31, 31]
        told.append(outside_of(picture))
    np.testing.assert_allclose(told[0], told[1], atol=1e-3)


def test_questions_of_every_kind() -> None:
    nan = float("nan")
    (binary,) = questions_of("binary", ("no", "yes"), np.array([[0.0], [1.0], [nan]]))
    assert (binary.name, binary.labels.tolist()) == ("yes", [0, 1, -1])
    several = questions_of("multiclass", ("a", "b", "c"), np.array([[0.0], [2.0], [nan]]))
    assert [q.labels.tolist() for q in several] == [[1, 0, -1], [0, 0, -1], [0, 1, -1]]
    left, right = questions_of("multilabel", ("l", "r"), np.array([[0.0, nan], [1.0, 1.0]]))
    assert (left.labels.tolist(), right.labels.tolist()) == ([0, 1], [-1, 1])
    (number,) = questions_of("regression", (), np.array([[1.0], [2.0], [9.0], [nan]]))
    assert number.labels.tolist() == [0, 0, 1, -1]
