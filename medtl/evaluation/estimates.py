"""A figure with its interval, or with the reason why it has none."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medtl.functional.intervals.interval import Interval
from medtl.functional.measure import NotEstimable


@dataclass(frozen=True)
class Estimate:
    """A figure as it is reported.

    Args:
        metric: registry name.
        value: the figure, or None where it does not exist.
        interval: its interval, or None where it is not estimable.
        reason: why a value or an interval is missing, or what was left out of a mean; else empty.
    """

    metric: str
    value: float | None
    interval: Interval | None = None
    reason: str = ""

    @classmethod
    def of(cls, metric: str, value: float | NotEstimable, interval: Interval | NotEstimable | None = None) -> Estimate:
        """Put a computed value and interval side by side.

        Args:
            metric: registry name.
            value: the value, or why there is none.
            interval: the interval, or why there is none.

        Returns:
            The estimate, with the first reason that applies.
        """
        if isinstance(value, NotEstimable):
            return cls(metric, None, None, value.reason)
        if isinstance(interval, NotEstimable):
            return cls(metric, value, None, f"no interval: {interval.reason}")
        return cls(metric, value, interval)

    def as_json(self) -> dict[str, Any]:
        """The estimate as JSON: null where a number does not exist, never nan."""
        low_high = None if self.interval is None else [self.interval.low, self.interval.high]
        return {
            "metric": self.metric, "value": self.value, "interval": low_high,
            "method": None if self.interval is None else self.interval.method, "reason": self.reason or None,
        }

    def __str__(self) -> str:
        if self.value is None:
            return "not estimable"
        if self.interval is None:
            return f"{self.value:.3f} [not estimable]"
        return f"{self.value:.3f} [{self.interval.low:.3f}, {self.interval.high:.3f}]"
