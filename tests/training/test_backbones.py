"""Every backbone trains an epoch on pictures, of whatever family; a new one is tried because it lies in its folder."""
from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_cohort import QUICK, cohort, real_model, run, weights

from medtl import registry

SIDE = 32
TIMM = ("vgg11", "inception_v3", "resnet18", "efficientnet_b0", "convnext_atto", "vit_tiny_patch16_224")
"""One network of each family that timm brings and that has no file here."""
SIDES = {"inception_v3": 75}
"""Where the convolutions leave nothing of smaller pictures."""
SLOW = {"vgg11", "alexnet", "inception_v3", "monai_densenet121", "monai_resnet18", "inflated_resnet18",
        "inflated_efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"}
NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
         for name in (*registry.names("backbones"), *TIMM)]


@pytest.mark.parametrize("name", NAMES)
def test_an_epoch_on_pictures_moves_every_part(name: str, tmp_path: Path) -> None:
    side = SIDES.get(name, SIDE)
    start = real_model(name)
    before = weights(start)
    trained = run(tmp_path, [], model=start, train=replace(QUICK, epochs=1, selection="last"),
                  of=cohort(per_site=8), side=side)
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["epoch"] for record in records] == [0]
    assert all(math.isfinite(value) for value in records[0].values() if isinstance(value, float))
    after = trained.state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in after.values())
    own = {id(tensor): key for key, tensor in trained.named_parameters()}
    for part, module in trained.parts.items():
        keys = [own[id(tensor)] for tensor in module.parameters()]
        assert not keys or any(not torch.equal(before[key], after[key]) for key in keys), part
    with torch.no_grad():
        said = trained(torch.rand(2, 1, 1, side, side, generator=torch.Generator().manual_seed(0)))
    assert said.shape == (2, 2)
    assert torch.isfinite(said).all()
