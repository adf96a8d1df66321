"""The packaged ImageNet weights in timm's network give the original network's logits, bit for bit, at native size."""
from __future__ import annotations

import pytest
import timm
import torch

from medtl import registry
from medtl.models.backbones.base import Backbone
from medtl.models.weights import file_sha256, fit_state, read_checkpoint


@pytest.mark.parametrize("number", [0, 1, 2])
def test_logits_equal_the_original_network(number: int) -> None:
    original_code = pytest.importorskip("efficientnet_lite_pytorch", reason="the original network is not installed")
    backbone: Backbone = registry.load("backbones", f"efficientnet_lite{number}")
    assert backbone.packaged is not None
    if number:
        pytest.importorskip(backbone.packaged.module, reason="optional weights")
    path = backbone.packaged.path()
    assert file_sha256(path) == backbone.packaged.sha256
    state = read_checkpoint(path, "package")

    original = original_code.EfficientNet.from_name(f"efficientnet-lite{number}")
    original.load_state_dict(state, strict=True)
    ours = timm.create_model(backbone.timm_name, pretrained=False)
    report = fit_state(ours, backbone.rename(state, ours), "package", "")
    assert (report.fresh, report.mismatched, report.unused) == ((), (), ())

    images = (torch.rand(1, 3, backbone.size, backbone.size, generator=torch.Generator().manual_seed(0)) - 0.5) / 0.5
    with torch.inference_mode():
        assert torch.equal(ours.eval()(images), original.eval()(images))
