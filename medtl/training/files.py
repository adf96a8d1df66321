"""Files that are either there as a whole or not at all."""
from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from medtl.errors import RunStateError

UNFINISHED = ".unfinished"
"""Suffix of a file that is being written; one that stays was cut off."""


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file by this content, on the disk before it bears the name.

    Raises:
        RunStateError: the disk is full; what was there before stays.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise RunStateError(
            f"{path.name}: the disk is full ({len(content) / 1e6:.0f} MB more were needed). Free some space and give "
            "the same command again: it goes on from the last epoch that was saved"
        ) from None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a small JSON file atomically."""
    write_atomically(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Reads one."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors to one safetensors file atomically."""
    write_atomically(path, save({name: on_cpu(tensor) for name, tensor in tensors.items()}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Reads one, onto the CPU."""
    tensors: dict[str, Tensor] = load(path.read_bytes())
    return tensors


def on_cpu(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU that shares nothing."""
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)


def sweep(folder: Path) -> None:
    """Removes what was cut off in the middle of a write."""
    for path in folder.glob(f"*{UNFINISHED}"):
        path.unlink(missing_ok=True)
