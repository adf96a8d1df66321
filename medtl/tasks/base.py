"""What is predicted: how raw labels become numbers, what a mistake costs, and how logits become scores."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from medtl.config.sections import TaskSection


class Task(ABC):
    """A task, built from the config and the label vocabulary of the card.

    Attributes:
        kind: which columns predictions.csv carries.
        outputs: number of logits of the head.
        label_names: label columns of the manifest that it reads.
        score_names: names of the score columns, ``score_<name>``.
        metrics: names of the default metrics.
        mean: of a regression's values that training may see; 0 otherwise.
        scale: their standard deviation; 1 otherwise.
    """

    kind: Literal["binary", "multiclass", "multilabel", "regression"]
    outputs: int
    label_names: tuple[str, ...]
    score_names: tuple[str, ...]
    metrics: tuple[str, ...]
    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    @abstractmethod
    def from_section(cls, section: TaskSection, classes: Sequence[str] | None) -> Task:
        """The task that a config describes, with this vocabulary (None: the task's default)."""

    @abstractmethod
    def balanced_by(self, labels: NDArray[np.float32]) -> Task:
        """This task with weights counted over the labels that training may see, float32, (n, labels), NaN unknown."""

    @abstractmethod
    def encode(self, raw: Sequence[str]) -> tuple[float, ...]:
        """Cells of the label columns to numbers; a blank is NaN (unknown).

        Raises:
            ValueError: a value outside the vocabulary; the message names the value and the vocabulary.
        """

    @abstractmethod
    def loss(self, logits: Tensor, labels: Tensor, known: Tensor, weights: Tensor) -> Tensor:
        """Weighted mean loss over what is known, float32, scalar; zero (with gradient graph) where nothing is known.

        The sum of weight times loss over the number of known labels: study weights have mean 1 over the source, and a
        batch of light studies stays light.

        Args:
            logits: (n, outputs).
            labels: float32, (n, labels).
            known: bool, (n, labels).
            weights: float32, (n,), of the studies.
        """

    @abstractmethod
    def activate(self, logits: Tensor) -> Tensor:
        """Scores in [0, 1], float32, (n, len(score_names)); for regression the value itself.

        Binary and multiclass tasks have one logit per class and a softmax (binary: two, the positive class last);
        multilabel tasks one logit per label and a sigmoid.
        """
