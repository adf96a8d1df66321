"""Seeds by name: what one part draws never depends on what another part has drawn before."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import numpy as np

_SALTED = re.compile(r"(^|/)site-[0-9a-f]{6}(/|$)| [0-9a-f]{6}$")
"""A site that is a hash of what headers call it, or a scanner with the hash of its station."""


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


def names_in_seeds(names: Iterable[str]) -> dict[str, str]:
    """What sites or scanners are called in seeds: nothing that is drawn may hang on the project's salt.

    Args:
        names: in the order of the data, which is free of the salt.

    Returns:
        Per name itself; or, where it holds a salted hash, its place among those that do.
    """
    found: dict[str, str] = {}
    salted = 0
    for name in dict.fromkeys(names):
        hashed = _SALTED.search(name) is not None
        found[name] = f"number {salted}" if hashed else name
        salted += hashed
    return found
