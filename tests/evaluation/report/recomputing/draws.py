"""Draws of patients, each within their site, and every figure under all of them at once."""
from __future__ import annotations

import math
import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .figures import STEEPEST, Reference, counted, logits
from .studies import Array, Question

REPLICATES = 300
"""Draws of the bootstrap here; the report's are its own."""


def weights_of(asked: Sequence[Question], seed: int, replicates: int) -> list[Array]:
    """How often each study is drawn, per question: (replicates, studies)."""
    patients = sorted({p for q in asked for p in q.patient})
    sites: dict[str, list[int]] = defaultdict(list)
    for i, patient in enumerate(patients):
        sites[patient.split("|")[0]].append(i)
    place = {patient: i for i, patient in enumerate(patients)}
    rng = np.random.default_rng(seed)
    counts = np.zeros((replicates, len(patients)))
    for members in sites.values():
        drawn = rng.integers(0, len(members), (replicates, len(members)))
        for column in drawn.T:
            counts[np.arange(replicates), np.array(members)[column]] += 1
    return [counts[:, [place[p] for p in q.patient]] for q in asked]


def as_drawn(asked: Sequence[Question], patients: Sequence[str], site: str, seed: int, replicates: int) -> list[Array]:
    """The very draws that docs/statistics.md states: figures with long tails are not found again by others.

    Args:
        asked: the questions of one site.
        patients: of each study in the order of the file.
        site: its name.
        seed: of the run.
        replicates: draws.

    Returns:
        How often each study is drawn, per question: (replicates, studies).
    """
    order = {patient: i for i, patient in enumerate(dict.fromkeys(patients))}
    rng = np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(site.encode())]))
    drawn = rng.integers(0, len(order), size=(replicates, len(order)))
    counts = np.stack([np.bincount(row, minlength=len(order)) for row in drawn]).astype(np.float64)
    return [counts[:, [order[p] for p in q.patient]] for q in asked]


def drawn_figures(
    kind: str, asked: Sequence[Question], names: Sequence[str], known: Sequence[dict[str, float]], at: Reference,
    weights: Sequence[Array]
) -> dict[str, Array]:
    """Means over questions of figures under the same draws, nan where one does not exist.

    Args:
        kind: of task.
        asked: the questions.
        names: figures wanted.
        known: figures of each question; a mean is over those that have it.
        at: what some refer to.
        weights: how often each study is drawn, per question.

    Returns:
        (draws,) by name.
    """
    lines = any(name.startswith("calibration") for name in names)
    each = [_under(q, w, at, lines) for q, w in zip(asked, weights, strict=True)]
    out = {}
    for name in names:
        of = counted(kind, name)
        rows = [one[of] for one, of_one in zip(each, known, strict=True) if of in of_one and of in one]
        if rows:
            out[name] = np.mean(rows, axis=0)
    return out


def _under(q: Question, w: Array, at: Reference, lines: bool) -> dict[str, Array]:
    """Every figure of one question under all draws, written out."""
    up, down = q.truth == 1, q.truth == 0
    positives, negatives = w[:, up].sum(axis=1), w[:, down].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = positives + negatives
        out = {"brier": w @ (q.score - q.truth) ** 2 / total}
        share = positives / total
        out["brier_skill"] = np.where(share * (1 - share) > 0, 1 - out["brier"] / (share * (1 - share)), np.nan)
        won = (q.score[up][:, None] > q.score[down]) + 0.5 * (q.score[up][:, None] == q.score[down])
        out["auroc"] = ((w[:, up] @ won) * w[:, down]).sum(axis=1) / (positives * negatives)
        levels = np.unique(q.score)[::-1]
        reached = q.score[:, None] >= levels  # (studies, levels)
        true, false = w @ (reached & up[:, None]), w @ (reached & down[:, None])
        se, fp = true / positives[:, None], false / negatives[:, None]
        gained = np.diff(se, axis=1, prepend=0.0)
        out["average_precision"] = (gained * np.nan_to_num(true / (true + false))).sum(axis=1)
        found = at.prevalence * se
        out["reference_average_precision"] = (
            gained * np.nan_to_num(found / (found + (1 - at.prevalence) * fp))).sum(axis=1)
        out["sensitivity_at_specificity"] = np.where(fp <= 1 - at.specificity + 1e-9, se, 0.0).max(axis=1, initial=0.0)
        out["specificity_at_sensitivity"] = np.where(se >= at.sensitivity - 1e-9, 1 - fp, 0.0).max(axis=1, initial=0.0)
        if q.called is not None:
            se1 = w[:, up] @ q.called[up] / positives
            sp1 = w[:, down] @ (1 - q.called[down]) / negatives
            pi = at.prevalence
            out |= {"sensitivity": se1, "specificity": sp1, "balanced_accuracy": (se1 + sp1) / 2,
                    "ppv": pi * se1 / (pi * se1 + (1 - pi) * (1 - sp1)),
                    "npv": (1 - pi) * sp1 / ((1 - pi) * sp1 + pi * (1 - se1))}
        lacking = (positives == 0) | (negatives == 0)
        for name, values in out.items():
            if name not in ("brier", "sensitivity", "specificity"):
                out[name] = np.where(lacking, np.nan, values)
    if lines and len(q.truth):
        out |= _lines(logits(q.score), q.truth, w)
    return out


def _lines(x: Array, truth: NDArray[np.int64], w: Array) -> dict[str, Array]:
    """Slope by Newton's steps of bounded length under each draw, and the offset by halving."""
    both = (w[:, truth == 1].sum(axis=1) > 0) & (w[:, truth == 0].sum(axis=1) > 0)
    line, slope = np.zeros((len(w), 2)), np.full(len(w), np.nan)
    todo = np.flatnonzero(both)
    for _ in range(120):
        here = w[todo]
        p = special.expit(line[todo, :1] + line[todo, 1:] * x)
        gap, curve = here * (truth - p), here * p * (1 - p)
        s0, s1, s2, g0, g1 = curve.sum(axis=1), curve @ x, curve @ x**2, gap.sum(axis=1), gap @ x
        below = s0 * s2 - s1**2
        bent = below > 1e-13 * s0 * s2  # else the draw is separated, or all its scores are equal
        todo, below = todo[bent], below[bent]
        steps = np.stack([s2 * g0 - s1 * g1, s0 * g1 - s1 * g0], axis=1)[bent] / below[:, None]
        size = np.abs(steps).max(axis=1)
        line[todo] += steps * np.minimum(1.0, 3.0 / np.maximum(size, 1e-300))[:, None]
        settled = size < 1e-9
        slope[todo[settled]] = line[todo[settled], 1]
        todo = todo[~settled & (np.abs(line[todo, 1]) < STEEPEST)]
        if not len(todo):
            break
    low, high = np.full(len(w), -60.0), np.full(len(w), 60.0)
    for _ in range(50):
        middle = (low + high) / 2
        above = (w * (special.expit(middle[:, None] + x) - truth)).sum(axis=1) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return {"calibration_slope": np.where(np.abs(slope) < STEEPEST, slope, np.nan),
            "calibration_intercept": np.where(both, (low + high) / 2, np.nan)}


def error_of(values: Array) -> float:
    """Standard error from draws."""
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 2 else math.nan


def slack_of(values: Array, others: int) -> float:
    """Four standard errors of the ratio of two standard errors, from draws like these here and in the report.

    Args:
        values: draws here.
        others: draws of the report.
    """
    known = values[np.isfinite(values)]
    spread = known.std()
    tails = max(3.0, float(np.mean((known - known.mean()) ** 4) / spread**4)) if spread > 0 else 3.0
    return 4 * math.sqrt((tails - 1) / 4 * (1 / len(known) + 1 / others))


def tail_slack(spread: NDArray[Any] | float, here: int, others: int) -> Any:
    """Four standard errors of the difference of two 2.5 % quantiles of nearly normal draws."""
    return 4 * spread * math.sqrt(0.025 * 0.975 * (1 / here + 1 / others)) / 0.0584
