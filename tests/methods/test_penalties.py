"""What the penalty of every aligning method holds: order, precision, collapse, unequal batches, and who is moved."""
from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medtl import registry
from medtl.functional.reversal import reversal_strength
from medtl.methods.base import Method, Step, overrides
from medtl.tasks.classification import Classification

NAMES = [
    entry.name for entry in registry.entries("methods")
    if entry.family in ("mapping", "adversarial") and overrides(registry.load("methods", entry.name)(), "penalty")
]
MORE: dict[str, list[dict[str, Any]]] = {
    "dan": [{"kernel_weights": "quadratic"}, {"estimate": "linear"}, {"estimate": "random_features"}],
    "ddc": [{"squared": False}], "dann": [{"tells": "domain"}], "cdan": [{"tells": "domain"}, {"entropy": False}],
    "domain_confusion": [{"tells": "domain"}], "luo_transfer": [{"tells": "domain"}],
    "wdgrl": [{"layers": ["features", "outputs"]}], "rtn": [{"domains": "pairwise"}],
}
CASES = [(name, options) for name in NAMES for options in ({}, *MORE.get(name, []))]
EVERY = pytest.mark.parametrize(
    ("name", "options"), CASES, ids=lambda of: of if isinstance(of, str) else "-".join(map(str, of.values())) or "plain"
)
FullStep = Callable[..., Step]
LABELS = [0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0]


def draw(rows: int, width: int = 4, *, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) + shift


class Network(nn.Module):
    """What a method builds its own parts for."""

    feature_width = 4


def made(name: str, options: dict[str, Any]) -> tuple[Method, nn.Module | None]:
    method = registry.load("methods", name)(**options)
    setting = SimpleNamespace(
        model=Network(), task=Classification(label="nodule"), domains=("a", "b"), rng=lambda *names: 7
    )
    own: nn.Module | None = Method.build(method, setting)  # type: ignore[arg-type]
    if overrides(method, "build"):
        own = method.build(setting)  # type: ignore[arg-type]
        with torch.no_grad():  # a residual that starts at zero would move nothing yet
            for parameter in own.parameters():  # type: ignore[union-attr]
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return method, own


def penalty(method: Method, step: Step) -> Tensor:
    torch.manual_seed(11)  # some draw lines or frequencies
    value = method.penalty(step)
    assert value is not None
    return value


def batches(full_step: FullStep, own: nn.Module | None, source: Tensor, target: Tensor, **more: Any) -> Step:
    heads = draw(4, 2, seed=9)
    told = {"labels": LABELS[:len(source)], "own": own, **more}
    return full_step((source, source @ heads), (target, target @ heads), **told)


@EVERY
def test_interleaved_order_equals_sorted_order(name: str, options: dict[str, Any], full_step: FullStep) -> None:
    if options.get("kernel_weights") == "quadratic" or options.get("estimate") == "linear":
        pytest.skip("disjoint pairs are made of the order that the loader drew")
    method, own = made(name, options)
    source, target = draw(9, seed=1, shift=1.0), draw(6, seed=2)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    first = penalty(method, batches(full_step, own, source, target))
    other = batches(full_step, own, source[order], target.flip(0), labels=[LABELS[k] for k in order.tolist()])
    torch.testing.assert_close(penalty(method, other), first, rtol=1e-5, atol=1e-6)


@EVERY
def test_autocast_changes_nothing(name: str, options: dict[str, Any], full_step: FullStep) -> None:
    method, own = made(name, options)
    step = batches(full_step, own, draw(9, seed=1, shift=1.0), draw(6, seed=2), target_labels=[1.0, 0.0] * 3)
    outside = penalty(method, step)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = penalty(method, step)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, outside, rtol=1e-6, atol=1e-7)


@EVERY
@pytest.mark.parametrize("kind", ["zero", "equal", "far"])
def test_collapsed_and_far_features_have_finite_slopes(
    name: str, options: dict[str, Any], kind: str, full_step: FullStep
) -> None:
    method, own = made(name, options)
    source = {"zero": torch.zeros(9, 4), "equal": torch.ones(9, 4), "far": 1e3 + draw(9, seed=1)}[kind].requires_grad_()
    target = torch.zeros(6, 4) if kind == "zero" else torch.ones(6, 4)
    value = penalty(method, batches(full_step, own, source, target))
    moving = [source, *(own.parameters() if own is not None else ())]
    slopes = torch.autograd.grad(value, moving, allow_unused=True, materialize_grads=True)
    assert torch.isfinite(value)
    assert all(torch.isfinite(slope).all() for slope in slopes)


@EVERY
@pytest.mark.parametrize(("n", "m"), [(9, 4), (4, 9)])
def test_unequal_batches_of_both_domains_are_moved(
    name: str, options: dict[str, Any], n: int, m: int, full_step: FullStep
) -> None:
    method, own = made(name, options)
    source, target = draw(n, seed=1, shift=1.0).requires_grad_(), draw(m, seed=2).requires_grad_()
    assert reversal_strength(0.5) > 0.9
    value = penalty(method, batches(full_step, own, source, target, progress=0.5))
    on_source, on_target = torch.autograd.grad(value, [source, target])
    assert on_source.any()
    assert on_target.any()


@pytest.mark.parametrize("name", NAMES)
def test_target_labels_that_nobody_may_see_are_not_read(name: str, full_step: FullStep) -> None:
    method, own = made(name, {})
    step = batches(full_step, own, draw(9, seed=1, shift=1.0), draw(6, seed=2))
    first = penalty(method, step)
    assert step.pair.target is not None
    step.pair.target.labels.fill_(1.0)  # in place: not known, whatever they are
    torch.testing.assert_close(penalty(method, step), first, rtol=0, atol=0)
