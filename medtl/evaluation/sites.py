"""Per-site evaluation: every figure with its site, its n and its interval, computed from predictions alone."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from medtl.data.seeds import names_in_seeds
from medtl.errors import DataError
from medtl.evaluation.compare_models import Pair, compare_models, internal_external_gap
from medtl.evaluation.questions import Thresholds, choose_thresholds, group_of
from medtl.evaluation.scoring import Scores, load_metrics, score
from medtl.evaluation.site_report import (
    ClassCount,
    Comparison,
    Gap,
    ModelThresholds,
    PartResult,
    SiteReport,
    SiteResult,
)
from medtl.functional.measure import Metric, Reference
from medtl.predictions import Predictions, by_study

Scored: TypeAlias = dict[tuple[str, str, str, str], Scores]

FURTHER = ("ppv", "npv", "reference_average_precision", "sensitivity_at_specificity", "specificity_at_sensitivity",
           "brier_skill")
"""Figures that refer to something, of test studies only."""
METRICS = ("auroc", "average_precision", "balanced_accuracy", "sensitivity", "specificity", "brier")
HEADLINE = "auroc"
TENT = "tent"
"""The model that adapts at test time; it is compared with the network that it started from."""
SPLIT_ORDER = ("test", "val", "adapt", "train")
NOTE_UNNAMED = (
    "patients are unknown for some studies: each such study counts as a patient, so the intervals are narrower than "
    "they should be"
)
NOTE_POOLED = "all sites together pools their studies; patients are drawn within their site"
NOTE_WORST = "the worst site is the lowest of several estimates and so looks worse than it is"


def evaluate_sites(
    predictions: Predictions, *, bootstrap: int = 2000, threshold: str | float = "youden", seed: int = 0,
    level: float = 0.95, metrics: Sequence[str] = METRICS, reference: Reference | None = None,
) -> SiteReport:
    """Score every model on every site and split, with intervals, the worst site, gaps and verdicts.

    The source is scored on its test split (internal) and each target on its own (external). Thresholds come from the
    same model's source validation rows. Intervals draw patients within their site.

    Args:
        predictions: as read from predictions.csv; rows of one study are averaged first.
        bootstrap: number of draws; 0 gives no intervals.
        threshold: `youden`, or one number in [0, 1].
        seed: of the draws, at least 0.
        level: nominal coverage of the intervals.
        metrics: registry names; AUROC is always among them.
        reference: what the further figures refer to.

    Returns:
        The report.

    Raises:
        DataError: a regression, or a threshold that is no rule.
        ConfigError: a metric that is not registered.
    """
    if not len(predictions):
        raise DataError("there are no predictions to evaluate")
    rows = by_study(predictions)
    drawn_as = names_in_seeds(rows.site.tolist())
    sites_drawn = np.array([drawn_as[site] for site in rows.site.tolist()], dtype=np.str_)
    rows = rows.where(np.lexsort((rows.model, rows.split, rows.role, sites_drawn)))  # ties keep file order
    names = metrics if HEADLINE in metrics else (HEADLINE, *metrics)
    chosen = load_metrics(names)
    thresholds = {model: _thresholds(rows, model, threshold) for model in rows.models}
    results: list[SiteResult] = []
    further: list[SiteResult] = []
    scored: Scored = {}
    referred = load_metrics(FURTHER, reference or Reference())

    def add(site: str, role: str, split: str, model: str, part: Predictions, pooled: bool) -> None:
        group = group_of(part, thresholds[model])
        group = replace(group, strata=tuple((drawn_as[name], patients) for name, patients in group.strata))
        def scores_of(asked: Sequence[Metric]) -> Scores:
            return score(group, asked, seed=seed, replicates=bootstrap, level=level, where=site,
                         no_decision="no threshold: source validation has one class only")

        scores = scores_of(chosen)
        scored[site if not pooled else "", role, split, model] = scores
        results.append(_result(site, role, split, model, part, scores, pooled))
        if split == "test":
            further.append(_result(site, role, split, model, part, scores_of(referred), pooled))

    for pooled in (False, True):
        for role, split in _parts(rows):
            for model in rows.models:
                part = rows.where((rows.role == role) & (rows.split == split) & (rows.model == model))
                sites = sorted(set(part.site.tolist()), key=drawn_as.__getitem__)
                if pooled and len(sites) > 1:
                    add(f"all {role} sites", role, split, model, part, True)
                elif not pooled:
                    for site in sites:
                        add(site, role, split, model, part.where(part.site == site), False)

    gaps = _gaps(rows, scored, results)
    comparisons = _comparisons(rows, scored, results, level)
    notes = [NOTE_UNNAMED] if any(scores.group.unnamed for scores in scored.values()) else []
    notes += [NOTE_POOLED] if any(result.pooled for result in results) else []
    worst = _worst(results, rows.models)
    notes += [NOTE_WORST] if worst and len(_sites(results, "target", "test")) > 1 else []
    if rows.kind != "binary":
        notes.append(_macro_note(rows.kind, chosen))
    return SiteReport(
        kind=rows.kind, classes=rows.classes, metrics=tuple(names), level=level, bootstrap=bootstrap, seed=seed,
        thresholds=tuple(ModelThresholds(m, t.rule, tuple(t.values.items())) for m, t in thresholds.items()),
        results=tuple(results), worst=worst, gaps=gaps, comparisons=comparisons, notes=tuple(notes),
        further=tuple(further), titles=tuple((metric.name, metric.title) for metric in referred),
    )


def _thresholds(rows: Predictions, model: str, rule: str | float) -> Thresholds:
    return choose_thresholds(
        rows.where((rows.role == "source") & (rows.split == "val") & (rows.model == model)), rule
    )


def _parts(rows: Predictions) -> list[tuple[str, str]]:
    present = set(zip(rows.role.tolist(), rows.split.tolist(), strict=True))
    order = [(role, split) for role in ("source", "target") for split in SPLIT_ORDER]
    return [part for part in order if part in present]


def _result(
    site: str, role: str, split: str, model: str, part: Predictions, scores: Scores, pooled: bool
) -> SiteResult:
    group, metrics = scores.group, scores.metrics
    means = [scores.mean(_macro_index(part.kind, metrics, j)) for j in range(len(metrics))]
    estimates = tuple(
        type(mean)(metric.name, mean.value, mean.interval, mean.reason)
        for mean, metric in zip(means, metrics, strict=True)
    )
    parts = () if part.kind == "binary" else tuple(
        PartResult(name, tuple(scores.part(q, j) for j in range(len(metrics)))) for q, name in enumerate(group.names)
    )
    positives = int(group.samples[-1].positive.sum()) if part.kind == "binary" else None
    return SiteResult(
        site=site, role=role, split=split, model=model, studies=group.studies, unknown=group.unknown,
        positives=positives, patients=group.patients, classes=_class_counts(part), estimates=estimates, parts=parts,
        pooled=pooled, unnamed=group.unnamed,
    )


def _macro_index(kind: str, metrics: Sequence[Metric], j: int) -> int:
    macro_of = metrics[j].macro_of
    if kind != "multiclass" or macro_of is None:
        return j
    return next((i for i, metric in enumerate(metrics) if metric.name == macro_of), j)


def _macro_note(kind: str, metrics: Sequence[Metric]) -> str:
    if kind == "multilabel":
        return "figures are means over labels, each over the studies where it is known"
    renamed = [f"{m.title.lower()} is the mean of the classes' {m.macro_of}" for m in metrics if m.macro_of]
    return "; ".join(["figures are means over classes, each against the rest", *renamed])


def _class_counts(part: Predictions) -> tuple[ClassCount, ...]:
    patients, counts = part.patient_key, []
    for k, name in enumerate(part.classes):
        has = part.labels[:, k] == 1 if part.kind == "multilabel" else part.labels[:, 0] == k
        counts.append(ClassCount(name, int(has.sum()), len(np.unique(patients[has]))))
    return tuple(counts)


def _sites(results: Sequence[SiteResult], role: str, split: str) -> list[str]:
    return list(dict.fromkeys(r.site for r in results if r.role == role and r.split == split and not r.pooled))


def _worst(results: Sequence[SiteResult], models: Sequence[str]) -> tuple[tuple[str, str], ...]:
    out = []
    for model in models:
        values = {
            r.site: value for r in results
            if (r.model, r.role, r.split, r.pooled) == (model, "target", "test", False)
            and (value := r.estimate(HEADLINE).value) is not None
        }
        if values:
            out.append((model, min(values, key=lambda site: values[site])))
    return tuple(out)


def _gaps(rows: Predictions, scored: Scored, results: Sequence[SiteResult]) -> tuple[Gap, ...]:
    gaps = []
    sources, targets = _sites(results, "source", "test"), _sites(results, "target", "test")
    internal_name = sources[0] if len(sources) == 1 else "all source sites"
    for model in rows.models:
        internal = scored.get((internal_name if len(sources) == 1 else "", "source", "test", model))
        for site in targets:
            external = scored.get((site, "target", "test", model))
            if internal is not None and external is not None:
                gaps.append(Gap(model, internal_name, site, internal_external_gap(internal, external)))
    return tuple(gaps)


def _comparisons(
    rows: Predictions, scored: Scored, results: Sequence[SiteResult], level: float
) -> tuple[Comparison, ...]:
    if len(rows.models) < 2:
        return ()
    trained = [model for model in rows.models if model != TENT]
    against = [(trained[0], trained[1], "")] if len(trained) > 1 else []
    if TENT in rows.models and trained:
        against.append((TENT, trained[0], f", {TENT} against {trained[0]}"))
    pairs = []
    targets = _sites(results, "target", "test")
    for first, second, said in against:
        for site in [*targets, *([""] if len(targets) > 1 else [])]:
            two = [scored.get((site, "target", "test", model)) for model in (first, second)]
            if two[0] is not None and two[1] is not None:
                pairs.append(Pair((site or "all target sites") + said, two[0], two[1], pooled=not site))
    return compare_models(pairs, level=level)
