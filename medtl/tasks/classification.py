"""Classification of studies: one label of two or more classes, or several yes/no labels."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from medtl.config.sections import TaskSection
from medtl.errors import OptionError
from medtl.tasks.base import Task

_METRICS = ("auroc", "average_precision", "balanced_accuracy", "sensitivity", "specificity", "brier")


class Classification(Task):
    """Binary, multiclass or multilabel classification with unknown labels masked.

    Args:
        label: the one label column of a binary or multiclass task.
        labels: the label columns of a multilabel task, each yes or no.
        classes: the vocabulary, in the order of the class indices; of a binary task or a multilabel one, the positive
            class last. ``("0", "1")`` when left out.
        class_weights: one positive factor per class (multilabel: per label, for its positive class), or ``balanced``:
            inverse frequency over the labels that :meth:`balanced_by` is given, mean 1 over those studies.

    Raises:
        OptionError: neither or both of ``label`` and ``labels``, a vocabulary too short or with repetitions, or a
            number of class weights that does not fit.
    """

    def __init__(
        self,
        label: str | None = None,
        labels: Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
        class_weights: Literal["balanced"] | Sequence[float] | None = None,
    ) -> None:
        if (label is None) == (labels is None):
            raise OptionError("task: give either `label` (one column) or `labels` (several columns)")
        self.label_names = (label,) if label is not None else tuple(labels or ())
        self.classes = tuple(classes) if classes is not None else ("0", "1")
        _check_names("labels", self.label_names, least=1)
        _check_names("classes", self.classes, least=2)
        if label is not None:
            self.kind = "binary" if len(self.classes) == 2 else "multiclass"
            self.score_names = self.classes
        else:
            if len(self.classes) != 2:
                raise OptionError(f"task.classes: a multilabel task has two classes, found {len(self.classes)}")
            self.kind = "multilabel"
            self.score_names = self.label_names
        self.outputs = len(self.score_names)
        self.metrics = _METRICS
        self.class_weights: Literal["balanced"] | tuple[float, ...] | None = (
            class_weights if class_weights is None or class_weights == "balanced" else tuple(class_weights)
        )
        self._factors = self._given_factors()  # (labels, classes)

    @classmethod
    def from_section(cls, section: TaskSection, classes: Sequence[str] | None) -> Classification:
        """The task that a config describes.

        Args:
            section: ``task`` of the config.
            classes: the vocabulary, or None for ``("0", "1")``.

        Raises:
            OptionError: as the constructor.
        """
        return cls(label=section.label, labels=section.labels, classes=classes, class_weights=section.class_weights)

    def encode(self, raw: Sequence[str]) -> tuple[float, ...]:
        """Cells of the label columns to class indices; a blank is NaN.

        Args:
            raw: one cell per name of ``label_names``.

        Returns:
            One number per label.

        Raises:
            ValueError: a value outside the vocabulary, or another number of cells.
        """
        if len(raw) != len(self.label_names):
            raise ValueError(f"expected {len(self.label_names)} label cells, found {len(raw)}")
        numbers: list[float] = []
        for name, cell in zip(self.label_names, raw, strict=True):
            text = cell.strip()
            if text and text not in self.classes:
                raise ValueError(f"label {name!r}: {text!r} is not in the vocabulary {', '.join(self.classes)}")
            numbers.append(float(self.classes.index(text)) if text else math.nan)
        return tuple(numbers)

    def decode(self, labels: Sequence[float]) -> tuple[str, ...]:
        """Class indices back to cells; NaN is a blank: the inverse of :meth:`encode`."""
        return tuple("" if math.isnan(value) else self.classes[int(value)] for value in labels)

    def balanced_by(self, labels: NDArray[np.float32]) -> Classification:
        """This task with ``balanced`` class weights counted over the labels that training may see.

        Factor of class c: n / (classes * n_c), so that the mean over the counted studies is 1; a class without a study
        keeps 1.

        Args:
            labels: float32, (n, labels), NaN where unknown or hidden.

        Returns:
            A new task; this one itself unless ``class_weights`` is ``balanced``.
        """
        if self.class_weights != "balanced":
            return self
        task = Classification(
            label=self.label_names[0] if self.kind != "multilabel" else None,
            labels=self.label_names if self.kind == "multilabel" else None,
            classes=self.classes,
            class_weights="balanced",
        )
        factors = torch.ones(len(self.label_names), len(self.classes))
        for column in range(len(self.label_names)):
            known = labels[:, column][~np.isnan(labels[:, column])].astype(np.int64)
            counts = np.bincount(known, minlength=len(self.classes))
            for index, count in enumerate(counts):
                if count:
                    factors[column, index] = float(len(known)) / (np.count_nonzero(counts) * float(count))
        task._factors = factors
        return task

    def loss(self, logits: Tensor, labels: Tensor, known: Tensor, weights: Tensor) -> Tensor:
        """Cross entropy: the mean over what is known of study weight times class weight times loss.

        Study weights have mean 1 over the source, so the mean divides by the number of known labels, not by the
        batch's sum of weights: a batch of unimportant studies stays unimportant.

        Args:
            logits: (n, outputs).
            labels: float32, (n, labels).
            known: bool, (n, labels).
            weights: float32, (n,), of the studies.

        Returns:
            float32, scalar; zero with a gradient graph where nothing is known.
        """
        logits = logits.float()
        truth = torch.where(known, labels, torch.zeros_like(labels)).long()
        if self.kind == "multilabel":
            each = functional.binary_cross_entropy_with_logits(logits, truth.float(), reduction="none")
        else:
            each = functional.cross_entropy(logits, truth[:, 0], reduction="none")[:, None]
        factors = self._factors.to(logits.device)
        column = torch.arange(truth.shape[1], device=logits.device)
        weighted = each * factors[column[None, :], truth] * weights.float()[:, None]
        # A masked entry must not leak a NaN through 0 * NaN.
        return torch.where(known, weighted, torch.zeros_like(weighted)).sum() / known.sum().clamp(min=1)

    def activate(self, logits: Tensor) -> Tensor:
        """Softmax over classes, or a sigmoid per label: float32, (n, len(score_names))."""
        logits = logits.float()
        return torch.sigmoid(logits) if self.kind == "multilabel" else torch.softmax(logits, dim=1)

    def _given_factors(self) -> Tensor:
        factors = torch.ones(len(self.label_names), len(self.classes))
        if self.class_weights is None or isinstance(self.class_weights, str):
            return factors
        wanted = self.outputs
        if len(self.class_weights) != wanted or any(not math.isfinite(w) or w <= 0 for w in self.class_weights):
            raise OptionError(
                f"task.class_weights: expected {wanted} positive numbers ({', '.join(self.score_names)}), "
                f"found {list(self.class_weights)}"
            )
        given = torch.tensor(self.class_weights)
        if self.kind == "multilabel":
            factors[:, 1] = given
        else:
            factors[0] = given
        return factors


def _check_names(key: str, names: tuple[str, ...], least: int) -> None:
    if len(names) < least or len(set(names)) != len(names) or not all(name.strip() for name in names):
        raise OptionError(f"task.{key}: expected at least {least} different names, found {list(names)}")
