"""Logits of the target's test scans after each epoch, without labels: what the report's oracle column is made of.

Nothing in training reads this file. Labels join it in the report, where the column is marked as an oracle's.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from medtl.training.files import read_tensors, write_tensors

FILE = "oracle.safetensors"


def record_epoch(folder: Path, epoch: int, rows: NDArray[np.int64], logits: NDArray[np.float32]) -> None:
    """Adds the logits of one epoch, in place of those of this and later epochs if there are any.

    Args:
        folder: of the stage.
        epoch: number, from 0.
        rows: positions in the catalogue, (n,).
        logits: float32, (n, outputs).
    """
    if not len(rows):
        return
    earlier = [torch.from_numpy(logits)[None]]
    if epoch:
        earlier.insert(0, read_tensors(folder / FILE)["logits"][:epoch])
    write_tensors(folder / FILE, {"rows": torch.from_numpy(rows), "logits": torch.cat(earlier)})


def read_epochs(folder: Path) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """What a stage has recorded: rows (n,), and logits (epochs, n, outputs); both empty where there is nothing."""
    if not (folder / FILE).exists():
        return np.zeros(0, np.int64), np.zeros((0, 0, 0), np.float32)
    tensors = read_tensors(folder / FILE)
    return tensors["rows"].numpy(), tensors["logits"].numpy()
