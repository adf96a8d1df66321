"""DAN: which layers it compares, and that it brings a shifted toy together."""
from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from medtl.functional.discrepancy import mk_mmd2, mmd2
from medtl.functional.scalable import linear_time_mmd2, random_feature_mmd2
from medtl.methods.base import Step
from medtl.methods.mapping.dan import DAN


def draw(rows: int, *, shift: float = 0.0, seed: int = 0) -> Tensor:
    return torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed)) + shift


def test_penalty_is_the_weighted_sum_over_layers(step_of: Callable[..., Step]) -> None:
    source, target = draw(9, shift=1.0), draw(7, seed=1)
    step = step_of(source, target)
    expected = 0.5 * (mmd2(source, target) + mmd2(source[:, :2], target[:, :2]))
    torch.testing.assert_close(DAN(weight=0.5, layers=("features", "outputs")).penalty(step), expected)
    torch.testing.assert_close(DAN(kernel_weights="quadratic").penalty(step), mk_mmd2(source, target))
    assert DAN(layers=("blocks.1", "outputs")).reads == ("blocks.1", "outputs")


def test_estimates_for_large_batches_are_their_functions(step_of: Callable[..., Step]) -> None:
    source, target = draw(9, shift=1.0), draw(7, seed=1)
    step = step_of(source, target)
    torch.testing.assert_close(DAN(estimate="linear").penalty(step), linear_time_mmd2(source, target))
    torch.manual_seed(4)
    found = DAN(estimate="random_features", random_features=16).penalty(step)
    torch.manual_seed(4)
    torch.testing.assert_close(found, random_feature_mmd2(source, target, torch.randn(4, 16)))
    assert DAN(estimate="linear", kernel_weights="quadratic").check(None)  # type: ignore[arg-type]
    assert not DAN(kernel_weights="quadratic").check(None)  # type: ignore[arg-type]


def test_pairwise_domains_of_two_are_source_and_target(step_of: Callable[..., Step]) -> None:
    step = step_of(draw(9, shift=1.0), draw(7, seed=1))
    torch.testing.assert_close(DAN(domains="pairwise").penalty(step), DAN().penalty(step))


@pytest.mark.parametrize("kernel_weights", ["uniform", "quadratic"])
def test_alignment_lowers_the_held_out_distance_of_two_gaussians(
    step_of: Callable[..., Step], kernel_weights: str
) -> None:
    method = DAN(kernel_weights=kernel_weights)  # type: ignore[arg-type]
    encoder = nn.Linear(4, 4, bias=False)
    with torch.no_grad():
        encoder.weight.copy_(torch.eye(4))
    optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-2)
    shift = torch.tensor([2.0, 0, 0, 0])
    tests = draw(200, seed=3) + shift, draw(200, seed=4)

    def gap() -> float:
        with torch.no_grad():
            s, t = (encoder(x) for x in tests)
            return float((s.mean(0) - t.mean(0)).norm() / torch.cat([s - s.mean(0), t - t.mean(0)]).std())

    before = gap()
    for k in range(150):
        optimizer.zero_grad()
        method.penalty(step_of(encoder(draw(64, seed=100 + k) + shift), encoder(draw(64, seed=500 + k)))).backward()
        optimizer.step()
    assert before > 1.5
    assert gap() < 0.5 * before


@pytest.mark.parametrize(
    "options", [{"weight": -1.0}, {"layers": ()}, {"bandwidths": (0.0,)}, {"kernel_weights": "equal"}, {"wieght": 1.0}]
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DAN(**options)  # type: ignore[arg-type]
