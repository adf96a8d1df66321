"""The prevalence at a hospital without labels, from a model's answers, and whether it can be known from them at all.

Both estimates need each class to look the same at both hospitals, p(x | y) equal: then only the mixture of the classes
changes. A scanner breaks that, and a shift of the scores passes for another prevalence. :func:`mixture_fit` tests it.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from medtl.functional.measure import FloatArray, IntArray
from medtl.functional.patients import numbered

TOLERANCE = 1e-7
ITERATIONS = 2_000
_TINY = 1e-12


@dataclass(frozen=True)
class Prior:
    """Shares of the classes and their intervals.

    Attributes:
        value: (classes,), sums to 1.
        low: lower ends, (classes,).
        high: upper ends, (classes,).
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray


def saerens_em(scores: FloatArray, prior: FloatArray) -> FloatArray:
    r"""Shares of the classes that make the answers most likely.

    .. math:: q_c \leftarrow \frac{1}{n}\sum_i \frac{p(c \mid x_i)\, q_c / p_c}{\sum_k p(k \mid x_i)\, q_k / p_k}

    Args:
        scores: probabilities of the classes by a calibrated model, (n, classes), n at least 1.
        prior: shares of the classes p that the model was trained under, above 0, (classes,).

    Returns:
        (classes,), sums to 1.

    Reference:
        Saerens, Latinne & Decaestecker 2002, "Adjusting the Outputs of a Classifier to New a Priori Probabilities: A
        Simple Procedure".
    """
    ratio = np.maximum(scores, _TINY) / prior
    if ratio.shape[1] == 2:
        return _of_two(ratio)
    shares = np.asarray(prior, dtype=np.float64)
    for _ in range(ITERATIONS):
        joint = ratio * shares
        after: FloatArray = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(after - shares).max() < TOLERANCE:
            return after
        shares = after
    return shares


def _of_two(ratio: FloatArray) -> FloatArray:
    """Where EM ends with two classes: the log-likelihood is concave in one share, so its slope has one root."""
    gap, first = ratio[:, 1] - ratio[:, 0], ratio[:, 0]

    def slope(share: float) -> float:
        return float((gap / (first + share * gap)).mean())

    if slope(0.0) <= 0.0:
        share = 0.0
    elif slope(1.0) >= 0.0:
        share = 1.0
    else:
        share = float(brentq(slope, 0.0, 1.0, xtol=TOLERANCE))
    return np.array([1.0 - share, share])


def bbse(source_calls: IntArray, source_labels: IntArray, target_calls: IntArray, classes: int) -> FloatArray | None:
    """Shares of the classes that explain how often each class is called, by the confusions at the source.

    The solution of C q = μ, C the share of class c that is called k, μ the share of target studies called k; negative
    shares become 0 and the rest is rescaled.

    Args:
        source_calls: called class of labelled source studies that the model did not learn from, (n,).
        source_labels: their class, (n,).
        target_calls: called class of target studies, (m,).
        classes: how many.

    Returns:
        (classes,), sums to 1; None where a class is missing at the source or the confusions cannot be solved.

    Reference:
        Lipton, Wang & Smola 2018, "Detecting and Correcting for Label Shift with Black Box Predictors".
    """
    counts = np.zeros((classes, classes))
    np.add.at(counts, (source_calls, source_labels), 1.0)
    totals = counts.sum(axis=0)
    if (totals == 0).any() or not len(target_calls):
        return None
    confusion = counts / totals
    if np.linalg.cond(confusion) > 1e6:
        return None
    solved = np.linalg.solve(confusion, np.bincount(target_calls, minlength=classes) / len(target_calls))
    kept = np.maximum(solved, 0.0)
    shares: FloatArray = kept / kept.sum()
    return shares


def em_prior(
    scores: FloatArray, prior: FloatArray, patients: NDArray[np.str_], *, draws: int = 500, seed: int = 0,
    level: float = 0.95,
) -> Prior:
    """:func:`saerens_em` with a percentile interval over patients.

    Args:
        scores: of target studies, (n, classes).
        prior: that the model was trained under, (classes,).
        patients: whose each study is, (n,).
        draws: of patients with replacement; 0 gives the value alone.
        seed: of the draws.
        level: nominal coverage. It counts the draw of patients, not the model's own error.
    """
    value = saerens_em(scores, prior)
    if not draws:
        return Prior(value, value, value)
    of = numbered(patients)
    rows = [np.flatnonzero(of == patient) for patient in range(int(of.max()) + 1)]
    draw = np.random.default_rng(seed)
    found = np.stack([
        saerens_em(scores[np.concatenate([rows[k] for k in draw.integers(0, len(rows), len(rows))])], prior)
        for _ in range(draws)
    ])
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Prior(value, low, high)


def mixture_gap(target: FloatArray, source: FloatArray, labels: IntArray, shares: FloatArray) -> float:
    """Largest distance of the target's score distribution from the source's classes mixed by these shares.

    Args:
        target: scores, (n, classes).
        source: scores of labelled source studies, (m, classes).
        labels: their class, (m,).
        shares: of the classes, (classes,).

    Returns:
        The largest Kolmogorov-Smirnov distance over the columns, in [0, 1].
    """
    counts = np.bincount(labels, minlength=len(shares))
    weights = np.where(counts > 0, shares / np.maximum(counts, 1), 0.0)[labels]
    weights = weights / weights.sum()
    gaps = []
    for column in range(target.shape[1]):
        order = np.argsort(source[:, column], kind="stable")
        ends = np.concatenate([[0.0], np.cumsum(weights[order])])
        points = np.concatenate([source[:, column], target[:, column]])
        mixed = ends[np.searchsorted(source[order, column], points, side="right")]
        seen = np.searchsorted(np.sort(target[:, column]), points, side="right") / len(target)
        gaps.append(float(np.abs(mixed - seen).max()))
    return max(gaps)


def mixture_fit(
    target: FloatArray, source: FloatArray, labels: IntArray, prior: FloatArray, *, draws: int = 200, seed: int = 0
) -> float:
    """How often a target that differs in prevalence alone would look as odd as this one.

    In each draw both samples come from the source's classes, the target's mixed by the estimated shares, and the shares
    are estimated anew.

    Args:
        target: scores, (n, classes).
        source: scores of labelled source studies that the model did not learn from, (m, classes), every class there.
        labels: their class, (m,).
        prior: that the model was trained under, (classes,).
        draws: simulated targets.
        seed: of the draws.

    Returns:
        The p-value, in (0, 1]; a small one says that prevalence alone does not explain the answers, so that the
        estimates above mean nothing. A large one is no proof: where the classes overlap, hundreds of studies are needed
        to tell a mixture from a shift.
    """
    shares = saerens_em(target, prior)
    seen = mixture_gap(target, source, labels, shares)
    draw = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == c) for c in range(len(prior))]
    usual = 0
    for _ in range(draws):
        again = np.concatenate([draw.choice(m, len(m)) for m in members])
        counts = draw.multinomial(len(target), shares)
        made = source[np.concatenate([draw.choice(m, count) for m, count in zip(members, counts, strict=True)])]
        usual += mixture_gap(made, source[again], labels[again], saerens_em(made, prior)) >= seen
    return (usual + 1) / (draws + 1)
