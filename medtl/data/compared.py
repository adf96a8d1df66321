"""What was found out about scans and pairs of scans, kept within the process: runs of a sweep compare the same ones."""
from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

V = TypeVar("V")


class Remembered(Generic[V]):
    """Values of a pure function by what it was asked about; forgets everything once it holds too much.

    Args:
        limit: values that it may hold.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._values: dict[Hashable, V] = {}

    def of(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value, made where it is not known."""
        if key not in self._values:
            if len(self._values) >= self.limit:
                self._values.clear()
            self._values[key] = make()
        return self._values[key]


class RememberedPairs:
    """Numbers for ordered pairs of names, looked up many at once.

    Args:
        limit: pairs that it may hold.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._names: dict[str, int] = {}
        self._codes = np.zeros(0, np.int64)
        self._values = np.zeros(0, np.float64)

    def of(
        self, first: Sequence[str], second: Sequence[str], make: Callable[[NDArray[np.int64]], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """The values of all pairs.

        Args:
            first: names, (n,).
            second: names, (n,).
            make: computes those at the positions that it is given.

        Returns:
            float64, (n,).
        """
        number = self._names
        codes = np.array(
            [number.setdefault(a, len(number)) << 32 | number.setdefault(b, len(number))
             for a, b in zip(first, second, strict=True)], dtype=np.int64,
        )
        place = np.searchsorted(self._codes, codes)
        known = np.zeros(len(codes), dtype=bool)
        inside = place < len(self._codes)
        known[inside] = self._codes[place[inside]] == codes[inside]
        values = np.empty(len(codes), dtype=np.float64)
        values[known] = self._values[place[known]]
        missing = np.flatnonzero(~known)
        if len(missing):
            values[missing] = make(missing)
            if len(self._codes) + len(missing) > self.limit:
                self._codes, self._values = np.zeros(0, np.int64), np.zeros(0, np.float64)
            codes_now = np.concatenate([self._codes, codes[missing]])
            order = np.argsort(codes_now, kind="stable")
            self._codes = codes_now[order]
            self._values = np.concatenate([self._values, values[missing]])[order]
        return values
