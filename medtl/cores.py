"""How many threads each kind of work gets: one rule from 2 cores to 64.

Arithmetic takes what torch takes (every core, or ``OMP_NUM_THREADS``). Reading and decoding scans releases the
interpreter's lock, and gets as many threads as there are cores, up to 16. Batches are made ahead by one thread where
that is copying, and by a quarter of the cores where scans are varied, so that the network keeps the rest.
"""
from __future__ import annotations

import os

MOST_READERS = 16
MOST_MAKERS = 8


def cores() -> int:
    """Cores that this process may use; a bound by ``OMP_NUM_THREADS`` counts as one."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    named = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(allowed, int(named)) if named.isdigit() and int(named) > 0 else allowed


def readers(available: int | None = None) -> int:
    """Threads that read and prepare scans.

    Args:
        available: cores; those of this process if None.
    """
    return max(2, min(MOST_READERS, available or cores()))


def makers(varied: bool, available: int | None = None) -> int:
    """Threads that make batches ahead of the network.

    Args:
        varied: whether scans are augmented, which costs more than copying them.
        available: cores; those of this process if None.
    """
    return max(1, min(MOST_MAKERS, (available or cores()) // 4)) if varied else 1
