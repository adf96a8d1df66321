"""Transfer components against brute force: residuals, eigenvalues, random subspaces, and their landmark form."""
from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from medtl.functional.components import (
    Components,
    fit_components,
    kernel_matrix,
    landmark_components,
    transfer_components,
)

Matrix = NDArray[np.float64]


def rows(n: int, width: int = 6, *, seed: int = 0, shift: float = 0.0) -> Matrix:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, width)) * np.linspace(0.5, 2.0, width)
    x[:, 0] += shift
    return x


def problem(kernel: Matrix, n: int, mu: float) -> tuple[Matrix, Matrix]:
    """Both sides of the eigenproblem, every matrix written out."""
    count = len(kernel)
    centre = np.eye(count) - np.ones((count, count)) / count
    m = count - n
    apart = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            apart[i, j] = 1 / n**2 if max(i, j) < n else 1 / m**2 if min(i, j) >= n else -1 / (n * m)
    return kernel @ centre @ kernel, np.eye(count) + mu * kernel @ apart @ kernel


@pytest.mark.parametrize("mu", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("kind", ["linear", "rbf"])
def test_components_solve_the_generalised_eigenproblem(mu: float, kind: str) -> None:
    x = np.concatenate([rows(14, seed=1, shift=2.0), rows(11, seed=2)])
    kernel = kernel_matrix(x, x, kind, 0.2)  # type: ignore[arg-type]
    left, right = problem(kernel, 14, mu)
    weights, values = transfer_components(kernel, 14, mu, 4)
    residual = left @ weights - right @ weights * values
    assert np.linalg.norm(residual) / np.linalg.norm(left @ weights) < 1e-8
    brute = np.sort(np.linalg.eigvals(np.linalg.solve(right, left)).real)[::-1]
    np.testing.assert_allclose(values, brute[:4], rtol=1e-8)
    np.testing.assert_allclose(weights.T @ right @ weights, np.eye(4), atol=1e-8)
    assert (weights[np.abs(weights).argmax(axis=0), range(4)] > 0).all()


def test_their_objective_is_above_random_subspaces() -> None:
    x = np.concatenate([rows(14, seed=1, shift=2.0), rows(11, seed=2)])
    kernel = kernel_matrix(x, x, "rbf", 0.2)
    left, right = problem(kernel, 14, 100.0)

    def objective(w: Matrix) -> float:
        return float(np.trace(np.linalg.solve(w.T @ right @ w, w.T @ left @ w)))

    best = objective(transfer_components(kernel, 14, 100.0, 3)[0])
    draw = np.random.default_rng(0)
    assert all(objective(draw.normal(size=(25, 3))) < best for _ in range(200))


@pytest.mark.parametrize("shape", [(12, 9, 4), (7, 6, 30)])
def test_feature_space_gives_the_same_rows_as_the_kernel(shape: tuple[int, int, int]) -> None:
    n, m, width = shape
    x = np.concatenate([rows(n, width, seed=1, shift=1.0), rows(m, width, seed=2)])
    weights, values = transfer_components(x @ x.T, n, 5.0, 3)
    other, others = landmark_components(x, n, 5.0, 3)
    np.testing.assert_allclose(values, others, rtol=1e-8)
    mapped, again = x @ x.T @ weights, x @ other
    np.testing.assert_allclose(np.abs(mapped), np.abs(again), rtol=1e-6, atol=1e-8)


def test_all_rows_as_landmarks_give_the_exact_solution() -> None:
    source, target = rows(20, seed=1, shift=1.0), rows(15, seed=2)
    exact = fit_components(source, target, count=3, kernel="rbf", gamma=0.1)
    near = fit_components(source, target, count=3, kernel="rbf", gamma=0.1, limit=10, landmarks=35)
    np.testing.assert_allclose(near.eigenvalues, exact.eigenvalues, rtol=1e-5)
    unseen = rows(5, seed=3)
    np.testing.assert_allclose(np.abs(near.transform(unseen)), np.abs(exact.transform(unseen)), rtol=1e-3, atol=1e-5)


def test_few_landmarks_still_find_the_leading_component() -> None:
    source, target = rows(150, seed=1, shift=1.0), rows(150, seed=2)
    exact = fit_components(source, target, count=2, kernel="rbf", gamma=0.05).transform(target)
    near = fit_components(source, target, count=2, kernel="rbf", gamma=0.05, limit=100, landmarks=60).transform(target)
    assert abs(np.corrcoef(exact[:, 0], near[:, 0])[0, 1]) > 0.99


def gap(found: Components, source: Matrix, target: Matrix) -> float:
    s, t = found.transform(source), found.transform(target)
    return float(np.linalg.norm((s.mean(0) - t.mean(0)) / np.concatenate([s, t]).std(0)))


@pytest.mark.parametrize("kind", ["linear", "rbf"])
def test_a_larger_mu_leaves_less_of_the_shift_on_held_out_rows(kind: str) -> None:
    source, target = rows(120, seed=1, shift=3.0), rows(120, seed=2)
    gaps = [
        gap(fit_components(source, target, count=2, mu=mu, kernel=kind, gamma=None),  # type: ignore[arg-type]
            rows(200, seed=3, shift=3.0), rows(200, seed=4))
        for mu in (0.0, 1.0, 100.0)
    ]
    assert gaps[2] < 0.5 * gaps[0]
    assert gaps[1] <= gaps[0]


def test_rows_come_back_in_their_order_and_constant_features_do_no_harm() -> None:
    source, target = rows(10, seed=1), rows(8, seed=2)
    source[:, 3] = target[:, 3] = 7.0
    found = fit_components(source, target, count=50)
    assert found.transform(source).shape == (10, 5)  # the rank, not the wish
    order = np.random.default_rng(0).permutation(10)
    np.testing.assert_allclose(found.transform(source[order]), found.transform(source)[order])
    assert np.isfinite(found.transform(target)).all()
