"""Paired comparison of methods on the same studies of each target site, judged together."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medtl.data.seeds import names_in_seeds
from medtl.errors import ConfigError, DataError
from medtl.evaluation.compare_models import estimate_of
from medtl.evaluation.contenders import Answers, Contender, Duel, duels_of
from medtl.evaluation.estimates import Estimate
from medtl.evaluation.paired import paired_row
from medtl.evaluation.questions import choose_thresholds, group_of, patients_of
from medtl.evaluation.scoring import Scores, load_metrics, score
from medtl.evaluation.verdicts import Rule, Verdict, judge_rows
from medtl.functional.measure import Metric
from medtl.predictions import Predictions
from medtl.predictions.joined import joined

NOTE_HOSPITALS = (
    "the intervals draw patients: they speak of patients like those at these sites, and nothing is claimed of other "
    "hospitals"
)
NOTE_MODELS = "one seed: the claims are about these trained models, not about the methods"
NOTE_METHODS = (
    "several seeds, crossed with patients: the claims are about the methods as configured, over seeds like these"
)
NOTE_SPLITS = "seeds of one method were tested on different studies, since the seed also draws the split"
NOTE_THRESHOLDS = "thresholds come from each run's own source validation and are taken as given"


@dataclass(frozen=True)
class Compared:
    """One method against the reference at one target site, by one metric.

    Args:
        site: target.
        method: the method in question.
        reference: what it is compared with.
        metric: registry name.
        seeds: how many pairs of runs were compared.
        studies: with a known label, over all seeds, each once.
        patients: of those studies.
        value: of the method, averaged over seeds.
        reference_value: of the reference.
        estimate: method minus reference.
        verdict: over all rows of the table.
    """

    site: str
    method: str
    reference: str
    metric: str
    seeds: int
    studies: int
    patients: int
    value: float | None
    reference_value: float | None
    estimate: Estimate
    verdict: Verdict

    @property
    def claim(self) -> str:
        """What the verdict speaks of."""
        return "model" if self.seeds == 1 else "method"

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "site": self.site, "method": self.method, "reference": self.reference, "claim_about": self.claim,
            "seeds": self.seeds, "n": self.studies, "patients": self.patients, "method_value": self.value,
            "reference_value": self.reference_value, **self.estimate.as_json(), **self.verdict.as_json(),
        }


@dataclass(frozen=True)
class ComparisonReport:
    """All comparisons of one call.

    Args:
        rows: sites x methods x metrics.
        rule: what was fixed beforehand.
        level: nominal coverage of each interval, each for itself.
        bootstrap: draws of patients.
        selections: name of the rule that picked the checkpoints, by method.
        differs: per method, what its config does not share with the reference's.
        notes: what a reader must know.
    """

    rows: tuple[Compared, ...]
    rule: Rule
    level: float
    bootstrap: int
    selections: tuple[tuple[str, str], ...]
    differs: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON, for compare.json."""
        return {
            "format": 1, "rule": self.rule.as_json(), "level": self.level, "bootstrap": self.bootstrap,
            "selection": dict(self.selections), "differs": {name: list(lines) for name, lines in self.differs},
            "comparisons": [row.as_json() for row in self.rows], "notes": list(self.notes),
        }


def compare_runs(
    answers: Sequence[Answers], *, metrics: Sequence[str] = ("auroc",), rule: Rule | None = None,
    against: str | None = None, bootstrap: int = 2000, level: float = 0.95, seed: int = 0,
) -> ComparisonReport:
    """Compare runs on the target test studies that they share.

    Args:
        answers: of finished runs, in the user's order; their studies are averaged rows.
        metrics: registry names.
        rule: margin and direction, fixed beforehand.
        against: a run of the reference method.
        bootstrap: draws of patients.
        level: nominal coverage of each interval.
        seed: of the draws.

    Returns:
        Verdicts on every site, method and metric.

    Raises:
        ConfigError: a metric that is not registered, or that has no better end or no interval.
        DataError: runs that cannot be compared.
    """
    rule = rule or Rule()
    chosen = load_metrics(metrics)
    if odd := [m.name for m in chosen if m.higher_is_better is None or m.scale == "none"]:
        raise ConfigError(f"--metric {odd[0]}: it has no better end or no interval, so no gain can be told by it")
    for metric in chosen:
        if metric.macro_of is not None and metric.macro_of not in [known.name for known in chosen]:
            chosen = (*chosen, *load_metrics((metric.macro_of,)))
    duels = duels_of(answers, against)
    exclusive = answers[0].predictions.kind == "multiclass"
    columns = [_column(chosen, j) if exclusive else j for j in range(len(metrics))]
    rows, cells, notes = [], [], [NOTE_HOSPITALS]
    for duel in duels:
        notes += duel.notes
        notes.append(NOTE_MODELS if len(duel.pairs) == 1 else NOTE_METHODS)
        for site in _targets(duel):
            first, second = _scores(duel, site, chosen, seed, bootstrap, level)
            if any(scores.group.keys != first[0].group.keys for scores in first):
                notes.append(NOTE_SPLITS)
            for name, column in zip(metrics, columns, strict=True):
                rows.append(paired_row(first, second, column, seed))
                cells.append((site, duel, name, first, second, column))
    verdicts = judge_rows(rows, rule)
    out = []
    for (site, duel, name, first, second, column), row, verdict in zip(cells, rows, verdicts, strict=True):
        ours, theirs = _mean(first, column), _mean(second, column)
        plain = None if ours is None or theirs is None else ours - theirs
        keys = {key for scores in first for key in scores.group.keys}
        out.append(Compared(
            site, duel.first.name, duel.second.name, name, len(duel.pairs), len(keys), len({who for who, _ in keys}),
            ours, theirs, estimate_of(name, row, level, plain), verdict,
        ))
    if any(metric.needs == "decisions" for metric in chosen):
        notes.append(NOTE_THRESHOLDS)
    methods = {method.name: method for duel in duels for method in (duel.first, duel.second)}
    return ComparisonReport(
        tuple(out), rule, level, bootstrap, tuple((name, _selection(method)) for name, method in methods.items()),
        tuple((duel.first.name, duel.differs) for duel in duels), tuple(dict.fromkeys(notes)),
    )


def _targets(duel: Duel) -> list[str]:
    sites: list[str] = []
    for one, _ in duel.pairs:
        rows = _tested(duel.first.rows(one))
        sites += rows.site.tolist()
    return list(dict.fromkeys(sites))


def _tested(rows: Predictions) -> Predictions:
    return rows.where(np.asarray((rows.role == "target") & (rows.split == "test")))


def _scores(
    duel: Duel, site: str, metrics: Sequence[Metric], seed: int, bootstrap: int, level: float
) -> tuple[list[Scores], list[Scores]]:
    """Figures of both methods at one site, seed by seed, all under the same draws of patients."""
    parts = [(_at(duel.first, one, site), _at(duel.second, other, site)) for one, other in duel.pairs]
    for (one, other), (ours, theirs) in zip(duel.pairs, parts, strict=True):
        _same_studies(site, one.name, ours, other.name, theirs)
    ordered = [(_sorted_like(theirs, ours), ours) for ours, theirs in parts]
    everyone = joined([ours.where(np.asarray((ours.labels >= 0).any(axis=1))) for _, ours in ordered])
    patients, _ = patients_of(everyone)
    called = names_in_seeds([site])[site]
    out: tuple[list[Scores], list[Scores]] = ([], [])
    for (one, other), (theirs, ours) in zip(duel.pairs, ordered, strict=True):
        for side, (method, run, rows) in enumerate(((duel.first, one, ours), (duel.second, other, theirs))):
            group = group_of(rows, _thresholds(method, run), patients)
            named = type(group)(group.names, group.samples, tuple((called, n) for _, n in group.strata), group.keys,
                                group.unknown, group.unnamed)
            out[side].append(score(named, metrics, seed=seed, replicates=bootstrap, level=level, where=site,
                                   no_decision="no threshold: source validation has one class only"))
    return out


def _at(method: Contender, run: Answers, site: str) -> Predictions:
    rows = _tested(method.rows(run))
    return rows.where(rows.site == site)


def _same_studies(site: str, one: str, ours: Predictions, other: str, theirs: Predictions) -> None:
    mine, yours = ({s: tuple(label) for s, label in zip(p.study.tolist(), p.labels.tolist(), strict=True)}
                   for p in (ours, theirs))
    common = mine.keys() & yours.keys()
    if len(common) < max(len(mine), len(yours)):
        raise DataError(f"{site}: {one} was tested on {len(mine)} studies and {other} on {len(yours)}, {len(common)} "
                        "of them the same; a paired comparison needs the same studies: train both with one seed and "
                        "one split")
    changed = sum(mine[study] != yours[study] for study in common)
    if changed:
        raise DataError(f"{site}: {changed} studies have another label in {other} than in {one}; train one of them "
                        "again")


def _sorted_like(rows: Predictions, model: Predictions) -> Predictions:
    place = {study: i for i, study in enumerate(rows.study.tolist())}
    return rows.where(np.array([place[study] for study in model.study.tolist()], dtype=np.int64))


def _thresholds(method: Contender, run: Answers) -> Any:
    rows = method.rows(run)
    rule = (run.config.get("evaluate") or {}).get("threshold", "youden")
    return choose_thresholds(rows.where((rows.role == "source") & (rows.split == "val")), rule)


def _column(metrics: Sequence[Metric], j: int) -> int:
    """With exclusive classes, balanced accuracy is the mean of their sensitivities."""
    return next((i for i, metric in enumerate(metrics) if metric.name == metrics[j].macro_of), j)


def _mean(scores: Sequence[Scores], metric: int) -> float | None:
    values = [one.mean(metric).value for one in scores]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _selection(method: Contender) -> str:
    return str((method.runs[0].config.get("train") or {}).get("selection", "source_validation"))
