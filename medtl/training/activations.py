"""Activations of a still front on disk, found by what they are made of, so that no run computes them twice.

The key holds the front's weights, the boundary, the very batch, precision, threads and torch's version: what comes back
is what computing would give, bit for bit. Runs of a sweep, a run and its baseline, and later evaluations share it.
"""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from medtl.atomic import write_bytes
from medtl.data.batches import Batch
from medtl.errors import DataError
from medtl.models.front import front
from medtl.models.model import Model
from medtl.places import cache_folder
from medtl.training.device import Device

LIMIT_BYTES = 8 * 2**30
"""What all entries may take together; those used longest ago make room."""
_NAME = "activations"


class ActivationStore:
    """The activations behind one front.

    Args:
        model: whose front stands still.
        still: parts of the front.
        boundary: of :func:`medtl.models.front.boundary_of`.
        device: where it is computed.
        folder: of the entries; ``activations`` in the cache folder if None.
        limit_bytes: that the entries may take.
    """

    def __init__(
        self,
        model: Model,
        still: Sequence[str],
        boundary: str,
        device: Device,
        folder: Path | None = None,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self.model, self.boundary, self.device = model, boundary, device
        self.folder = folder or cache_folder() / _NAME
        self.computed = 0
        """Batches that had to be forwarded."""
        self._limit = limit_bytes
        self._front = _digest_of(model, still, boundary, device)

    def at(self, batch: Batch) -> Batch:
        """The batch with activations for images, on the device; the front runs in eval mode and without gradient."""
        there = batch.to(self.device.torch)
        images = batch.images.contiguous()
        state = hashlib.blake2b(self._front, digest_size=32)
        state.update(repr((tuple(images.shape), torch.is_autocast_enabled(self.device.torch.type))).encode())
        state.update(images.cpu().numpy().data)
        file = self.folder / state.hexdigest()[:2] / f"{state.hexdigest()[2:]}.safetensors"
        kept = _read(file)
        if kept is None:
            kept = self._compute(there.images)
            self.computed += 1
            _write(file, kept)
        return replace(there, images=kept.to(self.device.torch))

    def trim(self) -> None:
        """Removes the entries used longest ago until the rest fits."""
        files = sorted(((f.stat().st_mtime_ns, f.stat().st_size, f) for f in _entries(self.folder)), reverse=True)
        total = 0
        for _, size, file in files:
            total += size
            if total > self._limit:
                file.unlink(missing_ok=True)

    @torch.no_grad()
    def _compute(self, images: Tensor) -> Tensor:
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            return front(self.model, images, self.boundary).contiguous()
        finally:
            for module, mode in modes:
                module.training = mode


def _digest_of(model: Model, still: Sequence[str], boundary: str, device: Device) -> bytes:
    state = hashlib.sha256()
    told = (torch.__version__, torch.get_num_threads(), str(device.torch), device.precision, boundary,
            model.encoder.mean.tolist(), model.encoder.std.tolist())
    state.update(repr(told).encode())
    for name in still:
        if name in model.parts:
            for key, value in sorted(model.parts[name].state_dict().items()):
                state.update(f"{name}.{key} {tuple(value.shape)}".encode())
                state.update(value.detach().cpu().contiguous().numpy().data)
    return state.digest()


def _read(file: Path) -> Tensor | None:
    try:
        tensor: Tensor = load(file.read_bytes())["activations"]
        os.utime(file)
    except (OSError, SafetensorError, KeyError):
        return None
    return tensor


def _write(file: Path, tensor: Tensor) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, save({"activations": tensor.detach().cpu().contiguous()}))
    except (OSError, DataError):
        return  # a cache that cannot be written costs time, not the run


def _entries(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*/*.safetensors")
