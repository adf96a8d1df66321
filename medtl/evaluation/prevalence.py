"""The target's prevalence from a model's answers, and what a different prevalence means for aligned features."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from medtl.functional.measure import FloatArray
from medtl.functional.prior_shift import Prior, bbse, em_prior, mixture_fit
from medtl.predictions import UNKNOWN, Predictions

ODD = 0.05
"""P-value below which prevalence alone does not explain the answers."""
LEAST = 10
"""Labelled source studies of each class, and target studies, below which nothing is estimated."""


@dataclass(frozen=True)
class Prevalence:
    """What one model's answers say of one target site.

    Attributes:
        site: the target.
        model: whose answers.
        classes: names.
        source: shares of the classes that the model was trained under.
        value: estimated shares; None where they cannot be known.
        low: lower ends of the 95 % intervals.
        high: upper ends.
        bbse: the shares by the source's confusions; None where these cannot be solved.
        p: how often prevalence alone would make answers this odd.
        studies: target studies.
        reason: why there is no estimate; empty where there is one.
    """

    site: str
    model: str
    classes: tuple[str, ...]
    source: tuple[float, ...]
    value: tuple[float, ...] | None
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    bbse: tuple[float, ...] | None
    p: float | None
    studies: int
    reason: str = ""

    @property
    def differs(self) -> bool:
        """Whether some class's interval leaves out its share at the source."""
        ends = zip(self.source, self.low or (), self.high or (), strict=self.value is not None)
        return any(not low <= share <= high for share, low, high in ends)

    @property
    def sentence(self) -> str:
        """For people, with the warning where it is due."""
        if self.value is None:
            return f"{self.site}: its prevalence cannot be told from the {self.model} model's answers: {self.reason}"
        assert self.low is not None
        assert self.high is not None
        shown = [self.classes[-1]] if len(self.classes) == 2 else self.classes
        parts = []
        for name in shown:
            k = self.classes.index(name)
            ends = f"[{self.low[k]:.2f}, {self.high[k]:.2f}]"
            parts.append(f"{name} {self.value[k]:.2f} {ends}, source {self.source[k]:.2f}")
        text = (f"{self.site}: prevalence estimated from the {self.model} model's answers (EM): {'; '.join(parts)}; "
                f"this supposes that each class looks alike at both sites; {self.studies} studies do not contradict it")
        if not self.differs:
            return text
        apart = 0.5 * sum(abs(a - b) for a, b in zip(self.value, self.source, strict=True))
        return (f"{text}. Invariance cannot help there: features that look alike at both sites make errors that add up "
                f"to at least {apart:.2f}, the distance of the class shares; consider train.class_balanced, or a few "
                "target labels")

    def as_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


def estimate_prevalence(
    predictions: Predictions, prior: Sequence[float], *, model: str = "adapted", draws: int = 500, seed: int = 0
) -> tuple[Prevalence, ...]:
    """The shares of the classes at every target site; nothing for several labels or a regression.

    Source validation and test studies stand for how each class is scored; target labels are not read.

    Args:
        predictions: of a run.
        prior: shares of the classes that the model was trained under, (classes,).
        model: whose answers.
        draws: of patients, for the intervals.
        seed: of all draws.
    """
    if predictions.kind not in ("binary", "multiclass") or (np.asarray(prior) <= 0).any():
        return ()
    mine = predictions.model == model
    source = predictions.where(mine & (predictions.role == "source") & (predictions.labels[:, 0] != UNKNOWN))
    found = []
    for site in sorted(set(predictions.site[mine & (predictions.role == "target")].tolist())):
        target = predictions.where(mine & (predictions.role == "target") & (predictions.site == site))
        found.append(_at(site, model, target, source, np.asarray(prior, dtype=np.float64), draws, seed))
    return tuple(found)


def _at(
    site: str, model: str, target: Predictions, source: Predictions, prior: FloatArray, draws: int, seed: int
) -> Prevalence:
    classes = tuple(target.classes)
    labels = source.labels[:, 0].astype(np.int64)
    told = tuple(round(float(share), 6) for share in prior)

    def unknown(reason: str, p: float | None = None) -> Prevalence:
        return Prevalence(site, model, classes, told, None, None, None, None, p, len(target), reason)

    counts = np.bincount(labels, minlength=len(prior))
    if counts.min() < LEAST or len(target) < LEAST:
        return unknown(f"it needs {LEAST} labelled source studies of each class outside of training and {LEAST} target "
                       f"studies, found {counts.min()} and {len(target)}")
    p = mixture_fit(target.scores, source.scores, labels, prior, seed=seed)
    if p < ODD:
        return unknown(f"not identifiable, since another mixture of the classes does not explain them (p = {p:.3f}): a "
                       "scanner that moves the scores would pass for another prevalence", p)
    prior_there: Prior = em_prior(target.scores, prior, target.patient_key, draws=draws, seed=seed)
    called = bbse(source.scores.argmax(axis=1), labels, target.scores.argmax(axis=1), len(prior))
    value, low, high = (tuple(np.round(a, 6).tolist()) for a in (prior_there.value, prior_there.low, prior_there.high))
    return Prevalence(site, model, classes, told, value, low, high,
                      None if called is None else tuple(np.round(called, 6).tolist()), p, len(target))

