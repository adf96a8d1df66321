"""KMM and KLIEP against an independent implementation, optimality conditions, and the closed form of two Gaussians."""
from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medtl.functional.importance import ratio_coefficients
from medtl.functional.kernel_mean_matching import kernel_mean_matching
from medtl.functional.standardise import median_distance2, squared_distances, standardised
from medtl.functional.weighting import effective_sample_size
from medtl.methods.instances.kliep import KLIEP
from medtl.methods.instances.kmm import KMM
from medtl.types import Role, Table

METHODS = pytest.mark.parametrize("method", [KMM(bound=50.0), KLIEP()], ids=["kmm", "kliep"])


def table(source: int, target: int, shift: float, *, width: int = 2, seed: int = 0) -> Table:
    draw = np.random.default_rng(seed)
    n = source + target
    features = draw.normal(size=(n, width)).astype(np.float32)
    features[source:, 0] += shift
    role: tuple[Role, ...] = ("source",) * source + ("target",) * target
    return Table(
        study=tuple(f"s{i}" for i in range(n)), patient=tuple(f"p{i}" for i in range(n)),
        site=tuple("a" if r == "source" else "b" for r in role), role=role,
        split=tuple("train" if r == "source" else "adapt" for r in role), labels=np.zeros((n, 1), np.float32),
        hidden=np.array([r == "target" for r in role]), features=features,
    )


def two_domains(seed: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(seed)
    return draw.normal(size=(60, 2)), 0.7 * draw.normal(size=(45, 2)) + 0.6


def rbf(a: Any, b: Any, gamma: float = 0.5) -> Any:
    return np.exp(-gamma * squared_distances(a, b))


@pytest.mark.parametrize("seed", [0, 1])
def test_kmm_agrees_with_skada(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skada._reweight import KMMReweightAdapter

        source, target = two_domains(seed)
        peer = KMMReweightAdapter(gamma=0.5, B=5.0, eps=0.1, solver="scipy", tol=1e-12, max_iter=2000)
        theirs = peer._weights_optimization(source, target)
    kernel, cross = rbf(source, source), rbf(source, target)
    ours = kernel_mean_matching(kernel, cross, bound=5.0, slack=0.1, tolerance=1e-10, steps=20000)

    def loss(w: Any) -> float:
        return float(0.5 * w @ kernel @ w - 60 * cross.mean(axis=1) @ w)

    assert loss(ours) <= loss(theirs) + 1e-6 * abs(loss(theirs))
    assert loss(ours) == pytest.approx(loss(theirs), rel=1e-3)
    np.testing.assert_allclose(kernel @ ours, kernel @ theirs, rtol=0.02)  # K is nearly singular: w itself may differ
    assert ours.min() >= 0
    assert ours.max() <= 5
    assert 54 - 1e-6 <= ours.sum() <= 66 + 1e-6


def test_kmm_meets_the_conditions_of_optimality() -> None:
    source, target = two_domains(3)
    kernel, cross = rbf(source, source) + 0.1 * np.eye(60), rbf(source, target)
    w = kernel_mean_matching(kernel, cross, bound=3.0, slack=0.0, tolerance=1e-12, steps=50000)
    gradient = kernel @ w - 60 * cross.mean(axis=1)
    free = (w > 1e-6) & (w < 3 - 1e-6)
    price = gradient[free].mean()  # of the sum's constraint
    np.testing.assert_allclose(gradient[free], price, atol=1e-4)
    assert (gradient[w <= 1e-6] >= price - 1e-4).all()
    assert (gradient[w >= 3 - 1e-6] <= price + 1e-4).all()
    with pytest.raises(ValueError, match="cannot have a mean"):
        kernel_mean_matching(kernel, cross, bound=0.5, slack=0.1)


@pytest.mark.parametrize("seed", [0, 1])
def test_kliep_agrees_with_skada(seed: int) -> None:
    source, target = two_domains(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skada._reweight import KLIEPReweightAdapter

        peer = KLIEPReweightAdapter(gamma=0.5, n_centers=45, tol=1e-12, max_iter=100, random_state=seed)
        theirs, centres = peer._weights_optimization(0.5, source, target)
    of_target, of_source = rbf(target, centres), rbf(source, centres)
    ours = ratio_coefficients(of_target, of_source, tolerance=1e-6, steps=100000)
    assert (of_source @ ours).mean() == pytest.approx(1.0)
    likelihood, other = np.log(of_target @ ours).mean(), np.log(of_target @ theirs).mean()
    assert likelihood >= other - 1e-6  # ours is the optimum, to the tolerance; theirs stops early
    assert np.corrcoef(of_source @ ours, of_source @ theirs)[0, 1] > 0.9


def test_kliep_s_bound_is_a_bound() -> None:
    source, target = two_domains(5)
    of_target, of_source = rbf(target, target), rbf(source, target)
    rough = np.log(of_target @ ratio_coefficients(of_target, of_source, tolerance=0.05)).mean()
    fine = np.log(of_target @ ratio_coefficients(of_target, of_source, tolerance=1e-7, steps=200000)).mean()
    assert 0 <= fine - rough <= 0.05


@METHODS
def test_weights_follow_the_true_ratio_of_two_gaussians(method: Any) -> None:
    of = table(300, 200, 1.0)
    weights = method.weigh(of)
    true = np.exp(of.features[:300, 0] - 0.5)
    assert np.corrcoef(weights[:300], true / true.mean())[0, 1] > 0.8
    assert weights[:300].mean() == pytest.approx(1.0, abs=1e-5)
    assert (weights[300:] == 1).all()


@METHODS
def test_no_shift_leaves_most_of_the_evidence_and_labels_are_not_read(method: Any) -> None:
    of = table(80, 80, 0.0)
    weights = method.weigh(of)
    assert effective_sample_size(weights[:80]) > 40
    assert np.array_equal(weights, method.weigh(replace(of, labels=1 - of.labels)))


@METHODS
@pytest.mark.parametrize("features", ["constant", "far apart", "wide"])
def test_weights_stay_finite_on_hard_features(method: Any, features: str) -> None:
    of = table(12, 8, 0.0, width=300 if features == "wide" else 2)
    if features == "constant":
        of = replace(of, features=np.ones_like(of.features))
    if features == "far apart":
        of = replace(of, features=of.features + np.where(of.is_source, 0, 1000)[:, None].astype(np.float32))
    weights = method.weigh(of)
    assert np.isfinite(weights).all()
    assert weights[:12].mean() == pytest.approx(1.0, abs=1e-5)


def test_distances_and_scales_have_their_closed_forms() -> None:
    x = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    np.testing.assert_allclose(standardised(x)[:, 0], np.array([-1, 0, 1]) / np.sqrt(2 / 3))
    np.testing.assert_array_equal(standardised(x)[:, 1], 0)
    assert median_distance2(x[:1], x[1:]) == 4.0
