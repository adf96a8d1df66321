"""Device and precision as asked for, and reproducible on the CPU."""
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from toy_cohort import QUICK, run, small_model, weights

from medtl.errors import ConfigError
from medtl.methods.base import Method, Step
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


@dataclass(frozen=True)
class Looks(Method):
    """A penalty that notes in what precision it sees the network."""

    needs_target_images: ClassVar[bool] = True
    seen: ClassVar[list[torch.dtype]] = []

    @property
    def reads(self) -> tuple[str, ...]:
        return ("features", "blocks.0", "outputs")

    def penalty(self, step: Step) -> torch.Tensor:
        values = (step.source.features, step.target.outputs, *step.source.taps.values())
        self.seen.extend(value.dtype for value in values)
        self.seen.append((step.source.features @ step.source.features.T).dtype)  # autocast would make this bf16
        return 0.0 * step.source.features.sum()


def test_discrepancies_and_batch_statistics_are_float32_under_autocast(tmp_path: Path) -> None:
    Looks.seen.clear()
    inner: list[torch.dtype] = []
    model = small_model()
    model.encoder.net.conv1.register_forward_hook(lambda m, a, output: inner.append(output.dtype))
    trained = run(tmp_path, [Looks()], model=model, train=replace(QUICK, precision="bf16"))
    assert set(Looks.seen) == {torch.float32}
    assert {torch.bfloat16, torch.float32} == set(inner)  # steps in bf16, predictions in float32
    norms = [module for module in trained.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms
    assert all(norm.running_var is not None and norm.running_var.dtype == torch.float32 for norm in norms)
