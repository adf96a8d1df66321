"""``train.precision: auto``: a short measured trial decides precision and memory layout, once per machine and shape.

Which layout is fast depends on the network: on a CPU channels-last made the training step of a depthwise network more
than twice as fast and that of a ResNet half as fast. So a few steps are timed, on a copy of the network, with random
images of a stream of their own: the run draws the same numbers as without a trial. What was found is remembered in the
cache folder, so that runs of one kind agree bit for bit, and is written into the run, which replays it when it resumes.
"""
from __future__ import annotations

import copy
import hashlib
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from medtl.atomic import write_json
from medtl.config.sections import TrainSection
from medtl.errors import DataError
from medtl.models.model import Model
from medtl.places import cache_folder
from medtl.training.device import Arithmetic, Device, Layout, Precision, device_name, open_device, reproducible
from medtl.training.files import read_json
from medtl.training.moves import Stillness

FILE = "arithmetic.json"
MARGIN = 0.9
"""Another arithmetic than the plain one is taken where its step takes at most this share of the plain one's time."""
_BUDGET_SECONDS = 0.6
"""What one step of the trial may take; on a slow device it has fewer scans than a real one."""
_ROUNDS = 3
_VERSION = 1


@dataclass(frozen=True)
class Settled:
    """What a run computes in, and why.

    Attributes:
        arithmetic: precision and layout.
        why: ``asked for``, ``measured``, or ``remembered`` from an earlier trial of this machine and shape.
        seconds: of one trial step, by arithmetic; empty without a trial.
        scans: in a trial step.
    """

    arithmetic: Arithmetic
    why: str
    seconds: Mapping[str, float]
    scans: int = 0

    def record(self) -> dict[str, Any]:
        """For ``arithmetic.json`` and the provenance."""
        return {"precision": self.arithmetic.precision, "layout": self.arithmetic.layout, "why": self.why,
                "trial_seconds": dict(self.seconds), "trial_scans": self.scans}

    def __str__(self) -> str:
        if not self.seconds:
            return f"{self.arithmetic} ({self.why})"
        times = "; ".join(f"{name} {1e3 * seconds:.0f} ms" for name, seconds in self.seconds.items())
        return f"{self.arithmetic} ({self.why}: a step of {self.scans} scans takes {times})"


def settle(
    train: TrainSection, model: Model, pace: Mapping[str, float], shape: Sequence[int], file: Path,
    given: Settled | None = None,
) -> Settled:
    """What a run computes in: what its folder says, else what is given or the config says, else what a trial finds.

    Args:
        train: the config's section.
        model: at its start; left as it is.
        pace: of the first epoch, so that the trial moves what training moves.
        shape: of a step's images, (n, slices, channels, height, width).
        file: ``arithmetic.json`` of the run; read where it is there, else written.
        given: what the run computes in that this one is the baseline of.

    Returns:
        The arithmetic and why.

    Raises:
        ConfigError: the device is not there.
    """
    if file.is_file():
        return settled_in(file.parent)
    options = candidates(train)
    if given is not None:
        settled = given
    elif len(options) == 1:
        settled = Settled(options[0], "asked for" if train.precision != "auto" else "the only one here", {})
    else:
        note = cache_folder() / "trials" / f"{_key(train, model, pace, shape, options)}.json"
        settled = _remembered(note) or _tried(train, model, pace, shape, options, note)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, settled.record())
    return settled


def settled_in(run: Path) -> Settled:
    """What a run computes in, as its folder says."""
    return _read(read_json(run / FILE))


def candidates(train: TrainSection) -> tuple[Arithmetic, ...]:
    """What may be chosen on this machine, the plain one first.

    Args:
        train: ``precision`` other than ``auto`` leaves one: contiguous unless ``layout`` says otherwise.
    """
    if train.precision != "auto":
        layout: Layout = "contiguous" if train.layout == "auto" else train.layout
        return (Arithmetic(train.precision, layout),)
    layouts: tuple[Layout, ...] = ("contiguous", "channels_last") if train.layout == "auto" else (train.layout,)
    precisions: tuple[Precision, ...] = ("float32", "bf16") if has_bf16(device_name(train)) else ("float32",)
    return tuple(Arithmetic(precision, layout) for precision in precisions for layout in layouts)


def has_bf16(device: str) -> bool:
    """Whether a device multiplies in bf16 in hardware: CUDA that does, CPUs with AMX or AVX512-BF16."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return not {"amx_bf16", "avx512_bf16"}.isdisjoint(words)


def _tried(
    train: TrainSection, model: Model, pace: Mapping[str, float], shape: Sequence[int], options: Sequence[Arithmetic],
    note: Path,
) -> Settled:
    ways = [_Way(train, model, pace, option) for option in options]
    scans = _affordable(ways[0], tuple(shape))
    images = torch.rand(scans, *shape[1:], generator=torch.Generator().manual_seed(0))
    times: list[list[float]] = [[] for _ in ways]
    for round_number in range(_ROUNDS):
        for way, taken in zip(ways, times, strict=True):
            took = way.step(images)
            if round_number:  # the first warms up
                taken.append(took)
    best = [min(taken) for taken in times]
    fastest = min(range(len(ways)), key=best.__getitem__)
    chosen = options[fastest] if best[fastest] <= MARGIN * best[0] else options[0]
    seconds = {str(option): round(value, 6) for option, value in zip(options, best, strict=True)}
    return _noted(Settled(chosen, "measured", seconds, scans), note)


def _noted(settled: Settled, note: Path) -> Settled:
    """Leaves the outcome to the next run; where two processes tried at once, the first one's holds for both."""
    own = note.with_name(f"{note.stem}.{os.getpid()}")
    try:
        write_json(own, settled.record())
        if _remembered(note) is None:
            note.unlink(missing_ok=True)
            os.link(own, note)
    except FileExistsError:
        pass
    except (OSError, DataError):
        return settled  # measured again next time
    finally:
        own.unlink(missing_ok=True)
    first = _remembered(note)
    return settled if first is None or first.arithmetic == settled.arithmetic else first


class _Way:
    """A copy of the network that steps in one arithmetic."""

    def __init__(self, train: TrainSection, model: Model, pace: Mapping[str, float], arithmetic: Arithmetic) -> None:
        self.device = open_device(train, arithmetic)
        self.model = copy.deepcopy(model)
        self.device.place(self.model)
        Stillness(self.model, (), ()).apply(dict(pace))
        self.inputs: list[torch.Tensor] = [p for p in self.model.parameters() if p.requires_grad]

    def step(self, images: torch.Tensor) -> float:
        """Seconds of one forward and backward."""
        images = images.to(self.device.torch)
        with reproducible(self.device):
            _finished(self.device)
            start = time.perf_counter()
            with self.device.forwards():
                loss = self.model.pair(images)[0].outputs.square().mean()
            if self.inputs:
                self.device.backward(loss, self.inputs)
            _finished(self.device)
            taken = time.perf_counter() - start
        self.model.zero_grad(set_to_none=True)
        return taken


def _affordable(way: _Way, shape: tuple[int, ...]) -> int:
    """Scans in a step of the trial: as many as in a real one, or as many as take about :data:`_BUDGET_SECONDS`."""
    few = min(2, shape[0])
    images = torch.rand(few, *shape[1:], generator=torch.Generator().manual_seed(0))
    way.step(images)
    each = way.step(images) / few
    return max(few, min(shape[0], int(_BUDGET_SECONDS / max(each, 1e-9))))


def _finished(device: Device) -> None:
    if device.torch.type == "cuda":
        torch.cuda.synchronize(device.torch)
    elif device.torch.type == "mps":
        torch.mps.synchronize()


def _remembered(note: Path) -> Settled | None:
    try:
        found = _read(read_json(note))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Settled(found.arithmetic, "remembered", found.seconds, found.scans)


def _read(record: Mapping[str, Any]) -> Settled:
    arithmetic = Arithmetic(record["precision"], record["layout"])
    return Settled(arithmetic, str(record["why"]), dict(record["trial_seconds"]), int(record["trial_scans"]))


def _key(
    train: TrainSection, model: Model, pace: Mapping[str, float], shape: Sequence[int], options: Sequence[Arithmetic]
) -> str:
    """What a trial's outcome depends on, apart from chance."""
    device = device_name(train)
    about = model.describe()
    state = {
        "version": _VERSION,
        "torch": torch.__version__,
        "machine": torch.cuda.get_device_name() if device == "cuda" else [platform.machine(), _processor()],
        "device": device,
        "threads": torch.get_num_threads(),
        "network": [about.get("backbone"), about.get("pooling"), model.treatment],
        "moves": [name for name, factor in pace.items() if factor > 0],
        "shape": list(shape),
        "options": [str(option) for option in options],
    }
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:32]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
