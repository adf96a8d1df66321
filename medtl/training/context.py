"""What every stage of a run shares."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medtl.config.sections import TrainSection
from medtl.data.batches import Batch, Pair
from medtl.data.drawn import Drawn
from medtl.data.seeds import seed_of
from medtl.methods.base import Method, Rng, Setting, overrides
from medtl.progress import Progress
from medtl.training.device import Device
from medtl.training.log import EpochLog
from medtl.types import Cohort


class Scans(Protocol):
    """What predictions need of the data; see :class:`medtl.data.scanning.Scanning`."""

    batch_size: int

    def seen(self, rows: NDArray[np.int64], views: NDArray[np.int64]) -> Drawn:
        """Rows in given views."""

    def key(self, row: int, view: int) -> str:
        """What a scan in a view is made of."""

    def images(self, shown: Drawn) -> Tensor:
        """The pixels of what was drawn."""

    def labelled(
        self, images: Tensor, rows: NDArray[np.int64], weights: NDArray[np.float32] | None, labels: bool
    ) -> Batch:
        """Images, or what a front made of them, with all that is known of their rows."""

    def scan(self, rows: Sequence[int] | NDArray[np.int64]) -> Iterator[Batch]:
        """These rows in order, without augmentation."""


class Loader(Scans, Protocol):
    """What the engine needs of the data; see :class:`medtl.data.loaders.PairLoader`."""

    cohort: Cohort
    domains: tuple[str, ...]
    steps: int
    augmented: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one scan."""

    def epoch(
        self, stage: str, epoch: int, weights: NDArray[np.float32] | None, target_labels: bool, views: int = 0
    ) -> Iterator[Pair]:
        """The pairs of one epoch."""

    def drawn(
        self, stage: str, epoch: int, target_labels: bool = False, views: int = 0
    ) -> list[tuple[Drawn, Drawn | None]]:
        """What each pair of an epoch shows, without reading a scan."""


@dataclass(frozen=True)
class Context:
    """What every stage of a run shares.

    Attributes:
        methods: of the run.
        names: what each is called in the log.
        own: what each one built, on the device.
        setting: of the run.
        loader: of the data.
        train: the config's section.
        device: where it runs.
        weights: the product of the methods' weights, per position of the catalogue, or None.
        log: of epochs.
        progress: where it reports to.
    """

    methods: tuple[Method, ...]
    names: tuple[str, ...]
    own: tuple[nn.Module | None, ...]
    setting: Setting
    loader: Loader
    train: TrainSection
    device: Device
    weights: NDArray[np.float32] | None
    log: EpochLog
    progress: Progress

    @property
    def penalties(self) -> tuple[int, ...]:
        """Positions of the methods with a penalty."""
        return tuple(i for i, method in enumerate(self.methods) if overrides(method, "penalty"))


def method_names(methods: Sequence[Method]) -> tuple[str, ...]:
    """A name per method for logs and messages: its registry name, numbered where it occurs again."""
    names: list[str] = []
    for method in methods:
        name = type(method).__module__.rpartition(".")[2]
        count = sum(n.partition(".")[0] == name for n in names)
        names.append(f"{name}.{count + 1}" if count else name)
    return tuple(names)


def random_streams(seed: int) -> Rng:
    """Seeds by name that do not depend on what else draws."""
    return partial(seed_of, seed)


def reseed(rng: Rng, *names: str | int) -> None:
    """Starts torch's random numbers anew for one purpose."""
    torch.manual_seed(rng(*names))
