"""Where and how precisely a network is trained, through Accelerate."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor

from medtl.config.sections import TrainSection
from medtl.errors import ConfigError


@dataclass(frozen=True)
class Device:
    """A device, its precision, and the one way to run a backward pass on it.

    Attributes:
        accelerator: Accelerate's handle.
        precision: of the forward passes; losses and weights are float32 either way.
    """

    accelerator: Any
    precision: Literal["float32", "bf16"]

    @property
    def torch(self) -> torch.device:
        """As torch names it."""
        device: torch.device = self.accelerator.device
        return device

    def autocast(self) -> AbstractContextManager[None]:
        """Forward passes run within it."""
        context: AbstractContextManager[None] = self.accelerator.autocast()
        return context

    def backward(self, loss: Tensor, inputs: list[Tensor]) -> None:
        """Adds the gradient of a loss to these parameters and to no others."""
        self.accelerator.backward(loss, inputs=inputs)


def open_device(train: TrainSection) -> Device:
    """The device that `train.device` and `train.precision` ask for.

    `auto` takes CUDA, then MPS, then the CPU, and float32.

    Raises:
        ConfigError: the device is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    name = train.device if train.device != "auto" else next(n for n in ("cuda", "mps", "cpu") if available[n])
    if not available[name]:
        raise ConfigError(f"train.device: {name} was asked for, but this machine has none; use auto or cpu")
    precision: Literal["float32", "bf16"] = "bf16" if train.precision == "bf16" else "float32"
    AcceleratorState._reset_state(reset_partial_state=True)  # a second run in one process may differ from the first
    accelerator = Accelerator(cpu=name == "cpu", mixed_precision="bf16" if precision == "bf16" else "no")
    return Device(accelerator, precision)


@contextmanager
def reproducible(device: Device) -> Iterator[None]:
    """Within it, operations on the CPU are deterministic, and the caller's random state is put back afterwards."""
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    cuda = [device.torch] if device.torch.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        try:
            if device.torch.type == "cpu":
                torch.use_deterministic_algorithms(True)
                torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=warned)
            torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
