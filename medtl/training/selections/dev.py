"""The weighted loss at home, with less variance."""
from __future__ import annotations

from typing import ClassVar

from medtl.functional.selection.risk import deep_embedded_risk
from medtl.training.selections.base import Rule, Seen


class DEV(Rule):
    """Lowest deep embedded validation risk: importance weighting with the weights as a control variate."""

    sentence: ClassVar[str] = "lowest deep embedded validation risk (DEV); no target label took part"
    needs_target: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True

    def value(self, seen: Seen) -> float:
        """The risk; it can lie below 0."""
        return deep_embedded_risk(seen.losses, seen.ratio)
