"""A training step of DAN and of DANN beside the same step without the loss, ResNet-18 at 224 x 224.

Steps of the engine's own loop on 8 source and 8 target scans a step, timed from one step's end to the next. The step
without the loss forwards both batches through the network and learns from the task alone; its method asks for target
batches and adds nothing. The three take turns in short runs from the same start; the median step of each counts, the
first of each run left out.
"""
from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from pydantic.dataclasses import dataclass as checked

from benchmarks.frame.figures import Ratio, Row, Table
from medtl import registry
from medtl.config.sections import ModelSection, TrainSection
from medtl.data.loaders import PairLoader
from medtl.data.prepared import Prepared
from medtl.methods.base import OPTIONS, Method, Step
from medtl.models.build import build_model
from medtl.progress import Quiet
from medtl.tasks.classification import Classification
from medtl.training.engine import run_plan
from medtl.training.memory import keep_freed_memory
from medtl.training.setting import make_setting
from medtl.types import Catalogue, Cohort, Item

BATCH = 8
TASK = Classification(label="nodule")


@checked(frozen=True, config=OPTIONS)
class BothForwarded(Method):
    """Asks for target batches and adds nothing."""

    needs_target_images: ClassVar[bool] = True

    def penalty(self, step: Step) -> None:
        """None."""
        return


class Clock(Quiet):
    """Notes when each step ends."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def advance(self, steps: int = 1) -> None:
        """A step, or something else that reports, ended."""
        self.ends.append(time.perf_counter())


@dataclass(frozen=True)
class Size:
    """Pixels, steps of a run, and rounds."""

    side: int
    steps: int
    rounds: int


def scans(size: Size) -> tuple[Prepared, Cohort]:
    """Noise with labels: as many training scans as one epoch's steps draw, and two to validate on."""
    rows = size.steps * BATCH
    parts = [("source", "train")] * rows + [("target", "adapt")] * rows
    parts += [("source", "val")] * 2 + [("target", "test")] * 2
    items = [Item(i + 1, f"s{i}", f"p{i}", role, "", Path("x"), (float(i % 2),)) for i, (role, _) in enumerate(parts)]
    draw = np.random.default_rng(0)
    arrays = {i: draw.random((1, 1, size.side, size.side), dtype=np.float32) for i in range(len(items))}
    catalogue = Catalogue(tuple(items), ("nodule",), Path("."), simulated=True)
    hidden = np.array([role == "target" for role, _ in parts])
    cohort = Cohort(catalogue, tuple(r for r, _ in parts), tuple(s for _, s in parts), hidden)  # type: ignore[arg-type]
    return Prepared.in_memory(catalogue, arrays), cohort


def seconds(method: Method, size: Size, prepared: Prepared, cohort: Cohort) -> list[float]:
    """Times of one run's steps after the first."""
    train = TrainSection(epochs=1, batch_size=BATCH, seed=0, device="cpu", precision="float32", feature_bank="off")
    model = build_model(ModelSection(backbone="resnet18", weights="none"), task=TASK, seed=0)
    loader = PairLoader(prepared, cohort, batch_size=BATCH, seed=0)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        run_plan([method], make_setting(model, TASK, loader, train), loader, train, Path(folder) / "stages",
                 Path(folder) / "log.jsonl", clock)
    return [after - before for before, after in zip(clock.ends, clock.ends[1:size.steps], strict=False)]


def run(quick: bool = False) -> list[Row]:
    """Times all three in turns."""
    keep_freed_memory()
    size = Size(32, 3, 1) if quick else Size(224, 5, 4)
    prepared, cohort = scans(size)
    methods = {"without the loss": BothForwarded(), "dan": registry.load("methods", "dan")(),
               "dann": registry.load("methods", "dann")()}
    found: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(size.rounds):
        for name, method in methods.items():
            found[name] += seconds(method, size, prepared, cohort)
    middle = {name: statistics.median(times) for name, times in found.items()}
    told = {name: f"{middle[name]:.3f} s ({min(times):.3f} to {max(times):.3f})" for name, times in found.items()}
    plain = "without the loss"
    rows: list[Row] = [
        Ratio(f"{name} / {plain}, seconds a step", middle[name] / middle[plain], told[name], told[plain], at_most=1.1)
        for name in ("dan", "dann")
    ]
    rows.append(Table("Steps", ("batch", "side, px", "threads", "steps of each that count"),
                      ((f"{BATCH} + {BATCH}", f"{size.side}", f"{torch.get_num_threads()}", f"{len(found[plain])}"),)))
    return rows
