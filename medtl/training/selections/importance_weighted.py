"""The loss at home, on studies that look like the target's."""
from __future__ import annotations

from typing import ClassVar

from medtl.functional.selection.risk import importance_weighted_risk
from medtl.training.selections.base import Rule, Seen


class ImportanceWeighted(Rule):
    """Lowest loss of source validation studies weighted by the density ratio of the network's own features (IWV)."""

    sentence: ClassVar[str] = "lowest importance-weighted source validation loss; no target label took part"
    needs_target: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True

    def value(self, seen: Seen) -> float:
        """The weighted mean."""
        return importance_weighted_risk(seen.losses, seen.ratio)
