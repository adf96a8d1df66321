"""Weights: a local file, a digest that does not hold, a partial fit, and a hub that is out of reach."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from medtl.config.sections import ModelSection
from medtl.errors import WeightsError
from medtl.models.build import build_model
from medtl.models.weights import file_sha256
from medtl.tasks.classification import Classification

TASK = Classification(label="nodule")


def _donor() -> nn.Module:
    return build_model(ModelSection(backbone="resnet18", weights="none"), task=TASK, seed=9).encoder.net


def _load(path: Path, said: list[str], sha256: str | None = None) -> nn.Module:
    section = ModelSection(backbone="resnet18", weights=str(path), sha256=sha256)
    return build_model(section, task=TASK, seed=0, say=said.append).encoder.net


@pytest.mark.parametrize("form", ["safetensors", "plain", "wrapped"])
def test_a_local_file_is_loaded_and_said(tmp_path: Path, form: str) -> None:
    state, said = _donor().state_dict(), list[str]()
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    if form == "safetensors":
        save_file(state, path)
    else:
        torch.save(state if form == "plain" else {"state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    net = _load(path, said, file_sha256(path))
    assert all(torch.equal(net.state_dict()[name], value) for name, value in state.items())
    assert said[0].startswith(f"backbone weights: file {path.name} (sha256 {file_sha256(path)[:12]}")


def test_a_partial_load_names_what_is_fresh_resized_and_unused(tmp_path: Path) -> None:
    state, said = _donor().state_dict(), list[str]()
    del state["conv1.weight"]
    state["layer1.0.conv1.weight"] = torch.zeros(1, 2)
    state["other.weight"] = torch.zeros(3)
    save_file(state, tmp_path / "w.safetensors")
    _load(tmp_path / "w.safetensors", said)
    text = "\n".join(said)
    assert "left fresh: conv1.weight" in text
    assert "of another shape: layer1.0.conv1.weight: found (1, 2), expected (64, 64, 3, 3)" in text
    assert "not used: other.weight" in text


def test_files_that_cannot_serve_are_refused_with_exit_code_4(tmp_path: Path) -> None:
    good, alien, broken = tmp_path / "good.safetensors", tmp_path / "alien.safetensors", tmp_path / "broken.pth"
    save_file(_donor().state_dict(), good)
    save_file({"a": torch.zeros(1)}, alien)
    broken.write_bytes(b"not a checkpoint")
    for path, sha256, words in (
        (good, "0" * 64, "expected 0000"), (alien, None, "none of its 1 tensors fits"),
        (broken, None, "cannot be read"), (tmp_path / "missing.pth", None, "is no file"),
    ):
        with pytest.raises(WeightsError, match=words) as caught:
            _load(path, [], sha256)
        assert caught.value.exit_code == 4
        assert len(caught.value.lines) == 1


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save(_Trap(tmp_path / "ran"), tmp_path / "trap.pth")
    with pytest.raises(WeightsError):
        _load(tmp_path / "trap.pth", [])
    assert not (tmp_path / "ran").exists()


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_a_hub_out_of_reach_is_one_line_and_was_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTL_CACHE", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens: no network, whatever machine this is
    said: list[str] = []
    section = ModelSection(backbone="resnet18", weights="imagenet", sha256="ab" * 32)
    with pytest.raises(WeightsError) as caught:
        build_model(section, task=TASK, seed=0, say=said.append)
    assert len(said) == len(caught.value.lines) == 1
    for line in (said[0], caught.value.lines[0]):
        assert "huggingface.co/timm/resnet18" in line
        assert str(tmp_path) in line
        assert "ab" * 32 in line
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_at_the_target_path_serves_without_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTL_CACHE", str(tmp_path))
    state = _donor().state_dict()
    (tmp_path / "weights").mkdir()
    save_file(state, tmp_path / "weights/resnet18.a1_in1k.safetensors")
    section = ModelSection(backbone="resnet18", weights="imagenet")
    net = build_model(section, task=TASK, seed=0, say=lambda _: None).encoder.net
    assert torch.equal(net.state_dict()["conv1.weight"], state["conv1.weight"])
