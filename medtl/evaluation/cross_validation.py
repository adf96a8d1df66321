"""Cross-validation: figures of several runs that test every patient once, averaged over folds, with intervals."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.table import Table

from medtl.data.seeds import names_in_seeds
from medtl.errors import DataError
from medtl.evaluation.compare_models import estimate_of
from medtl.evaluation.estimates import Estimate
from medtl.evaluation.estimates_table import FIGURES, estimates_table
from medtl.evaluation.questions import choose_thresholds, group_of
from medtl.evaluation.scoring import Scores, load_metrics, score
from medtl.evaluation.site_report import Comparison
from medtl.evaluation.verdicts import Row, Rule, judge_rows
from medtl.functional.intervals.clustered import trusted
from medtl.functional.intervals.difference import METHOD_PAIRED, Difference, without_spread
from medtl.functional.intervals.shipped import from_spread
from medtl.functional.measure import FloatArray, NotEstimable
from medtl.predictions import Predictions

HEADLINE = "auroc"
NOTE = (
    "every figure is the mean of the folds' own, since scores of different networks are not on one scale; intervals "
    "are over patients, who are each tested once, for these folds' networks: the folds share most of what they train "
    "on, so how another training set would do is not in them"
)


@dataclass(frozen=True)
class FoldRow:
    """One model at one site over all folds.

    Args:
        site: hospital.
        role: source or target.
        model: adapted, baseline or tent.
        folds: how many tested anyone here.
        studies: tested with a known label, each once.
        patients: of those studies.
        estimates: of FIGURES: mean over folds, with an interval over patients.
        by_fold: value of each figure in each fold, None where it has none, (figures)(folds).
    """

    site: str
    role: str
    model: str
    folds: int
    studies: int
    patients: int
    estimates: tuple[Estimate, ...]
    by_fold: tuple[tuple[float | None, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "site": self.site, "role": self.role, "model": self.model, "folds": self.folds, "n": self.studies,
            "patients": self.patients,
            "metrics": {estimate.metric: {**estimate.as_json(), "by_fold": list(values)}
                        for estimate, values in zip(self.estimates, self.by_fold, strict=True)},
        }


@dataclass(frozen=True)
class CrossValidated:
    """All folds together.

    Args:
        rows: per site and model.
        comparisons: AUROC of the adapted model minus the baseline's per target site.
        notes: what a reader must know.
    """

    rows: tuple[FoldRow, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"results": [row.as_json() for row in self.rows], "notes": list(self.notes),
                "comparisons": [one.as_json() for one in self.comparisons]}


def cross_validate(
    folds: Sequence[Predictions], *, threshold: str | float = "youden", bootstrap: int = 2000, seed: int = 0,
    level: float = 0.95,
) -> CrossValidated:
    """Put the test studies of all folds together.

    Each fold's figures are of its own network on its own test studies, at thresholds of its own source validation; they
    are averaged. Patients are drawn within their fold.

    Args:
        folds: predictions of each fold's run, one row per study; of one config.
        threshold: rule, as for a single run.
        bootstrap: draws of patients.
        seed: of the draws.
        level: nominal coverage.

    Returns:
        Figures and comparisons.

    Raises:
        DataError: a patient who is tested in two folds at one site.
    """
    tested = [rows.where(np.asarray((rows.split == "test") & (rows.labels >= 0).any(axis=1))) for rows in folds]
    _check(tested)
    called = names_in_seeds([site for rows in folds for site in rows.site.tolist()])
    places = dict.fromkeys(place for rows in tested
                           for place in zip(rows.role.tolist(), rows.site.tolist(), rows.model.tolist(), strict=True))
    metrics = load_metrics(FIGURES)
    scored: dict[tuple[str, str, str], list[Scores]] = {}
    for role, site, model in sorted(places, key=lambda place: place[0]):
        for number, (seen, rows) in enumerate(zip(folds, tested, strict=True)):
            part = rows.where(np.asarray((rows.role == role) & (rows.site == site) & (rows.model == model)))
            if not len(part):
                continue
            validation = seen.where(np.asarray(
                (seen.role == "source") & (seen.split == "val") & (seen.model == model)))
            group = group_of(part, choose_thresholds(validation, threshold))
            strata = tuple((f"{called[site]} fold {number}", patients) for _, patients in group.strata)
            scored.setdefault((role, site, model), []).append(
                score(replace(group, strata=strata), metrics, seed=seed, replicates=bootstrap, level=level, where=site))
    rows_ = tuple(_row(*place, parts, level) for place, parts in scored.items())
    return CrossValidated(rows_, _comparisons(scored, level), (NOTE,))


def fold_table(found: CrossValidated, level: float = 0.95) -> Table:
    """Figures over folds for the terminal.

    Args:
        found: of one config.
        level: nominal coverage, for the title.

    Returns:
        A renderable.
    """
    count = max((row.folds for row in found.rows), default=0)
    return estimates_table(
        found.rows, f"Over {count} folds, every patient tested once: {level:.0%} intervals over patients"
    )


def _check(tested: Sequence[Predictions]) -> None:
    """No patient may be tested in two folds."""
    seen: dict[str, int] = {}
    twice: dict[str, int] = {}
    for number, rows in enumerate(tested):
        for key in dict.fromkeys(rows.patient_key.tolist()):
            if seen.setdefault(key, number) != number:
                site = key.split("\t", 1)[0]
                twice[site] = twice.get(site, 0) + 1
    if twice:
        raise DataError(*(f"{site}: {count} patients are tested in two folds; the folds are not of one config and seed"
                          for site, count in twice.items()))


def _row(role: str, site: str, model: str, parts: Sequence[Scores], level: float) -> FoldRow:
    estimates, by_fold = [], []
    for j, metric in enumerate(parts[0].metrics):
        ends = [part.mean(j) for part in parts]
        by_fold.append(tuple(end.value for end in ends))
        known = [end.value for end in ends if end.value is not None]
        if len(known) < len(ends):
            lacking = [k for k, end in enumerate(ends) if end.value is None]
            reason = f"{len(lacking)} of {len(ends)} folds have no value ({ends[lacking[0]].reason})"
            estimates.append(Estimate(metric.name, None, None, reason))
            continue
        value = float(np.mean(known))
        patients = sum(part.rarer(j) for part in parts)
        estimates.append(Estimate.of(metric.name, value, from_spread(metric, value, _drawn(parts, j), patients, level)))
    return FoldRow(site, role, model, len(parts), sum(part.group.studies for part in parts),
                   sum(part.group.patients for part in parts), tuple(estimates), tuple(by_fold))


def _drawn(parts: Sequence[Scores], metric: int) -> FloatArray:
    """Means over folds of bootstrap values; folds hold different patients, so their draws are independent."""
    return np.asarray(np.mean([part.mean_draws(metric) for part in parts], axis=0))


def _comparisons(scored: dict[tuple[str, str, str], list[Scores]], level: float) -> tuple[Comparison, ...]:
    pairs = [(site, scored[role, site, model], scored[role, site, "baseline"]) for role, site, model in scored
             if role == "target" and model == "adapted" and (role, site, "baseline") in scored]
    rows = [_paired(ours, theirs) for _, ours, theirs in pairs]
    verdicts = judge_rows(rows, Rule(alpha=1 - level))
    return tuple(Comparison(site, sum(part.group.studies for part in ours), estimate_of(HEADLINE, row, level),
                            verdict.sentence, False, verdict)
                 for (site, ours, _), row, verdict in zip(pairs, rows, verdicts, strict=True))


def _paired(ours: Sequence[Scores], theirs: Sequence[Scores]) -> Row:
    """Difference of the two means over folds, under the same draws of patients."""
    j = FIGURES.index(HEADLINE)
    unnamed = any(part.group.unnamed for part in ours)
    if [part.group.keys for part in ours] != [part.group.keys for part in theirs]:
        return Row(NotEstimable("the two models answered different studies"), unnamed=unnamed)
    values = [(one.mean(j), other.mean(j)) for one, other in zip(ours, theirs, strict=True)]
    missing = next((end for pair in values for end in pair if end.value is None), None)
    if missing is not None:
        return Row(NotEstimable(missing.reason), unnamed=unnamed)
    value = float(np.mean([(a.value or 0.0) - (b.value or 0.0) for a, b in values]))
    patients = sum(part.rarer(j) for part in ours)
    apart = trusted(_drawn(ours, j) - _drawn(theirs, j), patients)
    if isinstance(apart, NotEstimable):
        return Row(apart, unnamed=unnamed)
    error = float(apart.std(ddof=1))
    same = all(np.array_equal(a.scores, b.scores) for one, other in zip(ours, theirs, strict=True)
               for a, b in zip(one.group.samples, other.group.samples, strict=True))
    found = Difference(value, error, patients - 1, METHOD_PAIRED) if error > 0 else without_spread(
        value, patients, METHOD_PAIRED)
    return Row(found, True, same, unnamed)
