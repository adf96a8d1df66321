"""Regression: one number per study, such as an age, a score or a volume."""
from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medtl.config.sections import TaskSection
from medtl.errors import OptionError
from medtl.tasks.base import Task


class Regression(Task):
    """Regression of one column with unknown values masked.

    The network gives the value in its own unit. Errors are counted in standard deviations of the values that training
    may see, and the head starts at their mean (:meth:`balanced_by`), so that learning rates mean the same for ages and
    for millilitres.

    Args:
        label: the column.

    Raises:
        OptionError: no column.
    """

    def __init__(self, label: str) -> None:
        if not label.strip():
            raise OptionError("task.label: a regression reads one column; name it")
        self.kind = "regression"
        self.outputs = 1
        self.label_names = (label,)
        self.score_names = (label,)
        self.metrics = ("mae", "rmse", "r2", "concordance", "bias", "limit_low", "limit_high")
        self.mean, self.scale = 0.0, 1.0

    @classmethod
    def from_section(cls, section: TaskSection, classes: Sequence[str] | None) -> Regression:
        """The task that a config describes; a card's vocabulary is not read.

        Args:
            section: ``task`` of the config.
            classes: ignored.

        Raises:
            OptionError: several labels, classes or class weights.
        """
        wrong = [key for key in ("labels", "classes", "class_weights") if getattr(section, key) is not None]
        if wrong or section.label is None:
            found = f"found {', '.join(wrong)}" if wrong else "found none"
            raise OptionError(f"task: a regression reads one column, `label: COLUMN`, and nothing else; {found}")
        return cls(section.label)

    def encode(self, raw: Sequence[str]) -> tuple[float, ...]:
        """A cell to a number; a blank is NaN.

        Raises:
            ValueError: no finite number, or another number of cells.
        """
        if len(raw) != 1:
            raise ValueError(f"expected 1 label cell, found {len(raw)}")
        text = raw[0].strip()
        if not text:
            return (math.nan,)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ValueError(f"label {self.label_names[0]!r}: {text!r} is no finite number")
        return (value,)

    def decode(self, labels: Sequence[float]) -> tuple[str, ...]:
        """Numbers back to cells; NaN is a blank."""
        return tuple("" if math.isnan(value) else f"{value:.9g}" for value in labels)

    def balanced_by(self, labels: NDArray[np.float32]) -> Regression:
        """This task with mean and standard deviation of the values that training may see.

        Args:
            labels: float32, (n, 1), NaN where unknown or hidden.
        """
        known = labels[~np.isnan(labels)].astype(np.float64)
        task = Regression(self.label_names[0])
        if len(known):
            task.mean = float(known.mean())
            spread = float(known.std())
            task.scale = spread if spread > 1e-6 * max(1.0, abs(task.mean)) else 1.0
        return task

    def loss(self, logits: Tensor, labels: Tensor, known: Tensor, weights: Tensor) -> Tensor:
        """Squared error in standard deviations: the sum of weight times error over the number of known values.

        Args:
            logits: values, (n, 1).
            labels: float32, (n, 1).
            known: bool, (n, 1).
            weights: float32, (n,), of the studies.

        Returns:
            float32, scalar; zero with a gradient graph where nothing is known.
        """
        truth = torch.where(known, labels, torch.zeros_like(labels)).float()
        each = ((logits.float() - truth) / self.scale).square() * weights.float()[:, None]
        return torch.where(known, each, torch.zeros_like(each)).sum() / known.sum().clamp(min=1)

    def activate(self, logits: Tensor) -> Tensor:
        """The value itself, float32, (n, 1)."""
        return logits.float()
