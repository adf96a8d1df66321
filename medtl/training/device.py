"""Where, how precisely and in which memory layout a network is trained, through Accelerate."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from medtl.config.sections import TrainSection
from medtl.errors import ConfigError
from medtl.models.model import Model
from medtl.models.precision import forwards_in

Precision = Literal["float32", "bf16"]
Layout = Literal["contiguous", "channels_last"]


@dataclass(frozen=True)
class Arithmetic:
    """How numbers are held: two runs with the same one, on one machine, give the same weights bit for bit.

    Attributes:
        precision: of training's forward passes; losses, statistics, weights and predictions are float32 either way.
        layout: of images and kernels in memory.
    """

    precision: Precision = "float32"
    layout: Layout = "contiguous"

    def __str__(self) -> str:
        return f"{self.precision}, {self.layout.replace('_', ' ')}"


@dataclass(frozen=True)
class Device:
    """A device, its arithmetic, and the one way to run a backward pass on it.

    Attributes:
        accelerator: Accelerate's handle.
        arithmetic: precision and layout.
    """

    accelerator: Any
    arithmetic: Arithmetic

    @property
    def torch(self) -> torch.device:
        """As torch names it."""
        device: torch.device = self.accelerator.device
        return device

    @property
    def precision(self) -> Precision:
        """Of training's forward passes."""
        return self.arithmetic.precision

    def place(self, module: nn.Module) -> None:
        """Moves a module here; kernels of a network's encoder take the layout."""
        module.to(self.torch)
        if isinstance(module, Model):
            last = self.arithmetic.layout == "channels_last"
            wanted = torch.channels_last_3d if module.encoder.volume else torch.channels_last
            module.encoder.to(memory_format=wanted if last else torch.contiguous_format)

    def autocast(self) -> AbstractContextManager[None]:
        """A context in which layers compute in this precision.

        torch's own: Accelerate keeps one precision for the whole process, and a trial compares several.
        """
        return torch.autocast(self.torch.type, torch.bfloat16, enabled=self.precision == "bf16")

    def forwards(self) -> AbstractContextManager[None]:
        """Within it, networks' forward passes are autocast, and losses around them are not."""
        return nullcontext() if self.precision == "float32" else forwards_in(self.autocast)

    def backward(self, loss: Tensor, inputs: list[Tensor]) -> None:
        """Adds the gradient of a loss to these parameters and to no others."""
        self.accelerator.backward(loss, inputs=inputs)


def device_name(train: TrainSection) -> str:
    """What ``train.device`` means here: ``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        ConfigError: the device is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    name = train.device if train.device != "auto" else next(n for n in ("cuda", "mps", "cpu") if available[n])
    if not available[name]:
        raise ConfigError(f"train.device: {name} was asked for, but this machine has none; use auto or cpu")
    return name


def open_device(train: TrainSection, arithmetic: Arithmetic | None = None) -> Device:
    """The device that a config asks for.

    Args:
        train: the config's section.
        arithmetic: what was settled for this run (:mod:`medtl.training.trial`); what the section says outright if None,
            where ``auto`` is float32 and contiguous.

    Raises:
        ConfigError: the device is not there.
    """
    name = device_name(train)
    if arithmetic is None:
        arithmetic = Arithmetic(
            "bf16" if train.precision == "bf16" else "float32",
            "channels_last" if train.layout == "channels_last" else "contiguous",
        )
    AcceleratorState._reset_state(reset_partial_state=True)  # a second run in one process may differ from the first
    accelerator = Accelerator(cpu=name == "cpu", mixed_precision="bf16" if arithmetic.precision == "bf16" else "no")
    return Device(accelerator, arithmetic)


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
