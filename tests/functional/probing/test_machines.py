"""Each head equals scikit-learn's, and a rotation into few coordinates changes nothing."""
from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC

from medtl.functional.probing.coordinates import Coordinates, Whitening
from medtl.functional.probing.machines import GAMMA, Kind, fit_machine, ledoit_wolf

KINDS: tuple[Kind, ...] = ("logistic", "lda", "svm", "rbf", "ridge")


def rows(n: int, d: int, classes: int = 2, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    draw = np.random.default_rng(seed)
    y = (np.arange(n) % classes).astype(np.float64)
    x = draw.normal(size=(n, d))
    x[:, 0] += y
    return x / np.sqrt(d), y


def margin(kind: Kind, z: NDArray[np.float64], y: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    machine = fit_machine(kind, z, y, np.ones(len(z)), strength=strength, classes=2, width=z.shape[1])
    said = machine(z)
    assert said.shape == (len(z), 2)
    return said[:, 1] - said[:, 0]


@pytest.mark.parametrize(("n", "d"), [(40, 6), (20, 60)])
def test_two_classes_equal_scikit_learn(n: int, d: int) -> None:
    z, y = rows(n, d)
    logistic = LogisticRegression(C=3.0, max_iter=2000, tol=1e-8).fit(z, y)
    assert np.allclose(margin("logistic", z, y, 3.0), logistic.decision_function(z), atol=2e-3)
    for kind, kernel in (("svm", "linear"), ("rbf", "rbf")):
        svm = SVC(C=1.0, kernel=kernel, gamma=GAMMA).fit(z, y)
        assert np.allclose(margin(kind, z, y, 1.0), svm.decision_function(z), atol=3e-3)  # type: ignore[arg-type]
    ridge = Ridge(alpha=0.5).fit(z, 2 * y - 1)
    assert np.allclose(margin("ridge", z, y, 2.0), ridge.predict(z))
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3, covariance_estimator=None).fit(z, y)
    ours = margin("lda", z, y, 0.3)
    assert np.corrcoef(ours, lda.decision_function(z))[0, 1] > 0.999  # it shrinks each class in its own units


@pytest.mark.parametrize("kind", ["logistic", "svm", "rbf", "ridge", "lda"])
def test_three_classes_are_told_apart(kind: Kind) -> None:
    z, y = rows(90, 5, classes=3)
    z[:, 1] += (y == 2) * 2
    z[:, 0] += (y == 1) * 2
    machine = fit_machine(kind, z, y, np.ones(90), strength=10.0 if kind != "lda" else 0.1, classes=3, width=5)
    assert (machine(z).argmax(axis=1) == y).mean() > 0.9


def test_values_equal_ridge_with_weights() -> None:
    z, _ = rows(30, 50)
    target = 5.0 + z @ np.arange(50.0)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, 30)
    machine = fit_machine("ridge", z, target, weights, strength=4.0, classes=0, width=50)
    oracle = Ridge(alpha=0.25).fit(z, target, sample_weight=weights)
    assert np.allclose(machine(z)[:, 0], oracle.predict(z))
    with pytest.raises(ValueError, match="ridge is for values"):
        fit_machine("svm", z, target, weights, strength=1.0, classes=0, width=50)


@pytest.mark.parametrize(("n", "d"), [(30, 8), (12, 100)])
def test_shrinkage_is_that_of_ledoit_and_wolf_also_after_a_rotation(n: int, d: int) -> None:
    x = np.random.default_rng(0).normal(size=(n, d)) * np.linspace(0.2, 3, d)
    x -= x.mean(axis=0)
    wanted = ledoit_wolf_shrinkage(x, assume_centered=True)
    assert ledoit_wolf(x, d) == pytest.approx(wanted, rel=1e-9)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    assert ledoit_wolf(u * s, d) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_few_coordinates_change_no_answer(kind: Kind) -> None:
    x, y = rows(24, 90)
    features = {"a": 3.0 + 5.0 * x[:, :30], "b": x[:, 30:]}
    source = np.zeros(24, dtype=bool)
    space = Coordinates.of(features, ("a", "b"), source, np.arange(20))
    assert space.z.shape[1] <= 20
    strength = 0.5 if kind == "lda" else 1.0
    small = fit_machine(kind, space.z, y[:20], np.ones(20), strength=strength, classes=2, width=space.width)
    whole = space.whitening.apply(features)
    assert np.linalg.norm(whole, axis=1).mean() == pytest.approx(1.0, abs=0.1)
    large = fit_machine(kind, whole[:20], y[:20], np.ones(20), strength=strength, classes=2, width=90)
    assert np.allclose(space.in_features(small)(whole), large(whole), atol=2e-4)


def test_each_domain_is_standardised_by_itself_and_the_targets_moments_answer() -> None:
    draw = np.random.default_rng(0)
    source = np.arange(40) < 20
    x = draw.normal(size=(40, 7))
    x[source] = 10.0 + 4.0 * x[source]
    space = Coordinates.of({"a": x}, ("a",), source, np.arange(40))
    for domain in (source, ~source):
        z = space.z[domain] * np.sqrt(7)
        assert np.allclose(z.mean(axis=0), 0)
        assert np.allclose(z.std(axis=0), 1)
    assert np.allclose(space.whitening.mean, x[~source].mean(axis=0))


def test_a_feature_that_does_not_vary_counts_for_nothing() -> None:
    x = np.random.default_rng(0).normal(size=(20, 3))
    x[:, 1] = 7.0
    white = Whitening.of({"a": x}, ("a",), np.ones(20, dtype=bool))
    assert (white.apply({"a": x + np.array([0.0, 5.0, 0.0])})[:, 1] == 0).all()
