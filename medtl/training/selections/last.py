"""No choice at all."""
from __future__ import annotations

from typing import ClassVar

from medtl.training.selections.base import Rule, Seen


class Last(Rule):
    """The last epoch, whatever it is worth; the validation loss is kept for early stopping."""

    sentence: ClassVar[str] = "the last epoch; no label took part"

    def value(self, seen: Seen) -> float:
        """The mean loss at the source, 0 where it has none; the choice does not look at it."""
        return seen.source_loss() if len(seen.labelled) else 0.0
