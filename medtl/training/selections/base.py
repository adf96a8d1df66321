"""What a selection rule may look at after an epoch, and what it answers."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from medtl.functional.selection.ratio import cross_fitted_ratio
from medtl.functional.weighting import effective_sample_size
from medtl.tasks.base import Task


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network says of some studies after an epoch; scans of one study are averaged.

    Attributes:
        site: of each study, (n,).
        logits: float32, (n, K).
        features: float32, (n, d).
        labels: float32, (n, labels), NaN where unknown; all NaN for target studies.
    """

    site: NDArray[np.str_]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]
    labels: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.site)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which labels are known, (n, labels)."""
        return ~np.isnan(self.labels)

    def sites(self) -> Iterator[NDArray[np.bool_]]:
        """The rows of each site."""
        for site in dict.fromkeys(self.site.tolist()):
            yield self.site == site


@dataclass(frozen=True, eq=False)
class Seen:
    """All that a rule may look at after an epoch.

    Attributes:
        task: of the run.
        source: validation studies of the source, with labels.
        target: studies of the target that methods may see, without labels; empty where there is no target.
    """

    task: Task
    source: Answers
    target: Answers

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """The task's loss of each source study with a known label, (n,)."""
        return np.array([_loss(self.task, self.source, np.array([k])) for k in self.labelled])

    @cached_property
    def labelled(self) -> NDArray[np.int64]:
        """Positions of the source studies with a known label."""
        return np.flatnonzero(self.source.known.any(axis=1))

    @cached_property
    def ratio(self) -> NDArray[np.float64]:
        """Density ratio of target to source at the source studies with a known label, (n,)."""
        return cross_fitted_ratio(self.source.features[self.labelled], self.target.features)

    @property
    def effective(self) -> float:
        """Effective sample size of the weighted source studies."""
        return effective_sample_size(self.ratio)

    def source_loss(self) -> float:
        """Mean over source sites of the loss of their validation studies.

        Raises:
            ValueError: no label is known.
        """
        losses = []
        for rows in self.source.sites():
            here = np.flatnonzero(rows)
            if self.source.known[here].any():
                losses.append(_loss(self.task, self.source, here))
        if not losses:
            raise ValueError("no validation study of the source has a known label")
        return float(np.mean(losses))

    def answered(self) -> Iterator[list[NDArray[np.float64]]]:
        """Per target site, the probabilities of each question, (n, classes): one question, or one per label."""
        for rows in self.target.sites():
            logits = self.target.logits[rows].astype(np.float64)
            if self.task.kind == "multilabel":
                yes = 1.0 / (1.0 + np.exp(-np.clip(logits, -60, 60)))
                yield [np.stack([1 - column, column], axis=1) for column in yes.T]
            else:
                raised = np.exp(logits - logits.max(axis=1, keepdims=True))
                yield [raised / raised.sum(axis=1, keepdims=True)]


def _loss(task: Task, answers: Answers, rows: NDArray[np.int64]) -> float:
    known = torch.from_numpy(answers.known[rows])
    truth = torch.nan_to_num(torch.from_numpy(answers.labels[rows]))
    logits = torch.from_numpy(answers.logits[rows])
    return float(task.loss(logits, truth, known, torch.ones(len(rows))))


class Rule(ABC):
    """A rule that picks an epoch: the one with the lowest value, the earliest of equals."""

    sentence: ClassVar[str]
    """What it does, for reports."""
    needs_target: ClassVar[bool] = False
    """Whether it looks at target images."""
    needs_labels: ClassVar[bool] = False
    """Whether it looks at source validation labels."""
    classes_only: ClassVar[bool] = False
    """Whether it is about classes, so that a regression has no value."""

    @abstractmethod
    def value(self, seen: Seen) -> float:
        """What the rule makes low.

        Args:
            seen: after the epoch.

        Returns:
            A finite number.
        """

    def fits(self, task: Task, *, target: bool, labels: bool) -> bool:
        """Whether the rule has a value.

        Args:
            task: of the run.
            target: whether there are target images to look at.
            labels: whether a source validation label is known.
        """
        return (target or not self.needs_target) and (labels or not self.needs_labels) and not (
            self.classes_only and task.kind == "regression")
