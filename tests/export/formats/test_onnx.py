"""ONNX: equal to the network for any batch, for families of backbones and treatments, and the network is left alone."""
from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from medtl.config.sections import ModelSection
from medtl.export.formats.onnx import Onnx
from medtl.export.session import Session
from medtl.models.build import build_model
from medtl.tasks.classification import Classification


@pytest.mark.parametrize(("backbone", "treatment", "pooling"), [
    ("test_efficientnet", "dsbn", "mean"),
    pytest.param("test_resnet", "frozen", "attention", marks=pytest.mark.slow),
    pytest.param("test_vit", "joint", "max", marks=pytest.mark.slow),
    pytest.param("efficientnet_lite0", "joint", "attention", marks=pytest.mark.slow),
    pytest.param("convnext_atto", "joint", "mean", marks=pytest.mark.slow),
    pytest.param("densenet121", "dsbn", "mean", marks=pytest.mark.slow),
])
def test_the_file_answers_as_the_network(tmp_path: Path, backbone: str, treatment: str, pooling: str) -> None:
    section = ModelSection(backbone=backbone, weights="none", bn=treatment, pooling=pooling)  # type: ignore[arg-type]
    model = build_model(section, task=Classification(label="a"), seed=0, needs_adaptation=True).train()
    model.pair(torch.rand(4, 2, 1, 32, 32), torch.rand(4, 2, 1, 32, 32) + 1)
    model.eval()
    before = copy.deepcopy(model.state_dict())
    path = Onnx().write(model, (2, 1, 32, 32), tmp_path)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
    session = Session(path, "softmax")
    for count in (1, 3):
        images = torch.rand(count, 2, 1, 32, 32)
        with torch.inference_mode():
            np.testing.assert_allclose(session.logits(images.numpy()), model(images).numpy(), atol=1e-5)
