"""The loss at home."""
from __future__ import annotations

from typing import ClassVar

from medtl.training.selections.base import Rule, Seen


class SourceValidation(Rule):
    """Lowest mean over source sites of the loss on their validation studies: says nothing about the target."""

    sentence: ClassVar[str] = "lowest mean over source sites of the validation loss; no target label took part"
    needs_labels: ClassVar[bool] = True

    def value(self, seen: Seen) -> float:
        """The mean loss."""
        return seen.source_loss()
