"""From the source to the target and back."""
from __future__ import annotations

from typing import ClassVar

import numpy as np

from medtl.functional.selection.reverse import reverse_risk
from medtl.training.selections.base import Rule, Seen


class ReverseValidation(Rule):
    """Lowest loss at the source of a classifier that learned the network's own answers at the target."""

    sentence: ClassVar[str] = "lowest source loss of a classifier taught by the answers at the target"
    needs_target: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True
    classes_only: ClassVar[bool] = True

    def value(self, seen: Seen) -> float:
        """The mean over questions; all target sites together teach."""
        losses = []
        for k in range(seen.source.labels.shape[1]):
            rows = np.flatnonzero(seen.source.known[:, k])
            if not len(rows):
                continue
            if seen.task.kind == "multilabel":
                answers = (seen.target.logits[:, k] > 0).astype(np.int64)
            else:
                answers = seen.target.logits.argmax(axis=1)
            labels = seen.source.labels[rows, k].astype(np.int64)
            losses.append(reverse_risk(seen.target.features, answers, seen.source.features[rows], labels))
        return float(np.mean(losses))
