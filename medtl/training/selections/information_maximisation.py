"""Decided and varied answers at the target."""
from __future__ import annotations

from typing import ClassVar

import numpy as np

from medtl.functional.selection.confidence import mutual_information
from medtl.training.selections.base import Rule, Seen


class InformationMaximisation(Rule):
    """Highest mutual information between study and answer at the target, as its negative."""

    sentence: ClassVar[str] = "highest mutual information of studies and answers at the target; no label took part"
    needs_target: ClassVar[bool] = True
    classes_only: ClassVar[bool] = True

    def value(self, seen: Seen) -> float:
        """The negative of the mean over target sites and questions."""
        return -float(np.mean([mutual_information(asked) for site in seen.answered() for asked in site]))
