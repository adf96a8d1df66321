"""Activations of a still front on disk, found by what they are made of, so that no run computes them twice.

An entry is one scan in one view. Its folder names the front: weights, boundary, arithmetic, device, threads and torch's
version; its key names the scan's content, the view, and how many scans were forwarded at once, since the last bits of a
convolution may depend on it. So what comes back is what computing would give, bit for bit, whatever run asked for it
first: those of a sweep, a run and its baseline, and later evaluations share them.

Entries are written some hundred to a file, never changed, and read through a memory map.
"""
from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from medtl.atomic import write_bytes
from medtl.data.ahead import made_ahead
from medtl.errors import DataError
from medtl.models.front import front
from medtl.models.model import Model
from medtl.places import cache_folder
from medtl.training.device import Device

LIMIT_BYTES = 8 * 2**30
"""What all entries may take together; those used longest ago make room."""
MEMORY_BYTES = 1 * 2**30
"""More than this is not read into memory but taken from the disk, row by row."""
_FILE_BYTES = 64 * 2**20
_NAME = "activations"
_TENSOR, _KEYS, _SECONDS = "activations", "keys", "seconds_each"

Images = Callable[[Sequence[int]], Tensor]
"""Positions in the list of wanted entries to their images, (n, slices, 1, height, width)."""


class Kept:
    """Activations of many scans, in memory or behind a memory map.

    Args:
        tensor: all of them, (n, ...), or None.
        places: else, per scan, a file's slice and the row in it.
    """

    def __init__(self, tensor: Tensor | None, places: Sequence[tuple[Any, int]] = ()) -> None:
        self._tensor, self._places = tensor, places

    def take(self, rows: Sequence[int]) -> Tensor:
        """Those of these positions, (len(rows), ...)."""
        if self._tensor is not None:
            return self._tensor.index_select(0, torch.tensor(rows, device=self._tensor.device))
        return torch.cat([part[row:row + 1] for part, row in (self._places[i] for i in rows)])

    def followed_by(self, other: Kept) -> Kept:
        """These, then the other's."""
        if self._tensor is not None and other._tensor is not None:
            return Kept(torch.cat([self._tensor, other._tensor]))
        return Kept(None, [*self._each(), *other._each()])

    def _each(self) -> Sequence[tuple[Any, int]]:
        return self._places if self._tensor is None else [(self._tensor, row) for row in range(len(self._tensor))]


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
        """Scans that had to be forwarded."""
        self._limit = limit_bytes
        self._front = self.folder / _digest_of(model, still, boundary, device)
        self.seconds_each = 0.0
        """What one forward of the front took when the last file was written."""
        self._index: dict[str, tuple[Path, int]] = {}
        self._files: dict[Path, Any] = {}
        for file in sorted(self._front.glob("*.safetensors")):
            self._learn(file)

    def keep(self, keys: Sequence[str], images: Images, size: int, *, autocast: bool, memory: bool = True) -> Kept:
        """The activations of these scans, computed where they are not kept yet.

        Args:
            keys: what each scan in its view is made of.
            images: reads those that have to be computed.
            size: scans in one forward; the last one is filled up.
            autocast: whether they are computed at the precision of training, or in float32.
            memory: whether they are read into memory, onto the device.

        Returns:
            One entry per key.
        """
        precision = self.device.precision if autocast else "float32"
        full = [f"{key}/{size}/{precision}" for key in keys]
        wanted = {key: position for position, key in enumerate(full) if key not in self._index}
        fresh = self._compute(wanted, images, size, autocast)
        if not memory and not fresh:
            return Kept(None, [self._place(key) for key in full])
        return self._in_memory(full, fresh)

    def trim(self) -> None:
        """Removes the files used longest ago until the rest fits."""
        files = sorted(((f.stat().st_mtime_ns, f.stat().st_size, f) for f in _entries(self.folder)), reverse=True)
        total = 0
        for _, size, file in files:
            total += size
            if total > self._limit:
                file.unlink(missing_ok=True)

    def _compute(self, wanted: dict[str, int], images: Images, size: int, autocast: bool) -> dict[str, Tensor]:
        """Forwards what is missing and writes it; gives back what could not be written."""
        lost: dict[str, Tensor] = {}
        held: dict[str, Tensor] = {}
        keys = list(wanted)
        parts = [keys[start:start + size] for start in range(0, len(keys), size)]
        filled = ([*part, *[part[-1]] * (size - len(part))] for part in parts)
        tasks = (partial(images, [wanted[key] for key in part]) for part in filled)
        began = time.perf_counter()
        for number, (part, pixels) in enumerate(zip(parts, made_ahead(tasks, 2), strict=True), start=1):
            done = self._forward(pixels, autocast)
            held |= {key: done[i].cpu() for i, key in enumerate(part)}
            self.computed += len(part)
            self.seconds_each = (time.perf_counter() - began) / (number * size)
            if number == len(parts) or sum(t.numel() * t.element_size() for t in held.values()) >= _FILE_BYTES:
                file = self._write(held)
                if file is None:
                    lost |= held
                else:
                    self._learn(file)
                held = {}
        return lost

    @torch.no_grad()
    def _forward(self, images: Tensor, autocast: bool) -> Tensor:
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            with self.device.autocast() if autocast else nullcontext():
                return front(self.model, images.to(self.device.torch, non_blocking=True), self.boundary).contiguous()
        finally:
            for module, mode in modes:
                module.training = mode

    def _write(self, held: dict[str, Tensor]) -> Path | None:
        name = hashlib.sha256("\n".join(held).encode()).hexdigest()[:32]
        file = self._front / f"{name}.safetensors"
        try:
            content = save({_TENSOR: torch.stack(list(held.values()))},
                           {_KEYS: json.dumps(list(held)), _SECONDS: repr(self.seconds_each)})
            write_bytes(file, content)
        except (OSError, DataError):
            return None  # a cache that cannot be written costs time, not the run
        return file

    def _learn(self, file: Path) -> None:
        """Enters a file's keys; a damaged one is removed."""
        try:
            opened: Any = safe_open(file, framework="pt")
            keys = json.loads(opened.metadata()[_KEYS])
            self.seconds_each = float(opened.metadata()[_SECONDS])
            part = opened.get_slice(_TENSOR)
            if part.get_shape()[0] != len(keys):
                raise ValueError("length")
            os.utime(file)
        except (OSError, SafetensorError, KeyError, ValueError, TypeError):
            file.unlink(missing_ok=True)
            return
        self._files[file] = (opened, part)
        self._index |= {key: (file, row) for row, key in enumerate(keys)}

    def _place(self, key: str) -> tuple[Any, int]:
        file, row = self._index[key]
        return self._files[file][1], row

    def _in_memory(self, keys: Sequence[str], fresh: dict[str, Tensor]) -> Kept:
        """All entries in one tensor on the device, each file read once."""
        by_file: dict[Path, list[int]] = {}
        for position, key in enumerate(keys):
            if key not in fresh:
                by_file.setdefault(self._index[key][0], []).append(position)
        whole: Tensor | None = None
        parts = [(positions, self._files[file][0].get_tensor(_TENSOR),
                  torch.tensor([self._index[keys[p]][1] for p in positions])) for file, positions in by_file.items()]
        lost = [position for position, key in enumerate(keys) if key in fresh]
        if lost:
            parts.append((lost, torch.stack([fresh[keys[p]] for p in lost]), torch.arange(len(lost))))
        for positions, tensor, rows in parts:
            if whole is None:
                whole = tensor.new_empty(len(keys), *tensor.shape[1:])
            whole[torch.tensor(positions)] = tensor[rows]
        assert whole is not None
        return Kept(whole.to(self.device.torch))


def _digest_of(model: Model, still: Sequence[str], boundary: str, device: Device) -> str:
    state = hashlib.sha256()
    told = (torch.__version__, torch.get_num_threads(), str(device.torch), device.arithmetic.layout, boundary,
            model.encoder.mean.tolist(), model.encoder.std.tolist(),
            getattr(model.encoder, "spec", None))  # layers or patches that a method has it answer with
    state.update(repr(told).encode())
    for name in still:
        if name in model.parts:
            for key, value in sorted(model.parts[name].state_dict().items()):
                state.update(f"{name}.{key} {tuple(value.shape)}".encode())
                state.update(value.detach().cpu().contiguous().numpy().data)
    return state.hexdigest()[:32]


def _entries(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*/*.safetensors")
