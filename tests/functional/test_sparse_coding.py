"""Convolutional codes against scikit-learn's lasso on the same problem written as a matrix."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import Tensor

from medtl.functional.sparse_coding import (
    bounded,
    coding_objective,
    compose,
    correlate,
    shared_between_scales,
    shrink,
    sparse_codes,
)


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def banks() -> list[Tensor]:
    return bounded([draw(2, 1, 3, 3, seed=1), draw(3, 1, 5, 5, seed=2)])


def test_correlate_is_the_adjoint_of_compose() -> None:
    codes = [draw(2, 2, 6, 7, seed=3), draw(2, 3, 6, 7, seed=4)]
    images = draw(2, 1, 6, 7, seed=5)
    one = (compose(codes, banks()) * images).sum()
    other = sum((z * c).sum() for z, c in zip(codes, correlate(images, banks()), strict=True))
    assert float(one) == pytest.approx(float(other), rel=1e-4)


def test_codes_reach_the_lasso_solution() -> None:
    image, sparsity = draw(1, 1, 6, 6, seed=6), 0.3
    columns = []
    for s, bank in enumerate(banks()):
        for k in range(len(bank)):
            for place in range(36):
                codes = [torch.zeros(1, len(b), 6, 6) for b in banks()]
                codes[s].reshape(-1)[k * 36 + place] = 1.0
                columns.append(compose(codes, banks()).flatten())
    matrix = torch.stack(columns, dim=1).double().numpy()
    pixels = image.flatten().double().numpy()
    exact = Lasso(alpha=sparsity / 36, fit_intercept=False, tol=1e-10, max_iter=100_000).fit(matrix, pixels)
    lowest = 0.5 * np.square(pixels - matrix @ exact.coef_).sum() + sparsity * np.abs(exact.coef_).sum()
    found = [
        36 * float(coding_objective(image, sparse_codes(image, banks(), sparsity, n), banks(), sparsity))
        for n in (1, 10, 400)
    ]
    assert found[0] > found[1] > found[2]
    assert found[2] == pytest.approx(lowest, rel=1e-3)
    codes = torch.cat([z.flatten() for z in sparse_codes(image, banks(), sparsity, 400)])
    assert 0 < int((codes != 0).sum()) < 0.7 * len(codes)


def test_filters_are_at_most_of_length_one_and_values_shrink() -> None:
    long, short = torch.full((1, 1, 3, 3), 2.0), torch.full((1, 1, 3, 3), 0.1)
    assert float(bounded([long])[0].norm()) == pytest.approx(1.0)
    assert torch.equal(bounded([short])[0], short)
    assert shrink(torch.tensor([-2.0, 0.5, 1.5]), 1.0).tolist() == [-1.0, 0.0, 0.5]


def test_equal_filters_of_two_scales_share_everything() -> None:
    small = draw(1, 1, 3, 3, seed=1)
    padded = torch.nn.functional.pad(small, (1,) * 4)
    assert float(shared_between_scales([small, 2 * padded])) == pytest.approx(1.0, rel=1e-5)
    apart = padded.clone()
    apart[..., 1:4, 1:4] = 0
    apart[..., 0, 0] = 1
    assert float(shared_between_scales([small, apart])) == 0.0
    assert float(shared_between_scales([small])) == 0.0
