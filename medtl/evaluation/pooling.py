"""One method over several seeds, each with its own split: figures per site over patients and seeds."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.table import Table

from medtl.data.seeds import names_in_seeds
from medtl.evaluation.contenders import Answers
from medtl.evaluation.estimates import Estimate
from medtl.evaluation.estimates_table import FIGURES, estimates_table
from medtl.evaluation.questions import Group, choose_thresholds, group_of, patients_of
from medtl.evaluation.scoring import Scores, load_metrics, score
from medtl.functional.intervals.difference import Difference, from_draws
from medtl.functional.intervals.interval import Interval, logit_ends
from medtl.functional.measure import Metric, NotEstimable
from medtl.predictions import Predictions
from medtl.predictions.joined import joined


@dataclass(frozen=True)
class PooledRow:
    """One model at one site over several seeds.

    Args:
        site: hospital.
        role: source or target.
        model: adapted or baseline.
        seeds: how many runs.
        studies: tested with a known label in some run, each counted once.
        patients: of those studies.
        estimates: of FIGURES: mean over seeds, over patients and seeds.
        spread: standard deviation of each figure over seeds; None where a seed has none.
    """

    site: str
    role: str
    model: str
    seeds: int
    studies: int
    patients: int
    estimates: tuple[Estimate, ...]
    spread: tuple[float | None, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "site": self.site, "role": self.role, "model": self.model, "seeds": self.seeds, "n": self.studies,
            "patients": self.patients,
            "metrics": {estimate.metric: {**estimate.as_json(), "sd_over_seeds": spread}
                        for estimate, spread in zip(self.estimates, self.spread, strict=True)},
        }


def pooled_rows(
    answers: Sequence[Answers], *, bootstrap: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[PooledRow, ...]:
    """Figures of every model at every site, over the test studies of several runs of one method.

    Each run has drawn its own split, so that together they test more patients than one does. A patient that several
    runs tested is drawn in all of them at once; seeds are crossed with patients.

    Args:
        answers: of runs whose configs differ in the seed alone; two or more.
        bootstrap: draws of patients.
        seed: of the draws.
        level: nominal coverage.

    Returns:
        Source sites first.
    """
    metrics = load_metrics(FIGURES)
    every = [run.predictions.where(np.asarray(run.predictions.split == "test")) for run in answers]
    places = dict.fromkeys(place for rows in every
                           for place in zip(rows.role.tolist(), rows.site.tolist(), rows.model.tolist(), strict=True))
    out = []
    for role, site, model in sorted(places, key=lambda place: place[0]):
        found = []
        for run, rows in zip(answers, every, strict=True):
            part = rows.where(np.asarray((rows.role == role) & (rows.site == site) & (rows.model == model)))
            if len(part):
                found.append((run, part.where(np.asarray((part.labels >= 0).any(axis=1)))))
        out.append(_row(site, role, model, found, metrics, bootstrap, seed, level))
    return tuple(out)


def pooled_table(rows: Sequence[PooledRow], level: float = 0.95) -> Table:
    """Pooled figures for the terminal.

    Args:
        rows: of one method.
        level: nominal coverage, for the title.

    Returns:
        A renderable.
    """
    seeds = max((row.seeds for row in rows), default=0)
    return estimates_table(rows, f"Over {seeds} seeds and splits: {level:.0%} intervals over patients and seeds")


def _row(
    site: str, role: str, model: str, found: Sequence[tuple[Answers, Predictions]], metrics: Sequence[Metric],
    bootstrap: int, seed: int, level: float,
) -> PooledRow:
    patients, _ = patients_of(joined([replace(part, logits=None) for _, part in found]))
    called = names_in_seeds([site])[site]
    scores: list[Scores] = []
    for run, part in found:
        validation = run.predictions.where(np.asarray(
            (run.predictions.role == "source") & (run.predictions.split == "val") & (run.predictions.model == model)))
        rule = (run.config.get("evaluate") or {}).get("threshold", "youden")
        group: Group = group_of(part, choose_thresholds(validation, rule), patients)
        group = replace(group, strata=tuple((called, n) for _, n in group.strata))
        scores.append(score(group, metrics, seed=seed, replicates=bootstrap, level=level, where=site))
    keys = {key for one in scores for key in one.group.keys}
    estimates, spread = [], []
    for j, metric in enumerate(metrics):
        values = [one.mean(j).value for one in scores]
        known = [value for value in values if value is not None]
        spread.append(float(np.std(known, ddof=1)) if len(known) == len(values) > 1 else None)
        if len(known) < len(values):
            reason = next(one.mean(j).reason for one in scores if one.mean(j).value is None)
            estimates.append(Estimate(metric.name, None, None, reason))
            continue
        error = from_draws(known, np.stack([one.mean_draws(j) for one in scores]),
                           min(one.rarer(j) for one in scores), seed)
        estimates.append(Estimate.of(metric.name, float(np.mean(known)), _interval(error, level)))
    return PooledRow(site, role, model, len(scores), len(keys), len({who for who, _ in keys}), tuple(estimates),
                     tuple(spread))


def _interval(found: Difference | NotEstimable, level: float) -> Interval | NotEstimable:
    if isinstance(found, NotEstimable) or not 0 < found.value < 1:
        return found if isinstance(found, NotEstimable) else NotEstimable("every study is on one side in every run")
    plain = found.interval(level)
    low, high = logit_ends(found.value, found.error, (plain.high - found.value) / found.error)
    return Interval(low, high, found.method.replace(", t", ", logit t"), level)
