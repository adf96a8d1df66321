"""Prediction and AdaBN over batches: no dependence on batch size, labels or the mode the model was in."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from medtl.config.sections import ModelSection
from medtl.data.batches import Batch
from medtl.models import bn
from medtl.models.build import build_model
from medtl.models.model import Model
from medtl.models.predict import adapt_bn, predict
from medtl.tasks.classification import Classification


def _model(treatment: str = "joint") -> Model:
    section = ModelSection(backbone="resnet18", weights="none", bn=treatment)  # type: ignore[arg-type]
    return build_model(section, task=Classification(label="nodule"), seed=0)


def _batches(size: int, order: list[int]) -> list[Batch]:
    images = torch.rand(6, 2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    images = images * torch.arange(1, 7).view(-1, 1, 1, 1, 1)
    return [
        Batch(images[rows], torch.full((len(rows), 1), float("nan")), torch.zeros(len(rows), 1, dtype=torch.bool),
              torch.ones(len(rows)), torch.zeros(len(rows), dtype=torch.long), torch.tensor(rows))
        for rows in (order[i:i + size] for i in range(0, len(order), size))
    ]


def test_batches_of_any_size_give_the_same_predictions_and_modes_return() -> None:
    model = _model().train()
    model.head.eval()
    one, many = (predict(model, _batches(size, list(range(6))), features=True) for size in (1, 6))
    assert np.array_equal(one.rows, np.arange(6))
    assert one.logits.shape == (6, 2)
    assert one.features is not None
    assert many.features is not None
    np.testing.assert_allclose(one.logits, many.logits, atol=1e-5)
    np.testing.assert_allclose(one.features, many.features, atol=1e-4)
    assert one.branch == "single"
    assert model.training
    assert not model.head.training
    assert model.encoder.training


def test_no_batches_give_no_rows() -> None:
    nothing = predict(_model(), [], features=True)
    assert nothing.logits.shape == (0, 2)
    assert nothing.features is not None
    assert nothing.features.shape == (0, 512)


def test_adabn_makes_inference_that_of_one_batch_of_the_target() -> None:
    expected = _model("adabn").train().full(torch.cat([b.images for b in _batches(6, list(range(6)))])).outputs
    for size, order in ((2, [0, 1, 2, 3, 4, 5]), (3, [5, 0, 4, 1, 3, 2])):
        model = _model("adabn")
        adapt_bn(model, _batches(size, order))
        predicted = predict(model, _batches(6, list(range(6))))
        np.testing.assert_allclose(predicted.logits, expected.detach().numpy(), atol=1e-4)


@pytest.mark.parametrize("treatment", ["joint", "split", "dsbn", "frozen"])
def test_adabn_leaves_other_treatments_alone(treatment: str) -> None:
    model = _model(treatment)
    adapt_bn(model, _batches(2, [0, 1, 2, 3]))
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), _model(treatment).state_dict().values(),
                                                 strict=True))
    assert not any(norm.training for norm in bn.layers(model))
