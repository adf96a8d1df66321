"""The store gives what computing gives, and nothing that was computed of something else."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch

from medtl.config.sections import ModelSection, TrainSection
from medtl.data.batches import Batch
from medtl.models.build import build_model
from medtl.models.front import front
from medtl.models.model import Model
from medtl.tasks.classification import Classification
from medtl.training.activations import ActivationStore
from medtl.training.device import Device, open_device

BOUNDARY, STILL = "layer2", ("conv1", "bn1", "layer1", "layer2")


@pytest.fixture
def model() -> Model:
    return build_model(ModelSection(backbone="test_resnet", weights="none"), task=Classification(label="x"), seed=0)


@pytest.fixture
def device() -> Device:
    return open_device(TrainSection(device="cpu"))


def batch(seed: int) -> Batch:
    images = torch.rand(3, 2, 1, 32, 32, generator=torch.Generator().manual_seed(seed))
    return Batch(images, torch.zeros(3, 1), torch.ones(3, 1, dtype=torch.bool), torch.ones(3),
                 torch.zeros(3, dtype=torch.int64), torch.arange(3))


def still_parts(model: Model) -> tuple[str, ...]:
    return tuple(name for name in STILL if name in model.parts)


def test_what_is_kept_equals_what_is_computed_bit_for_bit(tmp_path: Path, model: Model, device: Device) -> None:
    first = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path).at(batch(0))
    again = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path)
    kept = again.at(batch(0))
    assert again.computed == 0
    with torch.no_grad():
        assert torch.equal(kept.images, front(model.eval(), batch(0).images, BOUNDARY))
    assert torch.equal(kept.images, first.images)
    assert torch.equal(kept.rows, batch(0).rows)


def test_other_scans_other_weights_and_a_damaged_entry_are_computed_anew(
    tmp_path: Path, model: Model, device: Device
) -> None:
    store = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path)
    before = store.at(batch(0)).images
    store.at(batch(1))
    assert store.computed == 2
    for file in tmp_path.glob("*/*.safetensors"):
        file.write_bytes(file.read_bytes()[:-5])
    assert torch.equal(store.at(batch(0)).images, before)
    assert store.computed == 3
    with torch.no_grad():
        next(model.parts["conv1"].parameters()).add_(0.1)
    moved = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path)
    assert not torch.equal(moved.at(batch(0)).images, before)
    assert moved.computed == 1


def test_modes_are_put_back(tmp_path: Path, model: Model, device: Device) -> None:
    model.train()
    ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path).at(batch(0))
    assert all(module.training for module in model.modules())


def test_the_oldest_entries_make_room(tmp_path: Path, model: Model, device: Device) -> None:
    import os

    store = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path)
    for seed in range(4):
        store.at(batch(seed))
    files = sorted(tmp_path.glob("*/*.safetensors"))
    for age, file in enumerate(files):
        os.utime(file, (1_000 + age, 1_000 + age))
    size = files[0].stat().st_size
    ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path, limit_bytes=2 * size + 10).trim()
    assert sorted(tmp_path.glob("*/*.safetensors")) == files[2:]
