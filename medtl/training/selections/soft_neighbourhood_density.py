"""Answers in dense groups at the target."""
from __future__ import annotations

from typing import ClassVar

import numpy as np

from medtl.functional.selection import confidence
from medtl.training.selections.base import Rule, Seen


class SoftNeighbourhoodDensity(Rule):
    """Highest soft neighbourhood density of the answers at the target (SND), as its negative."""

    sentence: ClassVar[str] = "highest soft neighbourhood density of the answers at the target; no label took part"
    needs_target: ClassVar[bool] = True
    classes_only: ClassVar[bool] = True

    def value(self, seen: Seen) -> float:
        """The negative of the mean over target sites; several labels count as one long answer."""
        densities = [confidence.soft_neighbourhood_density(np.concatenate(site, axis=1)) for site in seen.answered()]
        return -float(np.mean(densities))
