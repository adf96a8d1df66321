"""What a metric is, and what stands in its place when it cannot be computed."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from medtl.functional.resampling import Resampled

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
IntArray: TypeAlias = NDArray[np.int64]

Needs: TypeAlias = Literal["scores", "probabilities", "decisions"]


@dataclass(frozen=True)
class NotEstimable:
    """A figure that does not exist here, with the reason; it is never replaced by nan, 0 or 1.

    Args:
        reason: why, in words that can follow "not estimable:".
    """

    reason: str

    def __str__(self) -> str:
        return f"not estimable ({self.reason})"


@dataclass(frozen=True)
class Reference:
    """What figures refer to beyond the data, fixed beforehand and said in their titles.

    Args:
        prevalence: share of positives for which predictive values and precision are stated, in (0, 1).
        sensitivity: at which specificity is read off, in (0, 1).
        specificity: at which sensitivity is read off, in (0, 1).
    """

    prevalence: float = 0.1
    sensitivity: float = 0.95
    specificity: float = 0.9


@dataclass(frozen=True)
class Metric:
    """One figure of merit for a binary question, and how it is computed under many weightings at once.

    Several exclusive classes, or several labels, are several binary questions (one-vs-rest, or label by label) whose
    values are averaged with equal weight; see `medtl.functional.macro`.

    Args:
        name: the registry's name, also the name of its module and of the module's public function.
        title: how a report heads it.
        short: how a narrow table heads it.
        needs: what it reads: `scores` (any order-preserving number), `probabilities` in [0, 1], or `decisions`.
        higher_is_better: its direction; None where neither end is the good one.
        low: smallest possible value.
        high: largest possible value.
        classes: which classes must be present: both, the positive, the negative, or any study at all.
        kernel: values (replicates,) from a resampled sample; nan where the needed classes have no weight.
        macro_of: with three or more exclusive classes, the metric whose one-vs-rest mean bears this name, if another.
        scale: how its interval is built: `unit` on the logit scale, `free` as it is, `none` where draws of patients are
            too biased for one.
        undefined: why a value can be missing although the classes are there.
        least: patients of the rarer class among those that it reads, below which its interval is not estimable: fewer,
            and simulated intervals held the truth less often than they say.
    """

    name: str
    title: str
    short: str
    needs: Needs
    higher_is_better: bool | None
    low: float
    high: float
    classes: Literal["both", "positive", "negative", "any"]
    kernel: Callable[[Resampled], FloatArray] = field(repr=False, compare=False)
    macro_of: str | None = None
    scale: Literal["unit", "free", "none"] = "unit"
    undefined: str = "it does not exist for these scores"
    least: int = 5

    def missing(self, positives: float, negatives: float) -> NotEstimable | None:
        """Why the metric does not exist for these totals, or None when it does.

        Args:
            positives: number or weight of positive studies, at least 0.
            negatives: number or weight of negative studies, at least 0.

        Returns:
            The reason, or None.
        """
        if positives <= 0 and negatives <= 0:
            return NotEstimable("no labelled study")
        if positives <= 0 and self.classes in ("both", "positive"):
            return NotEstimable("no positive study")
        if negatives <= 0 and self.classes in ("both", "negative"):
            return NotEstimable("no negative study")
        return None


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Divide, with nan where the whole is 0 and no warning: a replicate without the needed class.

    Args:
        part: numerators, any shape.
        whole: denominators of the same shape, at least 0.

    Returns:
        part / whole, nan where whole is 0.
    """
    out = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
