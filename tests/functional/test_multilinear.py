"""The multilinear map and its random stand-in, which agree in expectation."""
from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from medtl.functional.entropy import prediction_entropy
from medtl.functional.multilinear import multilinear, randomized_multilinear


def draw(rows: int, width: int, *, seed: int) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def test_the_outer_product_is_every_product() -> None:
    features, scores = draw(3, 4, seed=1), draw(3, 2, seed=2)
    joined = multilinear(features, scores)
    for i in range(3):
        assert joined[i].tolist() == pytest.approx([float(f * g) for f in features[i] for g in scores[i]])


def test_the_random_map_keeps_inner_products_in_expectation() -> None:
    features, scores = draw(2, 5, seed=1), torch.softmax(draw(2, 3, seed=2), dim=1)
    exact = multilinear(features, scores)
    wanted = exact @ exact.T
    drawn = []
    for seed in range(400):
        mapped = randomized_multilinear(features, scores, draw(5, 64, seed=2 * seed), draw(3, 64, seed=2 * seed + 1))
        drawn.append(mapped @ mapped.T)
    found = torch.stack(drawn)
    assert ((found.mean(0) - wanted).abs() < 3.5 * found.std(0) / math.sqrt(400)).all()


def test_entropy_is_that_of_the_definition_and_bounded() -> None:
    logits = draw(5, 3, seed=3)
    p = torch.softmax(logits.double(), dim=1)
    found = prediction_entropy(logits, "multiclass").double()
    torch.testing.assert_close(found, -(p * p.log()).sum(1), rtol=1e-5, atol=1e-6)
    q = torch.sigmoid(logits.double())
    both = -(q * q.log() + (1 - q) * (1 - q).log()).mean(1)
    torch.testing.assert_close(prediction_entropy(logits, "multilabel").double(), both, rtol=1e-5, atol=1e-6)
    assert prediction_entropy(torch.zeros(1, 4), "multiclass").item() == pytest.approx(math.log(4))
    assert torch.isfinite(prediction_entropy(torch.tensor([[500.0, -500.0]]), "multilabel")).all()
    with pytest.raises(ValueError, match="no entropy"):
        prediction_entropy(logits, "regression")
