"""Wall time of several ways to do one thing, taken in turns so that a disturbance hits all of them."""
from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds over repeats.

    Attributes:
        seconds: one per repeat, in the order measured.
    """

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The least disturbed repeat."""
        return min(self.seconds)

    def rate(self, count: float, unit: str) -> str:
        """Items per second: the best, and the range over repeats."""
        return f"{count / self.best:,.0f} {unit}/s ({count / max(self.seconds):,.0f} to {count / self.best:,.0f})"

    def text(self) -> str:
        """Time: the best, and the range over repeats."""
        unit, factor = ("s", 1.0) if self.best >= 1 else ("ms", 1e3)
        return f"{self.best * factor:.2f} {unit} ({self.best * factor:.2f} to {max(self.seconds) * factor:.2f})"


def in_turns(ways: Mapping[str, Callable[[], object]], repeats: int, *, warm: int = 1) -> dict[str, Timing]:
    """Times each way ``repeats`` times, one after the other.

    Args:
        ways: what to time, by name; a result is freed before the next one starts.
        repeats: rounds that count.
        warm: rounds before that do not.

    Returns:
        Timings by name.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(warm + repeats):
        for name, way in ways.items():
            gc.collect()
            start = time.perf_counter()
            result = way()
            took = time.perf_counter() - start
            del result
            if number >= warm:
                found[name].append(took)
    return {name: Timing(tuple(seconds)) for name, seconds in found.items()}
