"""Pooling over slices: no order, no dependence on padding by copies, and the published formula."""
from __future__ import annotations

import pytest
import torch

from medtl.models.pooling import AttentionPooling, build_pooling


@pytest.mark.parametrize("name", ["mean", "max", "attention"])
def test_the_order_of_slices_does_not_matter(name: str) -> None:
    pooling = build_pooling(name, 7)  # type: ignore[arg-type]
    slices = torch.randn(3, 9, 7)
    assert torch.allclose(pooling(slices), pooling(slices[:, torch.randperm(9)]), atol=1e-6)


@pytest.mark.parametrize("name", ["mean", "max", "attention"])
def test_copies_of_one_slice_pool_to_that_slice(name: str) -> None:
    one = torch.randn(4, 1, 7)
    assert torch.allclose(build_pooling(name, 7)(one.expand(-1, 5, -1)), one[:, 0], atol=1e-6)  # type: ignore[arg-type]


def test_attention_equals_the_formula_slice_by_slice() -> None:
    pooling = AttentionPooling(5, hidden=3)
    slices = torch.randn(2, 4, 5)
    for study in range(2):
        scores = []
        for h in slices[study]:
            gated = torch.tanh(pooling.value.weight @ h + pooling.value.bias) * torch.sigmoid(
                pooling.gate.weight @ h + pooling.gate.bias)
            scores.append((pooling.score.weight @ gated).exp())
        total = sum(scores)
        expected = sum(s / total * h for s, h in zip(scores, slices[study], strict=True))
        assert torch.allclose(pooling(slices)[study], expected, atol=1e-6)
    assert torch.allclose(pooling.attention(slices).sum(1), torch.ones(2))
