"""The learning curve over numbers of target labels, with intervals over patients and draws of labels."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.matrix.cells import PairedRun, Scorer
from medtl.evaluation.matrix.figures import METRIC, MeanScore, in_words, mean_estimate
from medtl.functional.measure import FloatArray, NotEstimable
from medtl.functional.power_law import PowerLaw, fit_power_law

FARTHEST = 10
"""The fitted curve is believed up to so many times the largest number that was tried."""
LEVEL = 0.95


@dataclass(frozen=True)
class Point:
    """One number of labels.

    Args:
        labels: labelled target patients per class; 0 for none.
        estimate: AUROC, the mean over draws.
        draws: (seed, AUROC) of each draw of labels.
        reasons: why draws are missing.
    """

    labels: int
    estimate: Estimate
    draws: tuple[tuple[int, float], ...]
    reasons: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"per_class": self.labels, "auroc": self.estimate.as_json(),
                "draws": [{"seed": s, "auroc": v} for s, v in self.draws], "reasons": list(self.reasons)}


@dataclass(frozen=True)
class Curve:
    """A learning curve and what it says of a goal.

    Args:
        wanted: the goal, an AUROC.
        points: in order.
        fitted: (per class, low, value, high) along the fit; empty where there is none.
        ceiling: what the fit levels off at: value, low, high; None without a fit.
        needed: labelled patients per class at which the goal is reached: value, low, high, infinite where it is not;
            None without a fit.
        answer: in one sentence.
        notes: what must stand beside it.
        failures: (run, reason).
    """

    wanted: float
    points: tuple[Point, ...]
    fitted: tuple[tuple[float, float, float, float], ...]
    ceiling: tuple[float, float, float] | None
    needed: tuple[float, float, float] | None
    answer: str
    notes: tuple[str, ...]
    failures: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As JSON; what is never reached is null."""

        def finite(values: tuple[float, float, float] | None) -> list[float | None] | None:
            return None if values is None else [v if math.isfinite(v) else None for v in values]

        return {
            "format": 1, "metric": METRIC, "wanted": self.wanted, "answer": self.answer,
            "points": [point.as_json() for point in self.points], "fit": [list(step) for step in self.fitted],
            "ceiling": finite(self.ceiling), "needed_per_class": finite(self.needed), "notes": list(self.notes),
            "failures": [{"run": run, "reason": reason} for run, reason in self.failures],
        }


NOTES = (
    "intervals: patients and draws of labels are drawn crossed; every draw is tested on the same held-out studies",
    "labels are counted in patients per class; a draw of few may miss what another one holds",
    "the fit a - b n^-c goes beyond what was measured: the farther, the less it says",
)


def learning_curve(
    runs: Mapping[int, Sequence[PairedRun]], wanted: float, *, bootstrap: int = 2000, seed: int = 0,
    notes: Sequence[str] = (),
) -> Curve:
    """Scores all runs under shared draws, fits the curve, and answers.

    Args:
        runs: by labelled patients per class, one per draw; failed ones without predictions.
        wanted: the goal, an AUROC.
        bootstrap: draws of patients.
        seed: of the draws.
        notes: further facts to repeat.

    Returns:
        The curve.
    """
    everyone = [run for of_n in runs.values() for run in of_n]
    scorer = Scorer(everyone, metric=METRIC, bootstrap=bootstrap, seed=seed)
    points, found = [], {}
    for n in sorted(runs):
        means: dict[int, MeanScore] = {}
        reasons = []
        for run in runs[n]:
            if run.predictions is None:
                reasons.append(run.reason)
                continue
            test = run.predictions.where((run.predictions.role == "target") & (run.predictions.split == "test"))
            scored = [scorer.at(run, site) for site in dict.fromkeys(test.site.tolist())]
            missing = [one.value.reason for one in scored if isinstance(one.value, NotEstimable)]
            if missing or not scored:
                reasons.append(missing[0] if missing else "no test studies")
            else:
                means[run.seed] = MeanScore.of(scored)
        why = tuple(dict.fromkeys(reasons))
        estimate = mean_estimate(list(means.values()), seed, why)
        points.append(Point(n, estimate, tuple((s, m.value) for s, m in means.items()), why))
        if n > 0 and means:
            found[n] = means
    failures = tuple((in_words(run), run.reason) for run in everyone if run.predictions is None)
    largest = max(found, default=0)
    if len(found) < 3:
        told = _measured(points, wanted, "a fit needs 3 numbers of labels")
        return Curve(wanted, tuple(points), (), None, None, told, (*notes, *NOTES), failures)
    counts = np.array(sorted(found), dtype=np.float64)
    curves = _resampled([found[n] for n in sorted(found)], seed)
    best = fit_power_law(counts, [float(np.mean([m.value for m in found[n].values()])) for n in sorted(found)])
    drawn = fit_power_law(counts, curves) if len(curves) else None
    needed = _three(best.needed(wanted), None if drawn is None else drawn.needed(wanted))
    ceiling = _three(best.ceiling, None if drawn is None else drawn.ceiling)
    return Curve(wanted, tuple(points), _band(best, drawn, counts), ceiling, needed,
                 _answer(wanted, needed, ceiling, largest), (*notes, *NOTES), failures)


def _resampled(points: Sequence[Mapping[int, MeanScore]], seed: int) -> FloatArray:
    """Curves under shared draws of patients and of the draws of labels, (replicates, points); all points share the
    draws of labels, since a larger number of labels holds the smaller one."""
    seeds = sorted({s for of_n in points for s in of_n})
    replicates = len(next(iter(points[0].values())).draws)
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(seeds)]))
    kept = max(len(seeds) - 1, 1)
    picked = rng.integers(0, len(seeds), size=(replicates, kept))
    columns = []
    for of_n in points:
        table = np.stack([of_n[s].draws if s in of_n else np.full(replicates, np.nan) for s in seeds])
        drawn = table[picked.T, np.arange(replicates)[None, :]]  # (kept, replicates)
        count = np.isfinite(drawn).sum(axis=0)
        columns.append(np.where(count > 0, np.nansum(drawn, axis=0) / np.maximum(count, 1), np.nan))
    curves = np.stack(columns, axis=1)
    return np.asarray(curves[np.isfinite(curves).all(axis=1)])


def _three(value: FloatArray, drawn: FloatArray | None) -> tuple[float, float, float]:
    if drawn is None or not len(drawn):
        return float(value[0]), math.nan, math.nan
    ordered = np.sort(drawn)
    tail = (1 - LEVEL) / 2
    low, high = ordered[int(tail * (len(ordered) - 1))], ordered[math.ceil((1 - tail) * (len(ordered) - 1))]
    return float(value[0]), float(low), float(high)


def _band(
    best: PowerLaw, drawn: PowerLaw | None, counts: FloatArray
) -> tuple[tuple[float, float, float, float], ...]:
    steps = np.geomspace(counts[0], counts[-1] * FARTHEST, 40)
    middle = best.at(steps)[0]
    if drawn is None:
        return tuple((float(n), float(v), float(v), float(v)) for n, v in zip(steps, middle, strict=True))
    low, high = np.quantile(drawn.at(steps), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return tuple((float(n), float(a), float(v), float(b))
                 for n, a, v, b in zip(steps, low, middle, high, strict=True))


def _answer(
    wanted: float, needed: tuple[float, float, float], ceiling: tuple[float, float, float], largest: int
) -> str:
    value, low, high = needed
    limit = FARTHEST * largest

    def said(n: float) -> str:
        return f"{math.ceil(max(n, 1))}" if n <= limit else f"not reached within {limit}"

    interval = "" if math.isnan(low) else f" (95 %: {said(low)} to {said(high)})"
    if value > limit:
        top = "" if math.isnan(ceiling[1]) else f" [{ceiling[1]:.3f}, {ceiling[2]:.3f}]"
        return (f"AUROC {wanted:g}: not reached within {limit} labelled patients per class, {FARTHEST} times the most "
                f"that was tried{interval}; the curve levels off at {ceiling[0]:.3f}{top}")
    return f"AUROC {wanted:g} takes about {said(value)} labelled target patients per class{interval}"


def _measured(points: Sequence[Point], wanted: float, why: str) -> str:
    reached = [point.labels for point in points if point.estimate.value is not None and point.estimate.value >= wanted]
    if reached:
        return f"AUROC {wanted:g} was reached with {min(reached)} labelled patients per class; {why}"
    return f"AUROC {wanted:g} was not reached; {why}"
