"""Activations where nothing below moves, computed once instead of once per step, and kept for runs to come.

Without augmentation, whole steps start there; with it, training scans differ from epoch to epoch and only validation
and test scans do. They are computed in batches of the size that training forwards, the last one filled up, since the
last bits of a convolution may depend on it: with and without the bank, weights are equal bit for bit in float32.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medtl.config.sections import TrainSection
from medtl.data.batches import Batch, Pair
from medtl.methods.base import Method
from medtl.models.front import boundary_of, front, splits_at, started_at
from medtl.models.model import Model
from medtl.models.predict import Predicted, predict
from medtl.progress import Progress
from medtl.training.activations import ActivationStore
from medtl.training.context import Loader
from medtl.training.device import Device
from medtl.training.moves import always_still, paces

LIMIT_BYTES = 2 * 2**30
"""Most memory that one fit's activations may take."""


class FeatureBank:
    """Serves activations at a boundary in place of images.

    Args:
        loader: of the images.
        train: all rows that training draws, with activations; None where they are augmented.
        scored: rows that are predicted after each epoch, in batches.
    """

    def __init__(self, loader: Loader, train: Batch | None, scored: list[Batch]) -> None:
        self.loader, self.train, self.scored = loader, train, scored
        self._place = {} if train is None else {int(row): k for k, row in enumerate(train.rows)}

    def epoch(
        self, stage: str, epoch: int, weights: NDArray[np.float32] | None, target_labels: bool
    ) -> Iterator[Pair]:
        """The loader's pairs of this epoch, row by row."""
        for source, target in self.loader.plan(stage, epoch, target_labels):
            of_source = self._batch(source, weights, True)
            yield Pair(of_source, None if target is None else self._batch(target, weights, target_labels))

    def _batch(self, rows: NDArray[np.int64], weights: NDArray[np.float32] | None, labels: bool) -> Batch:
        assert self.train is not None
        places = torch.tensor([self._place[int(row)] for row in rows], device=self.train.images.device)
        batch = Batch(*(getattr(self.train, name).index_select(0, places) for name in Batch.__dataclass_fields__))
        if weights is not None:
            batch = replace(batch, weights=torch.from_numpy(np.asarray(weights[rows], np.float32)).to(batch.weights))
        if not labels:
            batch = replace(batch, labels=torch.zeros_like(batch.labels), known=torch.zeros_like(batch.known))
        return batch


def open_bank(
    models: Sequence[Model],
    still: tuple[str, ...],
    loader: Loader,
    rows: NDArray[np.int64],
    device: Device,
    progress: Progress,
    *,
    forwards: int,
) -> tuple[FeatureBank, str] | None:
    """Computes the bank of a fit, where there is something to save.

    Args:
        models: the fitted network, then others that its turns forward; all must have the same front.
        still: parts of the fitted network that never move in this fit.
        loader: of the data.
        rows: that are predicted after each epoch.
        device: where it runs.
        progress: is told what is kept.
        forwards: scans in one forward of a training step.

    Returns:
        The bank and its boundary, or None: nothing stands still, the network cannot be cut there, the fronts differ, or
        it would take more than :data:`LIMIT_BYTES`.
    """
    model = models[0]
    boundary = boundary_of(model, still)
    if boundary is None or any(m.treatment == "dsbn" for m in models) or not _same_fronts(models, still):
        return None
    cohort = loader.cohort
    first = next(iter(loader.scan(rows[:2] if len(rows) else cohort.rows("source", "train")[:2])))
    if not splits_at(model, first.images.to(device.torch), boundary):
        return None
    drawn = np.zeros(0, np.int64)
    if not loader.augmented:
        drawn = np.concatenate([cohort.rows("source", "train"), cohort.target_seen])
    with torch.no_grad():
        size = _bytes(front(model, first.images.to(device.torch), boundary)) // len(first) * (len(drawn) + len(rows))
    if size > LIMIT_BYTES:
        progress.say(f"feature bank: off, {size / 2**30:.1f} GiB of activations behind {boundary} are too many")
        return None
    store = ActivationStore(model, still, boundary, device)
    store.trim()
    scored = [store.at(batch) for batch in loader.scan(rows)]
    train = None
    if len(drawn):
        with device.autocast():
            done = [store.at(batch) for batch in _regrouped(loader.scan(drawn), forwards)]
        train = _cut(_joined(done), 0, len(drawn))
    what = "validation and test scans only, since training scans are augmented" if train is None else "all scans"
    origin = f"{store.computed} batches computed" if store.computed else "all of them computed by an earlier run"
    progress.say(f"feature bank: steps start behind {boundary} for {what} ({size / 2**20:.0f} MiB kept, {origin})")
    return FeatureBank(loader, train, scored), boundary


@contextmanager
def starting_at(models: Sequence[Model], boundary: str) -> Iterator[None]:
    """Within it, all of these networks take the bank's activations."""
    with ExitStack() as stack:
        for model in models:
            stack.enter_context(started_at(model, boundary))
        yield


def never_moving(methods: Sequence[Method], model: Model, train: TrainSection) -> tuple[str, ...]:
    """Parts that stand still throughout a run; none where ``train.feature_bank`` is off."""
    if train.feature_bank == "off" or any(method.check(model) for method in methods):
        return ()
    return always_still(paces(methods, model, train.epochs))


def predict_behind(
    model: Model, still: tuple[str, ...], loader: Loader, rows: NDArray[np.int64], device: Device
) -> Predicted:
    """Predicts rows as :func:`medtl.models.predict.predict` does, with what is kept of a front that stood still.

    Args:
        model: after training.
        still: parts that never moved.
        loader: of the data.
        rows: positions.
        device: where it runs.
    """
    boundary = boundary_of(model, tuple(name for name in still if name in model.parts))
    first = next(iter(loader.scan(rows[:2])))
    if boundary is None or model.treatment == "dsbn" or not splits_at(model, first.images.to(device.torch), boundary):
        return predict(model, loader.scan(rows), device.torch)
    store = ActivationStore(model, still, boundary, device)
    batches = [store.at(batch) for batch in loader.scan(rows)]
    with started_at(model, boundary):
        return predict(model, batches, device.torch)


def _regrouped(batches: Iterator[Batch], size: int) -> Iterator[Batch]:
    """The same rows in batches of another size, the last one filled up by its last row."""
    held: Batch | None = None
    for batch in batches:
        held = batch if held is None else _joined([held, batch])
        while len(held) >= size:
            yield _cut(held, 0, size)
            held = _cut(held, size, len(held))
    if held is not None and len(held):
        yield _joined([held, *[_cut(held, len(held) - 1, len(held))] * (size - len(held))])


def _cut(batch: Batch, start: int, stop: int) -> Batch:
    return Batch(*(getattr(batch, name)[start:stop] for name in Batch.__dataclass_fields__))


def _joined(batches: Sequence[Batch]) -> Batch:
    return Batch(*(torch.cat([getattr(one, name) for one in batches]) for name in Batch.__dataclass_fields__))


def _same_fronts(models: Sequence[Model], still: tuple[str, ...]) -> bool:
    first = models[0]
    for other in models[1:]:
        for name in still:
            one, two = first.parts[name].state_dict(), other.parts[name].state_dict()
            if one.keys() != two.keys() or any(not torch.equal(one[key], two[key]) for key in one):
                return False
    return True


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
