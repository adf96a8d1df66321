"""Moments of layers within a network: right by hand, the same when what follows is cut off, kept by disk and export."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from medtl.config.sections import ModelSection
from medtl.export.formats.onnx import Onnx
from medtl.models import store
from medtl.models.backbones.base import part_names
from medtl.models.behind import KernelProjection, Standardise
from medtl.models.build import build_model
from medtl.models.model import Model
from medtl.models.probed import probed
from medtl.models.tapped import layers_of, moments, tap
from medtl.tasks.classification import Classification

TASK = Classification(label="nodule")
LAYERS = ("blocks.1", "blocks.2")


def model(backbone: str = "mobilenetv3_small_050", **options: object) -> Model:
    return build_model(ModelSection(backbone=backbone, weights="none", **options), task=TASK, seed=0)  # type: ignore[arg-type]


def images(count: int = 3, side: int = 32) -> torch.Tensor:
    return torch.rand(count, 2, 1, side, side, generator=torch.Generator().manual_seed(5))


@torch.no_grad()
def test_moments_are_those_of_the_layers_own_activations() -> None:
    base = model()
    wanted = {}
    parts = part_names(base.encoder.net)
    for name in LAYERS:
        parts[name].register_forward_hook(lambda _, __, out, name=name: wanted.__setitem__(name, out))
    x = images()[:, 0]
    base.encoder(x)
    given = tap(base.encoder, LAYERS, ("mean", "std"))(x)
    hand = [f(wanted[name]) for name in LAYERS for f in (
        lambda v: v.mean(dim=(2, 3)), lambda v: v.var(dim=(2, 3), correction=0).sqrt())]
    assert torch.allclose(given, torch.cat(hand, dim=1), atol=1e-5)


@pytest.mark.parametrize("backbone", ["mobilenetv3_small_050", "resnet10t", "vit_tiny_patch16_224"])
def test_what_follows_the_last_layer_is_cut_off_and_every_family_gives_layers(backbone: str) -> None:
    base = model(backbone)
    found = layers_of(base.encoder)
    assert len(found) >= 3
    middle = found[len(found) // 2]
    tapped = tap(base.encoder, (middle,), ("mean",))
    assert tapped.spec["cut"]
    assert list(part_names(tapped.net))[-1] == middle
    assert sum(p.numel() for p in tapped.parameters()) < sum(p.numel() for p in base.encoder.parameters())
    assert found[-1] in part_names(base.encoder.net)  # the given one is whole


def test_without_space_the_spread_is_zero() -> None:
    mean, spread = moments(torch.ones(2, 5), (), ("mean", "std"))
    assert (mean == 1).all()
    assert (spread == 0).all()


def test_a_layer_that_is_not_there_is_told() -> None:
    with pytest.raises(ValueError, match="no activation of its own"):
        tap(model().encoder, ("blocks.99",), ("mean",))


def filled(width: int, kernel: bool) -> tuple[Standardise, nn.Linear | KernelProjection]:
    draw = torch.Generator().manual_seed(1)
    standardise = Standardise(width)
    standardise.mean.copy_(torch.rand(width, generator=draw))
    standardise.factor.copy_(torch.rand(width, generator=draw))
    if not kernel:
        return standardise, nn.Linear(width, 2)
    head = KernelProjection(width, 7, 2)
    for buffer in (head.landmarks, head.weights, head.offset):
        buffer.copy_(torch.rand(buffer.shape, generator=draw))
    return standardise, head


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [False, True])
@pytest.mark.parametrize("bn", ["joint", "dsbn"])
def test_disk_and_export_keep_the_answer(kernel: bool, bn: str, tmp_path: Path) -> None:
    base = model(pooling="attention", bn=bn)
    width = tap(base.encoder, LAYERS, ("mean", "std")).width
    made = probed(base, LAYERS, ("mean", "std"), *filled(width, kernel))
    x = images()
    with torch.no_grad():
        answer = made(x)
    assert answer.shape == (3, 2)
    store.save(made, tmp_path)
    with torch.no_grad():
        assert torch.equal(store.load(tmp_path)(x), answer)
    path = Onnx().write(made, (2, 1, 32, 32), tmp_path)
    exported = onnxruntime.InferenceSession(str(path)).run(["logits"], {"image": x.numpy()})[0]
    assert np.allclose(exported, answer.numpy(), atol=1e-5)
    assert made.describe()["pooling"] == "mean"
    parts = made.parts
    assert "head" in parts or kernel
    assert "conv_head" not in parts
    assert "blocks.2" in parts
