"""Heads of regressions: values in their unit, and a weighted median that disk and export keep."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from medtl.config.sections import ModelSection
from medtl.export.formats.onnx import Onnx
from medtl.functional.boosting.median import weighted_median
from medtl.models import store
from medtl.models.behind import Affine
from medtl.models.build import build_model
from medtl.models.extend import extend
from medtl.models.model import Model
from medtl.models.values import MedianHead, ValueHead
from medtl.models.votes import with_head
from medtl.tasks.regression import Regression


def model() -> Model:
    task = Regression("age").balanced_by(np.array([[40.0], [80.0]], dtype=np.float32))
    return build_model(ModelSection(backbone="mobilenetv3_small_050", weights="none"), task=task, seed=0)


def median(width: int, learners: int = 5) -> MedianHead:
    head = MedianHead(width, learners)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        head.linear.weight.copy_(torch.rand(head.linear.weight.shape, generator=draw))
        head.linear.bias.copy_(torch.rand(head.linear.bias.shape, generator=draw))
        head.votes.copy_(torch.tensor([0.1, 0.3, 0.2, 0.15, 0.25])[:learners])
    return head


def test_the_median_is_that_of_the_estimators() -> None:
    head = median(6)
    x = torch.rand(20, 6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        said = head.linear(x).numpy().T.astype(np.float64)
        assert np.allclose(head(x)[:, 0], weighted_median(said, head.votes.numpy().astype(np.float64)), atol=1e-6)
    single = median(6, 1)
    single.votes.fill_(1.0)
    with torch.no_grad():
        assert torch.allclose(single(x), single.linear(x))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["value", "median"])
def test_disk_and_export_keep_values(kind: str, tmp_path: Path) -> None:
    made = model()
    if kind == "median":
        made = with_head(made, median(made.feature_width))
    x = torch.rand(3, 2, 1, 32, 32, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        answer = made(x)
    store.save(made, tmp_path)
    with torch.no_grad():
        assert torch.equal(store.load(tmp_path)(x), answer)
    path = Onnx().write(made, (2, 1, 32, 32), tmp_path)
    exported = onnxruntime.InferenceSession(str(path)).run(["logits"], {"image": x.numpy()})[0]
    assert np.allclose(exported, answer.numpy(), rtol=1e-5)


def test_a_layer_behind_the_features_keeps_the_unit() -> None:
    made = model()
    longer = extend(made, Affine(made.feature_width, 4), seed=1)
    assert isinstance(longer.head, ValueHead)
    assert (float(longer.head.mean), float(longer.head.scale)) == (60.0, 20.0)
    assert longer.describe()["head"] == "value"
