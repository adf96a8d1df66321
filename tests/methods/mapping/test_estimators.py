"""The estimators behave like scikit-learn's, and equal the oracles."""
from __future__ import annotations

import numpy as np
import pytest
from skada import CORALAdapter
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import medtl.methods.mapping
from medtl import registry
from medtl.functional.components import fit_components
from medtl.methods.base import Method
from medtl.methods.mapping import CORAL, TCA


def draw(n: int, *, seed: int, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 5)) * scale + shift


def test_tca_gives_the_components_in_input_order() -> None:
    source, target = draw(20, seed=1, shift=1.0), draw(15, seed=2)
    found = TCA(n_components=3, mu=10.0, kernel="rbf").fit(source, target)
    expected = fit_components(source, target, count=3, mu=10.0, kernel="rbf").transform(target)
    np.testing.assert_array_equal(found.transform(target), expected)
    np.testing.assert_array_equal(TCA(3, 10.0, "rbf").fit_transform(source, target), found.transform(source))
    assert clone(found).get_params() == found.get_params()


def test_coral_equals_skadas() -> None:
    source, target = draw(40, seed=1), draw(40, seed=2, scale=3.0)  # equal, since skada divides by n, not n - 1
    x = np.concatenate([source, target])
    domain = np.array([1] * 40 + [-2] * 40)
    theirs = CORALAdapter(reg=0.0).fit_transform(x, sample_domain=domain)
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    ours = CORAL(ridge=0.0).fit(source, target).transform(source)
    a, b = np.cov(np.asarray(theirs)[:40].T), np.cov(ours.T)
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(b, np.cov(target.T), rtol=1e-8)


@pytest.mark.parametrize("estimator", [TCA(), CORAL()])
def test_wrong_input_is_refused(estimator: TCA | CORAL) -> None:
    with pytest.raises(NotFittedError):
        clone(estimator).transform(draw(3, seed=0))
    with pytest.raises(ValueError, match="expected 5 features"):
        estimator.fit(draw(8, seed=1), draw(8, seed=2)[:, :4])
    fitted = estimator.fit(draw(8, seed=1), draw(8, seed=2))
    with pytest.raises(ValueError, match="expected 5 features"):
        fitted.transform(draw(8, seed=2)[:, :4])
    with pytest.raises(ValueError, match="NaN"):
        estimator.fit(np.full((4, 5), np.nan), draw(8, seed=2))


def test_the_package_has_the_estimator_and_the_registry_the_method() -> None:
    assert medtl.methods.mapping.TCA is TCA
    assert issubclass(registry.load("methods", "tca"), Method)
    assert not any(name.startswith("_") for name in registry.names("methods"))
    with pytest.raises(AttributeError, match="no attribute 'JAN'"):
        _ = medtl.methods.mapping.JAN  # type: ignore[attr-defined]
