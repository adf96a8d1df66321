"""MSCSC: banks that learn what pictures are made of, without a label, in a network that is stored by name."""
from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from medtl.config.sections import ModelSection
from medtl.functional.sparse_coding import bounded, coding_objective, sparse_codes
from medtl.methods.base import Setting
from medtl.methods.mapping.mscsc import MSCSC, Dictionary
from medtl.models import store
from medtl.models.backbones.sparse_coding import SparseCodingNet
from medtl.models.build import build_model
from medtl.models.model import Model
from medtl.tasks.classification import Classification

TASK = Classification(label="nodule")


def made(method: MSCSC) -> tuple[Model, Dictionary]:
    section = ModelSection(backbone="mobilenetv3_small_050", weights="none", adaptation=4, pooling="attention")
    model = build_model(section, task=TASK, seed=0)
    setting = Setting(
        model, TASK, ("a",), ("b",), ("a", "b"), False, 1, lambda *names: sum(map(ord, str(names))), lambda: None,  # type: ignore[arg-type, return-value]
    )
    return method.network(setting)


def stripes(count: int, seed: int) -> Tensor:
    """Pictures of edges in two directions, (n, 1, 1, 24, 24)."""
    random = torch.Generator().manual_seed(seed)
    phase = torch.rand(count, 1, 1, generator=random) * 6
    at = torch.arange(24.0)
    pictures = 0.5 + 0.4 * torch.sign(torch.sin(at[None, None, :] * 0.9 + phase))
    pictures = torch.where(torch.arange(count)[:, None, None] % 2 == 0, pictures, pictures.mT).expand(-1, 24, 24)
    return pictures[:, None, None].contiguous()


def test_the_first_stage_lowers_what_new_pictures_cost_and_the_encoder_gives_their_codes() -> None:
    method = MSCSC(iterations=10, patch=24, sparsity=0.1)
    model, dictionary = made(method)
    optimizer = torch.optim.Adam([*model.encoder.parameters(), *dictionary.parameters()], lr=1e-2)
    net = model.encoder.net
    assert isinstance(net, SparseCodingNet)

    def on_new_pictures() -> tuple[float, float]:
        with torch.no_grad():
            prepared = net.prepare((stripes(4, 99)[:, 0].expand(-1, 3, -1, -1) - 0.5) / 0.5)
            banks = bounded(list(dictionary.banks))
            codes = sparse_codes(prepared, banks, method.sparsity, 30)
            missed = sum(float((g - z).square().sum()) for g, z in zip(net.codes(prepared), codes, strict=True))
            return float(coding_objective(prepared, codes, banks, method.sparsity)), missed

    before = on_new_pictures()
    for k in range(25):
        optimizer.zero_grad()
        method.coding_loss(model, dictionary, stripes(4, k)).backward()
        optimizer.step()
    after = on_new_pictures()
    assert after[0] < 0.95 * before[0]
    assert after[1] < 0.9 * before[1]


def test_the_network_of_banks_keeps_what_was_configured_and_comes_back_from_the_disk(tmp_path: Path) -> None:
    model, dictionary = made(MSCSC())
    assert model.describe()["backbone"] == "sparse_coding"
    assert list(model.parts) == ["banks.0", "banks.1", "banks.2", "pooling", "adaptation", "head"]
    assert model.feature_width == 4
    assert all(torch.allclose(b.flatten(1).norm(dim=1), torch.ones(len(b))) for b in dictionary.banks)
    store.save(model, tmp_path)
    images = torch.rand(2, 3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(store.load(tmp_path)(images), model(images))
