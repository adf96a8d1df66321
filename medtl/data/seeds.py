"""Seeds by name: what one part draws never depends on what another part has drawn before."""
from __future__ import annotations

import hashlib

import numpy as np


def seed_of(*names: str | int) -> int:
    """A seed from words and numbers, the same on every machine.

    Args:
        names: what the random numbers are for, such as ``(seed, "split", site)``.

    Returns:
        An integer in [0, 2**63).
    """
    text = "\n".join(f"{type(name).__name__}:{name}" for name in names)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "little") >> 1


def generator(*names: str | int) -> np.random.Generator:
    """A generator of its own for these names."""
    return np.random.Generator(np.random.PCG64(seed_of(*names)))
