"""Device and precision as asked for, and reproducible on the CPU."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_cohort import QUICK, run, small_model, weights

from medtl.errors import ConfigError
from medtl.methods.mapping.dan import DAN
from medtl.training.device import open_device, reproducible


def test_the_cpu_is_float32_unless_told_otherwise() -> None:
    device = open_device(replace(QUICK, precision="auto"))
    assert (device.torch.type, device.precision) == ("cpu", "float32")
    assert open_device(replace(QUICK, precision="bf16")).precision == "bf16"
    assert open_device(QUICK).precision == "float32"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match=r"train\.device: cuda was asked for"):
        open_device(replace(QUICK, device="cuda"))


def test_bf16_forwards_differ_and_losses_and_weights_stay_float32(tmp_path: Path) -> None:
    full = run(tmp_path / "full", [DAN()])
    half = run(tmp_path / "half", [DAN()], train=replace(QUICK, precision="bf16"))
    assert any(not torch.equal(a, b) for a, b in zip(full.parameters(), half.parameters(), strict=True))
    assert all(tensor.dtype == torch.float32 for tensor in half.parameters())
    for (name, a), b in zip(weights(full).items(), weights(half).values(), strict=True):
        torch.testing.assert_close(a.float(), b.float(), rtol=0.3, atol=0.1, msg=name)
    with torch.no_grad():
        assert half(torch.rand(2, 1, 1, 16, 16)).dtype == torch.float32


def test_determinism_is_asked_for_inside_and_given_back() -> None:
    device = open_device(QUICK)
    before = torch.random.get_rng_state()

    def fails() -> None:
        with reproducible(device):
            assert torch.are_deterministic_algorithms_enabled()
            torch.rand(3)
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_a_run_on_a_gpu_learns(tmp_path: Path) -> None:
    start = weights(small_model())
    model = run(tmp_path, [DAN()], train=replace(QUICK, device="cuda"))
    assert all(tensor.device.type == "cpu" for tensor in model.state_dict().values())
    assert any(not torch.equal(start[name], tensor) for name, tensor in weights(model).items())
