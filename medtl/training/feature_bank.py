"""Activations where nothing below moves, computed once instead of once per step, and kept for runs to come.

Whole steps start there. With augmentation, training scans are shown in a stated number of views each
(``train.bank_views``), with and without the bank. Activations are computed in batches of the size that training
forwards, the last one filled up, since the last bits of a convolution may depend on it: with and without the bank,
weights are equal bit for bit in float32.
"""
from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medtl.config.sections import TrainSection
from medtl.data.batches import Batch, Pair
from medtl.data.drawn import PLAIN, Drawn
from medtl.methods.base import Method
from medtl.models.front import boundary_of, format_of, front, splits_at, started_at
from medtl.models.model import Model
from medtl.models.predict import Predicted, predict
from medtl.progress import Progress, duration
from medtl.training.activations import LIMIT_BYTES, MEMORY_BYTES, ActivationStore, Kept
from medtl.training.context import Loader, Scans
from medtl.training.device import Device
from medtl.training.moves import always_still, paces
from medtl.training.phases import Phase


@dataclass(frozen=True)
class Shown:
    """What a stretch of a fit shows to the network.

    Attributes:
        stage: its name.
        epochs: of the stretch.
        target_labels: whether visible target labels are trained on.
        views: variations of each scan that are drawn from; 0 for a new one each time.
        uses_target: whether steps forward the target batch.
        scored: rows that are predicted after each epoch.
        forwards: scans in one forward of a training step.
    """

    stage: str
    epochs: range
    target_labels: bool
    views: int
    uses_target: bool
    scored: NDArray[np.int64]
    forwards: int

    def drawn(self, loader: Loader) -> tuple[dict[tuple[int, int], int], int]:
        """Every (row, view) that the steps of the stretch draw, with its place, and how often they draw in all."""
        places: dict[tuple[int, int], int] = {}
        count = 0
        if loader.augmented and not self.views:
            return places, count
        if not loader.augmented:  # every row, whatever the order of each epoch
            target = self.uses_target and loader.drawn(self.stage, self.epochs[0], self.target_labels)[0][1] is not None
            seen = loader.cohort.target_seen if target else np.zeros(0, np.int64)
            rows = np.concatenate([loader.cohort.rows("source", "train"), seen]).tolist()
            each = loader.steps * loader.batch_size * (2 if target else 1)
            return {(row, PLAIN): place for place, row in enumerate(dict.fromkeys(rows))}, each * len(self.epochs)
        for epoch in self.epochs:
            for pair in loader.drawn(self.stage, epoch, self.target_labels, self.views):
                for one in pair if self.uses_target else pair[:1]:
                    if one is not None:
                        count += len(one.rows)
                        for entry in zip(one.rows.tolist(), one.views.tolist(), strict=True):
                            places.setdefault(entry, len(places))
        return places, count


class FeatureBank:
    """Serves activations at a boundary in place of images.

    Args:
        loader: of the images.
        models: networks that take the activations.
        phase: the stretch that it serves.
        shown: what that stretch shows.
        kept: activations of what training draws; None where it draws new variations each time.
        places: of (row, view) in them.
        scored: activations of the rows that are predicted after each epoch.
        memory_format: in which the front gives them.
    """

    def __init__(
        self, loader: Loader, models: Sequence[Model], phase: Phase, shown: Shown, kept: Kept | None,
        places: Mapping[tuple[int, int], int], scored: Kept | None, memory_format: torch.memory_format,
    ) -> None:
        self._format = memory_format
        self.loader, self.models, self.phase, self.shown = loader, models, phase, shown
        self._kept, self._places, self._scored = kept, places, scored

    @property
    def trains(self) -> bool:
        """Whether training steps start behind the front, and not predictions alone."""
        return self._kept is not None

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Within it, all of its networks take activations."""
        with ExitStack() as stack:
            for model in self.models:
                stack.enter_context(started_at(model, self.phase.boundary, self._format))
            yield

    def epoch(
        self, stage: str, epoch: int, weights: NDArray[np.float32] | None, target_labels: bool
    ) -> Iterator[Pair]:
        """The loader's pairs of this epoch, row by row."""
        for source, target in self.loader.drawn(stage, epoch, target_labels, self.shown.views):
            first = self._batch(source, weights, True)
            wanted = target is not None and self.shown.uses_target
            yield Pair(first, self._batch(target, weights, target_labels) if target and wanted else None)

    def _batch(self, drawn: Drawn, weights: NDArray[np.float32] | None, labels: bool) -> Batch:
        assert self._kept is not None
        rows = [self._places[entry] for entry in zip(drawn.rows.tolist(), drawn.views.tolist(), strict=True)]
        return self.loader.labelled(self._kept.take(rows), drawn.rows, weights, labels)

    def scored(self) -> Iterator[Batch]:
        """The rows that are predicted after each epoch, in the batches that the loader scans them in."""
        size = self.loader.batch_size
        for start in range(0, len(self.shown.scored), size):
            rows = self.shown.scored[start:start + size]
            assert self._scored is not None
            yield self.loader.labelled(self._scored.take(range(start, start + len(rows))), rows, None, True)


def open_bank(
    models: Sequence[Model], phase: Phase, shown: Shown, loader: Loader, device: Device, progress: Progress
) -> FeatureBank | None:
    """Computes the bank of a stretch, where there is something to save.

    Args:
        models: the fitted network, then others that its turns forward; all must have the same front.
        phase: the stretch, and what stands still in it.
        shown: what it shows.
        loader: of the data.
        device: where it runs.
        progress: is told what is kept and what that saves.

    Returns:
        The bank, or None: the network cannot be cut there, the fronts differ, or it would take more than the disk may
        hold.
    """
    model, boundary = models[0], phase.boundary
    if any(m.treatment == "dsbn" for m in models) or not _same_fronts(models, phase.still):
        return None
    found = _one(model, boundary, loader, loader.cohort.rows("source", "train")[:1], device)
    if found is None:
        return None
    each = found.numel() * found.element_size()
    places, draws = shown.drawn(loader)
    size = each * (len(places) + len(shown.scored))
    if size > LIMIT_BYTES:
        progress.say(f"feature bank: off, {size / 2**30:.1f} GiB of activations behind {boundary} are too many")
        return None
    store = ActivationStore(model, phase.still, boundary, device)
    began = time.perf_counter()
    in_memory = size <= MEMORY_BYTES
    scored = keep_rows(store, loader, shown.scored, memory=in_memory) if len(shown.scored) else None
    kept = None
    if places:
        entries = list(places)

        def images(positions: Sequence[int]) -> Tensor:
            chosen = np.array([entries[p] for p in positions], dtype=np.int64)
            return loader.images(loader.seen(chosen[:, 0], chosen[:, 1]))

        kept = store.keep([loader.key(*entry) for entry in entries], images, shown.forwards, autocast=True,
                          memory=in_memory)
    store.trim()
    seconds = time.perf_counter() - began
    saved = draws + len(shown.epochs) * len(shown.scored) - store.computed
    progress.say(_told(phase, shown, loader, store, seconds, saved, size))
    return FeatureBank(loader, models, phase, shown, kept, places, scored, format_of(found))


def _told(
    phase: Phase, shown: Shown, loader: Loader, store: ActivationStore, seconds: float, saved: int, size: int
) -> str:
    if not loader.augmented:
        what = "all scans"
    elif shown.views:
        what = f"all scans, training scans in {shown.views} augmented views"
    else:
        what = "validation and test scans only, since training scans are augmented anew each time"
    epochs = f"epochs {phase.start + 1} to {phase.stop}"
    cost = "all kept from before"
    if store.computed:
        cost = f"{store.computed} forwards of the front in {duration(seconds)}"
    worth = max(saved, 0)
    return (f"feature bank: {epochs} start behind {phase.boundary} for {what} ({size / 2**20:.0f} MiB, {cost}); it "
            f"saves {worth:,} forwards, about {duration(worth * store.seconds_each)}")


def keep_rows(store: ActivationStore, loader: Scans, rows: NDArray[np.int64], *, memory: bool = True) -> Kept:
    """The activations of rows as they are predicted: unaugmented, in float32, the last batch as short as it is."""
    size = loader.batch_size
    whole = len(rows) // size * size
    parts = [part for part in (rows[:whole], rows[whole:]) if len(part)]
    kept = []
    for part in parts:
        def images(positions: Sequence[int], part: NDArray[np.int64] = part) -> Tensor:
            chosen = part[list(positions)]
            return loader.images(loader.seen(chosen, np.full(len(chosen), PLAIN, dtype=np.int64)))

        keys = [loader.key(int(row), PLAIN) for row in part]
        kept.append(store.keep(keys, images, min(size, len(part)), autocast=False, memory=memory))
    return kept[0] if len(kept) == 1 else kept[0].followed_by(kept[1])


def never_moving(methods: Sequence[Method], model: Model, train: TrainSection) -> tuple[str, ...]:
    """Parts that stand still throughout a run; none where ``train.feature_bank`` is off."""
    if train.feature_bank == "off" or any(method.check(model) for method in methods):
        return ()
    return always_still(paces(methods, model, train.epochs))


def predict_behind(
    model: Model, still: tuple[str, ...], loader: Scans, rows: NDArray[np.int64], device: Device, *,
    features: bool = False,
) -> Predicted:
    """Predicts rows as :func:`medtl.models.predict.predict` does, with what is kept of a front that stood still.

    Args:
        model: after training; takes the device's layout.
        still: parts that never moved.
        loader: of the data.
        rows: positions.
        device: where it runs.
        features: whether to keep ``Outputs.features`` too.
    """
    device.place(model)
    boundary = boundary_of(model, tuple(name for name in still if name in model.parts))
    whole = boundary is None or not len(rows) or model.treatment == "dsbn"
    found = None if boundary is None or whole else _one(model, boundary, loader, rows[:1], device)
    if boundary is None or found is None:
        return predict(model, loader.scan(rows), device.torch, features=features)
    store = ActivationStore(model, still, boundary, device)
    kept = keep_rows(store, loader, rows)
    store.trim()
    size = loader.batch_size
    batches = (
        loader.labelled(kept.take(range(start, min(start + size, len(rows)))), rows[start:start + size], None, True)
        for start in range(0, len(rows), size)
    )
    with started_at(model, boundary, format_of(found)):
        return predict(model, batches, device.torch, features=features)


def _one(model: Model, boundary: str, loader: Scans, row: NDArray[np.int64], device: Device) -> Tensor | None:
    """One scan's activations as the front gives them; None where the network cannot be cut there."""
    two = loader.images(loader.seen(np.repeat(row, 2), np.full(2, PLAIN, dtype=np.int64))).to(device.torch)
    if not splits_at(model, two, boundary):
        return None
    modes = [(module, module.training) for module in model.modules()]
    with torch.no_grad():
        model.eval()
        one = front(model, two[:1], boundary)
    for module, mode in modes:
        module.training = mode
    return one


def _same_fronts(models: Sequence[Model], still: tuple[str, ...]) -> bool:
    first = models[0]
    for other in models[1:]:
        for name in still:
            one, two = first.parts[name].state_dict(), other.parts[name].state_dict()
            if one.keys() != two.keys() or any(not torch.equal(one[key], two[key]) for key in one):
                return False
    return True
