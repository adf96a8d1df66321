"""Per-site evaluation of predicted numbers: error, concordance, Bland and Altman's bias and limits, with intervals."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medtl.data.seeds import names_in_seeds
from medtl.evaluation.estimates import Estimate
from medtl.evaluation.questions import patients_of
from medtl.evaluation.site_report import Comparison, Gap, ModelThresholds, SiteReport, SiteResult
from medtl.evaluation.verdicts import Row, Rule, judge_rows
from medtl.functional.agreement import AGREEMENTS, ValueSample, interval_of, value_of
from medtl.functional.intervals.bootstrap import count_chunks
from medtl.functional.intervals.clustered import MIN_PATIENTS, independent_difference
from medtl.functional.intervals.difference import METHOD_PAIRED, Difference
from medtl.functional.measure import FloatArray, NotEstimable
from medtl.predictions import Predictions, by_study

HEADLINE = "mae"
NAMES = tuple(figure.name for figure in AGREEMENTS)
SPLIT_ORDER = ("test", "val", "adapt", "train")
NOTE_GAP = "gaps and comparisons are of the mean absolute error: below 0 the first of the two is better"
RULE = "a number needs no threshold"
NOTE_UNNAMED = (
    "patients are unknown for some studies: each such study counts as a patient, so the intervals are narrower than "
    "they should be"
)


@dataclass(frozen=True, eq=False)
class _Scored:
    """One model on one split of one site: its sample, who its patients are, and its bootstrap."""

    sample: ValueSample
    keys: tuple[tuple[str, str], ...]
    drawn: FloatArray  # (figures, replicates)
    unnamed: bool


def evaluate_values(
    predictions: Predictions, *, bootstrap: int = 2000, seed: int = 0, level: float = 0.95
) -> SiteReport:
    """Scores every model on every site and split; patients are drawn within their site.

    Args:
        predictions: of a regression; rows of one study are averaged first.
        bootstrap: number of draws; 0 gives no intervals.
        seed: of the draws, at least 0.
        level: nominal coverage of the intervals.

    Returns:
        A report of kind ``regression``, without thresholds; the worst site has the largest mean absolute error.
    """
    rows = by_study(predictions)
    drawn_as = names_in_seeds(rows.site.tolist())
    order = np.array([drawn_as[site] for site in rows.site.tolist()], dtype=np.str_)
    rows = rows.where(np.lexsort((rows.model, rows.split, rows.role, order)))
    results: list[SiteResult] = []
    scored: dict[tuple[str, str, str, str], _Scored] = {}

    def add(site: str, role: str, split: str, model: str, part: Predictions, pooled: bool) -> None:
        known = ~np.isnan(part.labels[:, 0].astype(np.float64))
        one = _scored(part.where(known), drawn_as, bootstrap, seed)
        scored["" if pooled else site, role, split, model] = one
        estimates = []
        for j, figure in enumerate(AGREEMENTS):
            value = value_of(figure, one.sample)
            found = None if isinstance(value, NotEstimable) else interval_of(
                figure, value, one.drawn[j], one.sample.clusters, level)
            estimates.append(Estimate.of(figure.name, value, found))
        results.append(SiteResult(
            site=site, role=role, split=split, model=model, studies=int(known.sum()), unknown=int((~known).sum()),
            positives=None, patients=one.sample.clusters, classes=(), estimates=tuple(estimates), pooled=pooled,
            unnamed=bool((part.patient == "").any()),
        ))

    present = set(zip(rows.role.tolist(), rows.split.tolist(), strict=True))
    for pooled in (False, True):
        for role, split in ((r, s) for r in ("source", "target") for s in SPLIT_ORDER if (r, s) in present):
            for model in rows.models:
                part = rows.where((rows.role == role) & (rows.split == split) & (rows.model == model))
                sites = sorted(set(part.site.tolist()), key=drawn_as.__getitem__)
                if pooled and len(sites) > 1:
                    add(f"all {role} sites", role, split, model, part, True)
                elif not pooled:
                    for site in sites:
                        add(site, role, split, model, part.where(part.site == site), False)

    targets = list(dict.fromkeys(r.site for r in results if (r.role, r.split, r.pooled) == ("target", "test", False)))
    notes = [NOTE_GAP] if targets else []
    notes += [NOTE_UNNAMED] if any(one.unnamed for one in scored.values()) else []
    return SiteReport(
        kind="regression", classes=(), metrics=NAMES, level=level, bootstrap=bootstrap, seed=seed,
        thresholds=tuple(ModelThresholds(model, RULE, ()) for model in rows.models),
        results=tuple(results), worst=_worst(results, rows.models), gaps=_gaps(rows, results, targets),
        comparisons=_comparisons(rows, scored, targets, level), notes=tuple(notes),
    )


def _scored(rows: Predictions, drawn_as: dict[str, str], replicates: int, seed: int) -> _Scored:
    order, cluster = patients_of(rows)
    sites = [key.split("\t", 1)[0] for key in order]
    strata = [(drawn_as[site], sites.count(site)) for site in dict.fromkeys(sites)]
    sample = ValueSample(rows.labels[:, 0].astype(np.float64), rows.scores[:, 0], cluster, len(order))
    drawn = np.full((len(AGREEMENTS), replicates if len(order) else 0), np.nan)
    sums, done = sample.sums(), 0
    for counts in count_chunks(seed, strata, drawn.shape[1], max(len(rows), 1)):
        weighted = counts @ sums
        for j, figure in enumerate(AGREEMENTS):
            drawn[j, done: done + len(counts)] = figure.kernel(weighted)
        done += len(counts)
    keys = tuple(zip(rows.patient_key.tolist(), rows.study.tolist(), strict=True))
    return _Scored(sample, keys, drawn, bool((rows.patient == "").any()))


def _worst(results: list[SiteResult], models: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    out = []
    for model in models:
        values = {r.site: value for r in results
                  if (r.model, r.role, r.split, r.pooled) == (model, "target", "test", False)
                  and (value := r.estimate(HEADLINE).value) is not None}
        if values:
            out.append((model, max(values, key=lambda site: values[site])))
    return tuple(out)


def _gaps(rows: Predictions, results: list[SiteResult], targets: list[str]) -> tuple[Gap, ...]:
    gaps = []
    homes = [r.site for r in results if (r.role, r.split) == ("source", "test")]
    home = "all source sites" if "all source sites" in homes else (homes[0] if homes else "")
    for model in rows.models:
        for site in targets:
            ends = {r.role: r.estimate(HEADLINE) for r in results if r.split == "test" and r.model == model
                    and (r.role, r.site) in (("source", home), ("target", site))}
            if len(ends) < 2 or ends["source"].value is None or ends["target"].value is None:
                continue
            near, far = ends["source"], ends["target"]
            assert near.value is not None
            assert far.value is not None
            interval = None if near.interval is None or far.interval is None else independent_difference(
                near.value, near.interval, far.value, far.interval)
            reason = "" if interval is not None else (near.reason or far.reason)
            gaps.append(Gap(model, home, site, Estimate(HEADLINE, near.value - far.value, interval, reason)))
    return tuple(gaps)


def _comparisons(
    rows: Predictions, scored: dict[tuple[str, str, str, str], _Scored], targets: list[str], level: float
) -> tuple[Comparison, ...]:
    if len(rows.models) < 2:
        return ()
    pairs, told = [], []
    j = NAMES.index(HEADLINE)
    for site in [*targets, *([""] if len(targets) > 1 else [])]:
        one, other = (scored.get((site, "target", "test", model)) for model in rows.models)
        if one is not None and other is not None:
            pairs.append((site, one, other))
            told.append(_row(one, other, j))
    verdicts = judge_rows(told, Rule(alpha=1 - level))
    out = []
    for (site, one, _), row, verdict in zip(pairs, told, verdicts, strict=True):
        found = row.difference
        estimate = Estimate(HEADLINE, None, None, found.reason) if isinstance(found, NotEstimable) else Estimate(
            HEADLINE, found.value, found.interval(level))
        out.append(Comparison(site or "all target sites", len(one.keys), estimate, verdict.sentence, not site, verdict))
    return tuple(out)


def _row(one: _Scored, other: _Scored, j: int) -> Row:
    if one.keys != other.keys:
        return Row(NotEstimable("the two models answered different studies"), False, unnamed=one.unnamed)
    if one.sample.clusters < MIN_PATIENTS or not one.drawn.shape[1]:
        few = f"{one.sample.clusters} patients, an interval needs {MIN_PATIENTS}"
        return Row(NotEstimable(few if one.drawn.shape[1] else "no bootstrap was asked for"), False)
    values = [value_of(AGREEMENTS[j], end.sample) for end in (one, other)]
    if any(isinstance(value, NotEstimable) for value in values):
        return Row(next(value for value in values if isinstance(value, NotEstimable)), False)
    same = bool(np.array_equal(one.sample.predicted, other.sample.predicted))
    error = float((one.drawn[j] - other.drawn[j]).std(ddof=1))
    value = float(values[0]) - float(values[1])  # type: ignore[arg-type]
    return Row(Difference(value, max(error, 1e-12), one.sample.clusters - 1, METHOD_PAIRED), False, same, one.unnamed)
