"""The files of a stage: small JSON and safetensors, there as a whole or not at all."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from medtl.atomic import write_bytes


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a small JSON file atomically."""
    write_bytes(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Reads one."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors to one safetensors file atomically."""
    write_bytes(path, save({name: on_cpu(tensor) for name, tensor in tensors.items()}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Reads one, onto the CPU."""
    tensors: dict[str, Tensor] = load(path.read_bytes())
    return tensors


def on_cpu(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU that shares nothing."""
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)


def sweep(folder: Path) -> None:
    """Removes what was cut off in the middle of a write."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)
