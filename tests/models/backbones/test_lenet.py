"""LeNet-5 has the layers of the paper, takes pictures of any size, and can be frozen part by part."""
from __future__ import annotations

import pytest
import torch

from medtl.config.sections import ModelSection
from medtl.models.build import build_model
from medtl.models.front import WHOLE, splits_at
from medtl.tasks.classification import Classification

TASK = Classification(label="digit", classes=tuple("0123456789"))


def test_layers_have_the_sizes_of_the_paper() -> None:
    model = build_model(ModelSection(backbone="lenet", weights="none"), task=TASK, seed=0)
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in model.parts.items()}
    # C1: 6 (25 + 1); C3 with all connections: 16 (6 * 25 + 1); C5: 120 (16 * 25 + 1); F6: 84 (120 + 1)
    assert counts == {"conv1": 156, "conv2": 2416, "conv3": 48120, "full": 10164, "head": 850}


@pytest.mark.parametrize("side", [16, 28, 32, 61])
def test_any_size_and_both_kinds_of_channels(side: int) -> None:
    model = build_model(ModelSection(backbone="lenet", weights="none"), task=TASK, seed=0)
    images = torch.rand(3, 2, 1, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = model(images)
        assert logits.shape == (3, 10)
        assert torch.allclose(logits, model(images.expand(-1, -1, 3, -1, -1)))


@pytest.mark.parametrize("boundary", ["conv1", "conv2", "conv3", "full", WHOLE])
def test_it_can_be_cut_behind_each_part(boundary: str) -> None:
    model = build_model(ModelSection(backbone="lenet", weights="none"), task=TASK, seed=0)
    assert splits_at(model, torch.rand(2, 1, 1, 32, 32, generator=torch.Generator().manual_seed(0)), boundary)
