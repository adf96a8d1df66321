"""What every aligning penalty holds: it is its formula, ignores order, and brings two shifted Gaussians together."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from medtl.functional.joint import jmmd2
from medtl.functional.moments import coral_distance, mean_distance, standardised_mean_distance
from medtl.functional.transport import feature_costs, label_costs, transport_plan
from medtl.methods.base import Method, Step
from medtl.methods.mapping.coral import CORAL
from medtl.methods.mapping.ddc import DDC
from medtl.methods.mapping.deep_jdot import DeepJDOT
from medtl.methods.mapping.jan import JAN
from medtl.methods.mapping.sliced_wasserstein import SlicedWasserstein

FullStep = Callable[..., Step]


def draw(rows: int, *, shift: float = 0.0, seed: int = 0, width: int = 4) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) + shift


def batches(full_step: FullStep, n: int = 9, m: int = 7, shift: float = 1.0) -> Step:
    return full_step(
        (draw(n, shift=shift, seed=1), draw(n, seed=2, width=2)), (draw(m, seed=3), draw(m, seed=4, width=2)),
        labels=[float(k % 2) for k in range(n)],
    )


def test_penalties_are_their_formulas(full_step: FullStep) -> None:
    step = batches(full_step)
    s, t = step.source, step.target
    norm = mean_distance(s.features, t.features)
    torch.testing.assert_close(DDC(weight=2.0).penalty(step), 2.0 * norm.square())
    torch.testing.assert_close(DDC(weight=2.0, squared=False).penalty(step), 2.0 * norm)
    told = DDC(layers=("features", "outputs")).diagnose(step)
    torch.testing.assert_close(told["distance.outputs"], standardised_mean_distance(s.outputs, t.outputs))
    assert set(told) == {"distance.features", "distance.outputs"}
    both = coral_distance(s.features, t.features) + coral_distance(s.outputs, t.outputs)
    torch.testing.assert_close(CORAL(weight=3.0, layers=("features", "outputs")).penalty(step), 3.0 * both)
    scores = [torch.softmax(of.outputs, dim=1) for of in (s, t)]
    torch.testing.assert_close(JAN().penalty(step), jmmd2([s.features, scores[0]], [t.features, scores[1]]))
    batch = step.pair.source
    cost = 0.5 * feature_costs(s.features, t.features) + 2.0 * label_costs(
        batch.labels, batch.known, t.outputs, "binary"
    )
    expected = 3.0 * (transport_plan(cost) * cost).sum()
    torch.testing.assert_close(DeepJDOT(weight=3.0, features=0.5, labels=2.0).penalty(step), expected)


@pytest.mark.parametrize("method", [DDC(), CORAL(), JAN()])
def test_pairwise_is_the_mean_over_pairs_of_domains(method: Method, full_step: FullStep) -> None:
    step = batches(full_step, n=8, m=8)
    of = (torch.tensor([0, 0, 0, 0, 1, 1, 1, 2]), torch.tensor([3] * 4 + [2] + [4] * 3))  # domain 2 on both sides
    source, target = (replace(b, domain=d) for b, d in zip((step.pair.source, step.pair.target), of, strict=True))
    step = replace(step, pair=replace(step.pair, source=source, target=target), domains=6)
    found = replace(method, domains="pairwise").penalty(step)  # type: ignore[type-var, call-arg]
    rows = {
        name: torch.cat([step.source.taps[name], step.target.taps[name]]) for name in ("features", "outputs")
    }
    domain = torch.cat(of)
    expected = []
    for a in range(6):
        for b in range(a + 1, 6):
            if (domain == a).sum() >= 2 and (domain == b).sum() >= 2:
                one, other = ((rows["features"][domain == k], rows["outputs"][domain == k]) for k in (a, b))
                expected.append(method.penalty(full_step(one, other)))
    assert len(expected) == 10
    torch.testing.assert_close(found, torch.stack(expected).mean())


ALIGNING: list[tuple[Method, float]] = [
    (DDC(weight=1.0), 0.3), (CORAL(), 0.0), (JAN(layers=("features",)), 0.5), (SlicedWasserstein(), 0.3),
    (DeepJDOT(features=1.0, labels=0.0), 0.5),
]


@pytest.mark.parametrize(("method", "left"), ALIGNING, ids=lambda x: type(x).__name__ if isinstance(x, Method) else "")
def test_interleaved_order_equals_sorted_order(method: Method, left: float, full_step: FullStep) -> None:
    step = batches(full_step, n=8, m=6)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    shuffled = full_step(
        (step.source.features[order], step.source.outputs[order]),
        (step.target.features.flip(0), step.target.outputs.flip(0)), labels=[float(k % 2) for k in order.tolist()],
    )
    torch.manual_seed(5)
    first = method.penalty(step)
    torch.manual_seed(5)
    torch.testing.assert_close(method.penalty(shuffled), first)


@pytest.mark.parametrize(("method", "left"), ALIGNING, ids=lambda x: type(x).__name__ if isinstance(x, Method) else "")
def test_alignment_lowers_the_held_out_distance_of_two_gaussians(
    method: Method, left: float, full_step: FullStep
) -> None:
    """CORAL does not see means: there the shift is one of spread."""
    spread = isinstance(method, CORAL)
    encoder = nn.Linear(4, 4, bias=False)
    with torch.no_grad():
        encoder.weight.copy_(torch.eye(4))
    optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-2)
    move = torch.tensor([2.0, 0, 0, 0])

    def source(rows: int, seed: int) -> Tensor:
        noise = draw(rows, seed=seed)
        return noise * (1.0 + move) if spread else noise + move

    def gap() -> float:
        with torch.no_grad():
            s, t = encoder(source(300, 3)), encoder(draw(300, seed=4))
            if spread:
                return float(coral_distance(s, t) / coral_distance(t, torch.zeros(3, 4)))
            return float((s.mean(0) - t.mean(0)).norm() / torch.cat([s - s.mean(0), t - t.mean(0)]).std())

    before = gap()
    for k in range(120):
        optimizer.zero_grad()
        s, t = encoder(source(48, 100 + k)), encoder(draw(48, seed=500 + k))
        method.penalty(full_step((s, s[:, :2]), (t, t[:, :2]), labels=[0.0] * 48)).backward()
        optimizer.step()
    assert gap() < 0.5 * before


def test_a_sliced_step_draws_from_the_global_stream(full_step: FullStep) -> None:
    step = batches(full_step)
    torch.manual_seed(3)
    one = SlicedWasserstein().penalty(step)
    torch.manual_seed(3)
    assert torch.equal(one, SlicedWasserstein().penalty(step))
    assert not torch.equal(one, SlicedWasserstein().penalty(step))


@pytest.mark.parametrize(
    ("kind", "options"),
    [(DDC, {"weight": -1}), (CORAL, {"layers": ()}), (JAN, {"bandwidths": (0.0,)}), (DDC, {"domains": "all"}),
     (SlicedWasserstein, {"projections": 0}), (DeepJDOT, {"features": -1.0})],
)
def test_options_out_of_range_are_refused(kind: Any, options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        kind(**options)


def test_deep_jdot_adds_up_the_layers_that_it_is_given(full_step: FullStep) -> None:
    made = torch.Generator().manual_seed(5)
    (s, a), (t, b) = ((torch.randn(6, 4, generator=made), torch.randn(6, 2, generator=made)) for _ in range(2))
    cost = torch.cdist(s, t).square() + torch.cdist(a, b).square()
    rows, columns = linear_sum_assignment(cost.numpy())  # equal masses: the best plan is the best assignment
    said = DeepJDOT(layers=("features", "outputs"), features=2.0, labels=0.0).penalty(full_step((s, a), (t, b)))
    assert float(said) == pytest.approx(2.0 * float(cost[rows, columns].mean()), rel=1e-5)
