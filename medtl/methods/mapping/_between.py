"""Which samples a discrepancy compares: source with target, or every domain with every other."""
from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from medtl.methods.base import Step

Domains: TypeAlias = Literal["pooled", "pairwise"]
Distance: TypeAlias = Callable[[list[Tensor], list[Tensor]], Tensor]
"""Activations per layer of two samples, to a scalar."""


def between(step: Step, layers: Sequence[str], distance: Distance, domains: Domains, scores: bool = False) -> Tensor:
    """The distance of source and target, or its mean over all pairs of domains that have two studies in the batch.

    Args:
        step: whose taps are compared.
        layers: names of taps.
        distance: of two samples.
        domains: ``pooled`` for source against target, ``pairwise`` for every domain (site or scanner) against every
            other, whatever their roles.
        scores: whether ``outputs`` stands for scores in [0, 1] instead of logits.

    Returns:
        Scalar; 0 where fewer than two domains have two studies each.
    """
    source = [_value(step, layer, step.source.taps[layer], scores) for layer in layers]
    target = [_value(step, layer, step.target.taps[layer], scores) for layer in layers]
    if domains == "pooled":
        return distance(source, target)
    assert step.pair.target is not None
    domain = torch.cat([step.pair.source.domain, step.pair.target.domain])
    rows = [torch.cat(both) for both in zip(source, target, strict=True)]
    present = [domain == number for number in range(step.domains)]
    groups = [[values[chosen] for values in rows] for chosen in present if int(chosen.sum()) >= 2]
    gaps = [distance(one, other) for one, other in itertools.combinations(groups, 2)]
    return torch.stack(gaps).mean() if gaps else 0.0 * rows[0].float().sum()


def _value(step: Step, layer: str, value: Tensor, scores: bool) -> Tensor:
    return step.task.activate(value) if scores and layer == "outputs" else value
