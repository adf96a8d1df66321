"""Decided answers at the target."""
from __future__ import annotations

from typing import ClassVar

import numpy as np

from medtl.functional.selection.confidence import mean_entropy
from medtl.training.selections.base import Rule, Seen


class Entropy(Rule):
    """Lowest mean entropy of the answers at the target; a network that calls everything one class wins it."""

    sentence: ClassVar[str] = "lowest entropy of the answers at the target; no label took part"
    needs_target: ClassVar[bool] = True
    classes_only: ClassVar[bool] = True

    def value(self, seen: Seen) -> float:
        """The mean over target sites and questions."""
        return float(np.mean([mean_entropy(asked) for site in seen.answered() for asked in site]))
