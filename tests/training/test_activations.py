"""The store gives what computing gives, and nothing that was computed of something else."""
from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medtl.config.sections import ModelSection, TrainSection
from medtl.models.build import build_model
from medtl.models.front import WHOLE, front
from medtl.models.model import Model
from medtl.models.probed import probed
from medtl.tasks.classification import Classification
from medtl.training.activations import ActivationStore
from medtl.training.device import Arithmetic, Device, open_device

BOUNDARY, STILL = "layer2", ("conv1", "bn1", "layer1", "layer2")


@pytest.fixture
def model() -> Model:
    return build_model(ModelSection(backbone="test_resnet", weights="none"), task=Classification(label="x"), seed=0)


@pytest.fixture
def device() -> Device:
    return open_device(TrainSection(device="cpu"))


SCANS = torch.rand(7, 2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
KEYS = [f"scan {number}" for number in range(7)]


def images(positions: Sequence[int]) -> torch.Tensor:
    return SCANS[list(positions)]


def still_parts(model: Model) -> tuple[str, ...]:
    return tuple(name for name in STILL if name in model.parts)


def kept(store: ActivationStore, keys: Sequence[str] = KEYS, size: int = 3, *, memory: bool = True) -> torch.Tensor:
    numbers = [KEYS.index(key) for key in keys]
    found = store.keep(keys, lambda positions: SCANS[[numbers[p] for p in positions]], size, autocast=False,
                       memory=memory)
    return found.take(range(len(keys)))


def test_what_is_kept_equals_what_is_computed_bit_for_bit(tmp_path: Path, model: Model, device: Device) -> None:
    first = kept(ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path))
    again = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path)
    turned = [*reversed(KEYS)]
    for memory in (True, False):
        assert torch.equal(kept(again, turned, memory=memory), first.flip(0))
    assert again.computed == 0
    with torch.no_grad():
        plain = torch.cat([front(model.eval(), SCANS[[*p]], BOUNDARY) for p in ((0, 1, 2), (3, 4, 5), (6, 6, 6))])
    assert torch.equal(first, plain[:7])


def test_only_what_is_missing_is_computed_for_scans_that_come_to_it(
    tmp_path: Path, model: Model, device: Device
) -> None:
    store = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path)
    some = kept(store, KEYS[2:5])
    assert store.computed == 3
    assert torch.equal(kept(store)[2:5], some)
    assert store.computed == 7
    kept(store, size=2)  # another size of forward is another key
    assert store.computed == 14


def test_other_weights_another_layout_and_a_damaged_file_are_computed_anew(
    tmp_path: Path, model: Model, device: Device
) -> None:
    before = kept(ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path))
    for file in tmp_path.glob("*/*.safetensors"):
        file.write_bytes(file.read_bytes()[:-5])
    store = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path)
    assert torch.equal(kept(store), before)
    assert store.computed == 7
    last = replace(device, arithmetic=Arithmetic("float32", "channels_last"))
    other = ActivationStore(model, still_parts(model), BOUNDARY, last, tmp_path)
    kept(other)
    assert other.computed == 7
    with torch.no_grad():
        next(model.parts["conv1"].parameters()).add_(0.1)
    moved = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path)
    assert not torch.equal(kept(moved), before)
    assert moved.computed == 7


def test_modes_are_put_back(tmp_path: Path, model: Model, device: Device) -> None:
    model.train()
    kept(ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path))
    assert all(module.training for module in model.modules())


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path: Path, model: Model, device: Device) -> None:
    (tmp_path / "file").write_text("no folder")
    store = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path / "file")
    assert torch.equal(kept(store), kept(ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path / "a")))


def test_the_oldest_files_make_room_and_what_is_gone_is_computed_again(
    tmp_path: Path, model: Model, device: Device
) -> None:
    store = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path)
    for number in range(4):
        kept(store, KEYS[number:number + 1])
    files = sorted(tmp_path.glob("*/*.safetensors"))
    for age, file in enumerate(files):
        os.utime(file, (1_000 + age, 1_000 + age))
    size = files[0].stat().st_size
    store = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path, limit_bytes=2 * size + 10)
    for age, file in enumerate(files):  # opening a store uses its files
        os.utime(file, (1_000 + age, 1_000 + age))
    store.trim()
    assert sorted(tmp_path.glob("*/*.safetensors")) == files[2:]
    again = ActivationStore(model, still_parts(model), BOUNDARY, device, tmp_path)
    kept(again, KEYS[:4])
    assert again.computed == 2


def test_other_layers_of_the_same_front_are_not_taken_for_these(tmp_path: Path, model: Model, device: Device) -> None:
    for layers in (("layer1",), ("layer2",), ("layer1", "layer2")):
        made = probed(model, layers, ("mean", "std"))
        found = kept(ActivationStore(made, tuple(made.parts), WHOLE, device, tmp_path))
        with torch.no_grad():
            assert torch.allclose(found, made.slice_features(SCANS), atol=1e-6)
