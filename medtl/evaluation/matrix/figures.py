"""The figures of a matrix: per cell, per method, and against the method that does nothing."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.matrix.cells import PairedRun, Scored, Scorer
from medtl.evaluation.verdicts import Row, Rule, Verdict, judge_rows
from medtl.functional.intervals.crossed import crossed_logit_t
from medtl.functional.intervals.difference import Difference, from_draws
from medtl.functional.measure import FloatArray, NotEstimable

METRIC = "auroc"
REFERENCE = "source_only"
OTHERS = "all others"
Place: TypeAlias = Literal["pair", "home", "others"]
"""A model of one site at another; at its own; or of all other sites at the one left out."""


@dataclass(frozen=True)
class Cell:
    """One method's models of one source, or of all others, at one site.

    Args:
        method: as the matrix calls it.
        source: site, or :data:`OTHERS`.
        site: whose test studies are scored.
        place: pair, home or others.
        estimate: AUROC, the mean over seeds.
        seeds: that have a value, and the value of each.
        studies: labelled test studies per seed, on average.
        patients: whose studies were tested in any seed.
        against: minus the reference, the mean over the seeds that both have; None where there is no reference.
        verdict: on that difference; None with it.
        reasons: why seeds are missing.
    """

    method: str
    source: str
    site: str
    place: Place
    estimate: Estimate
    seeds: tuple[tuple[int, float], ...]
    studies: float
    patients: int
    against: Estimate | None = None
    verdict: Verdict | None = None
    reasons: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "method": self.method, "source": self.source, "site": self.site, "place": self.place,
            "auroc": self.estimate.as_json(), "seeds": [{"seed": s, "auroc": v} for s, v in self.seeds],
            "studies": self.studies, "patients": self.patients,
            "against": None if self.against is None else self.against.as_json(),
            "verdict": None if self.verdict is None else self.verdict.as_json(), "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class Summary:
    """One method over all pairs of sites, or over all sites left out.

    Args:
        method: as the matrix calls it.
        place: pair or others.
        internal: AUROC at home, the mean over the cells.
        external: AUROC away, the mean over the cells.
        gap: internal minus external.
        worst: the site with the lowest external AUROC.
        worst_estimate: its AUROC, the mean over the sources.
        worst_share: share of the draws in which it is the worst.
        against: external AUROC minus the reference's.
        cells: how many cells the means are over, and how many there are.
    """

    method: str
    place: Place
    internal: Estimate
    external: Estimate
    gap: Estimate
    worst: str
    worst_estimate: Estimate
    worst_share: float | None
    against: Estimate | None
    cells: tuple[int, int]

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "method": self.method, "place": self.place, "internal": self.internal.as_json(),
            "external": self.external.as_json(), "gap": self.gap.as_json(),
            "worst": {"site": self.worst, "auroc": self.worst_estimate.as_json(), "share": self.worst_share},
            "against": None if self.against is None else self.against.as_json(), "cells": list(self.cells),
        }


@dataclass(frozen=True)
class Matrix:
    """All figures of a matrix.

    Args:
        sites: in order.
        methods: in order.
        seeds: in order.
        cells: of every method, source and site.
        summaries: per method and place.
        failures: (run in words, reason).
        rule: of the verdicts.
        bootstrap: draws.
        notes: what a reader must know.
    """

    sites: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    summaries: tuple[Summary, ...]
    failures: tuple[tuple[str, str], ...]
    rule: Rule
    bootstrap: int
    notes: tuple[str, ...]

    def cell(self, method: str, source: str, site: str) -> Cell | None:
        """The cell of a method, a source (or :data:`OTHERS`) and a site, if there is one."""
        wanted = (method, source, site)
        return next((cell for cell in self.cells if (cell.method, cell.source, cell.site) == wanted), None)

    @property
    def sources(self) -> tuple[str, ...]:
        """Rows: sites, then :data:`OTHERS` where sites were left out."""
        left_out = any(cell.place == "others" for cell in self.cells)
        return (*self.sites, OTHERS) if left_out else self.sites

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "format": 1, "metric": METRIC, "sites": list(self.sites), "methods": list(self.methods),
            "seeds": list(self.seeds), "bootstrap": self.bootstrap, "rule": self.rule.as_json(),
            "cells": [cell.as_json() for cell in self.cells],
            "summaries": [summary.as_json() for summary in self.summaries],
            "failures": [{"run": run, "reason": reason} for run, reason in self.failures],
            "notes": list(self.notes),
        }


NOTES = (
    "intervals: patients and seeds are drawn crossed; a seed draws the split too, so test patients differ",
    "patients' intervals say nothing about hospitals that are not in the matrix",
    "the worst site is the lowest of several estimates and so looks worse than it is",
)
NOTE_ONE_SEED = "one seed: the intervals hold for these very models, not for training again"
NOTE_UNNAMED = "patients are unknown for some studies: each counts as a patient, so intervals are too narrow"


def evaluate_matrix(
    runs: Sequence[PairedRun], *, sites: Sequence[str], methods: Sequence[str], bootstrap: int = 2000, seed: int = 0,
    rule: Rule | None = None, notes: Sequence[str] = (),
) -> Matrix:
    """Scores all runs of a matrix together.

    Args:
        runs: of every pair of sites, of all others to each, of every method and seed; failed ones without predictions.
        sites: in the order of the matrix.
        methods: in the order of the matrix; one called ``source_only`` is what the others are compared with.
        bootstrap: draws of patients; 0 gives no intervals.
        seed: of the draws.
        rule: of the verdicts, which hold together over all cells and methods.
        notes: further facts to repeat.

    Returns:
        The matrix.
    """
    book = _Book(runs, bootstrap, seed)
    seeds = tuple(sorted({run.seed for run in runs}))
    cells = [cell for method in methods for cell in _cells(book, method, sites)]
    rows, judged = [], []
    if REFERENCE in methods:
        for k, cell in enumerate(cells):
            if cell.method != REFERENCE and cell.place != "home":
                judged.append(k)
                rows.append(Row(book.difference(cell.method, REFERENCE, cell.source, cell.site)))
    rule = rule or Rule()
    for k, row, verdict in zip(judged, rows, judge_rows(rows, rule), strict=True):
        cells[k] = _compared(cells[k], row, verdict)
    summaries = [summary for place in ("pair", "others") for method in methods
                 if (summary := _summary(book, method, place, sites, REFERENCE in methods)) is not None]
    told = [*notes, *NOTES, *([NOTE_ONE_SEED] if len(seeds) == 1 else []), *([NOTE_UNNAMED] if book.unnamed else [])]
    failures = tuple((in_words(run), run.reason) for run in runs if run.predictions is None)
    return Matrix(tuple(sites), tuple(methods), seeds, tuple(cells), tuple(summaries), failures, rule, bootstrap,
                  tuple(dict.fromkeys(told)))


def in_words(run: PairedRun) -> str:
    """A run in words: ``north to south, dan, seed 0``."""
    return f"{' + '.join(run.sources)} to {run.target}, {run.method}, seed {run.seed}"


class _Book:
    """Every score, found by method, source, site and seed."""

    def __init__(self, runs: Sequence[PairedRun], bootstrap: int, seed: int) -> None:
        self.runs, self.seed, self.bootstrap = runs, seed, bootstrap
        self._scorer = Scorer(runs, metric=METRIC, bootstrap=bootstrap, seed=seed)
        self._kept: dict[tuple[int, str], Scored] = {}
        self.unnamed = False

    def of(self, method: str, source: str, site: str) -> list[PairedRun]:
        """Runs behind a cell; at home, those of every target."""
        chosen = [run for run in self.runs if run.method == method and
                  (source == OTHERS) == (len(run.sources) > 1) and (source == OTHERS or source in run.sources)]
        return chosen if source == site else [run for run in chosen if run.target == site]

    def at(self, run: PairedRun, site: str) -> Scored:
        key = (id(run), site)
        if key not in self._kept:
            self._kept[key] = self._scorer.at(run, site)
            self.unnamed = self.unnamed or self._kept[key].unnamed
        return self._kept[key]

    def by_seed(self, method: str, source: str, site: str) -> dict[int, list[Scored]]:
        """Scores of a cell by seed, of runs that are done and have a value."""
        found: dict[int, list[Scored]] = {}
        for run in self.of(method, source, site):
            if run.predictions is not None and not isinstance((scored := self.at(run, site)).value, NotEstimable):
                found.setdefault(run.seed, []).append(scored)
        return dict(sorted(found.items()))

    def internal(self, method: str, source: str, site: str) -> dict[int, MeanScore]:
        """The home figure beside an external one: of the very models that were carried to the site."""
        found: dict[int, list[Scored]] = {}
        for run in self.of(method, source, site):
            if run.predictions is not None:
                own = [self.at(run, home) for home in run.sources]
                if not any(isinstance(scored.value, NotEstimable) for scored in own):
                    found.setdefault(run.seed, []).extend(own)
        return {seed: MeanScore.of(scored) for seed, scored in sorted(found.items())}

    def difference(self, method: str, other: str, source: str, site: str) -> Difference | NotEstimable:
        first, second = (self.by_seed(name, source, site) for name in (method, other))
        shared = [seed for seed in first if seed in second]
        if not shared:
            return NotEstimable("no seed that both methods have")
        means = [(MeanScore.of(first[seed]), MeanScore.of(second[seed])) for seed in shared]
        return from_draws([a.value - b.value for a, b in means], np.stack([a.draws - b.draws for a, b in means]),
                          min(min(a.rarer, b.rarer) for a, b in means), self.seed)


@dataclass(frozen=True, eq=False)
class MeanScore:
    """The mean of several scores of one seed.

    Args:
        value: the mean.
        draws: its bootstrap values, (replicates,).
        rarer: patients of the rarer class, the fewest of all.
    """

    value: float
    draws: FloatArray
    rarer: int

    @classmethod
    def of(cls, scored: Sequence[Scored] | Sequence[MeanScore]) -> MeanScore:
        """The mean of scores that have a value."""
        values = [float(one.value) for one in scored if not isinstance(one.value, NotEstimable)]
        return cls(float(np.mean(values)), np.mean([one.draws for one in scored], axis=0),
                   min(one.rarer for one in scored))


def _cells(book: _Book, method: str, sites: Sequence[str]) -> list[Cell]:
    places: list[tuple[str, str, Place]] = [
        (source, site, "home" if source == site else "pair") for source in sites for site in sites
    ]
    places += [(OTHERS, site, "others") for site in sites]
    return [_cell(book, method, source, site, place) for source, site, place in places
            if book.of(method, source, site)]


def _cell(book: _Book, method: str, source: str, site: str, place: Place) -> Cell:
    found = book.by_seed(method, source, site)
    means = {seed: MeanScore.of(scored) for seed, scored in found.items()}
    missing: dict[str, list[int]] = {}
    for run in book.of(method, source, site):
        if run.predictions is None:
            missing.setdefault(run.reason, []).append(run.seed)
        elif isinstance(value := book.at(run, site).value, NotEstimable):
            missing.setdefault(value.reason, []).append(run.seed)
    reasons = [f"seed {', '.join(map(str, dict.fromkeys(seeds)))}: {why}" for why, seeds in missing.items()]
    scored = [one for many in found.values() for one in many]
    return Cell(
        method, source, site, place, mean_estimate(list(means.values()), book.seed, reasons),
        tuple((seed, mean.value) for seed, mean in means.items()),
        float(np.mean([one.studies for one in scored])) if scored else 0.0,
        len(frozenset().union(*(one.patients for one in scored))), reasons=tuple(reasons),
    )


def mean_estimate(means: Sequence[MeanScore], seed: int, reasons: Sequence[str] = ()) -> Estimate:
    """The mean over seeds with its interval over patients and seeds.

    Args:
        means: one per seed.
        seed: of the draws of seeds.
        reasons: why there are none.

    Returns:
        The estimate.
    """
    if not means:
        return Estimate(METRIC, None, None, "; ".join(dict.fromkeys(reasons)) or "no run is done")
    values = [mean.value for mean in means]
    interval = crossed_logit_t(values, np.stack([m.draws for m in means]), min(m.rarer for m in means), seed)
    return Estimate.of(METRIC, float(np.mean(values)), interval)


def _compared(cell: Cell, row: Row, verdict: Verdict) -> Cell:
    return Cell(**{**{name: getattr(cell, name) for name in Cell.__dataclass_fields__},
                   "against": _of_difference(row.difference), "verdict": verdict})


def _of_difference(found: Difference | NotEstimable) -> Estimate:
    if isinstance(found, NotEstimable):
        return Estimate(METRIC, None, None, found.reason)
    return Estimate(METRIC, found.value, found.interval())


def _summary(book: _Book, method: str, place: Place, sites: Sequence[str], compare: bool) -> Summary | None:
    wanted = [(OTHERS, site) for site in sites] if place == "others" else [
        (source, site) for source in sites for site in sites if source != site]
    wanted = [(source, site) for source, site in wanted if book.of(method, source, site)]
    if not wanted:
        return None
    external = {key: {s: MeanScore.of(v) for s, v in book.by_seed(method, *key).items()} for key in wanted}
    seeds = sorted({run.seed for run in book.runs})
    whole = [key for key in wanted if all(seed in external[key] for seed in seeds)]
    if not whole:
        missing = Estimate(METRIC, None, None, "no cell has all its seeds")
        return Summary(method, place, missing, missing, missing, "", missing, None, None, (0, len(wanted)))
    inside = {key: book.internal(method, *key) for key in whole}

    def over(table: dict[tuple[str, str], dict[int, MeanScore]], keys: Sequence[tuple[str, str]]) -> list[MeanScore]:
        return [MeanScore.of([table[key][seed] for key in keys]) for seed in seeds]

    home = [key for key in whole if all(seed in inside[key] for seed in seeds)]
    away = over(external, whole)
    at_home = over(inside, home) if home else []
    gap = _gap(over(inside, home), over(external, home), book.seed) if home else NotEstimable("no test studies at home")
    by_site = {site: over(external, [key for key in whole if key[1] == site])
               for site in sites if any(key[1] == site for key in whole)}
    worst = min(by_site, key=lambda site: float(np.mean([mean.value for mean in by_site[site]])))
    against: Estimate | None = None
    if compare and method != REFERENCE:
        other = {key: {s: MeanScore.of(v) for s, v in book.by_seed(REFERENCE, *key).items()} for key in whole}
        both = [key for key in whole if all(seed in other[key] for seed in seeds)]
        against = _of_difference(_gap(over(external, both), over(other, both), book.seed)) if both else None
    return Summary(
        method, place, mean_estimate(at_home, book.seed), mean_estimate(away, book.seed), _of_difference(gap), worst,
        mean_estimate(by_site[worst], book.seed), _share(by_site, worst), against, (len(whole), len(wanted)),
    )


def _gap(first: Sequence[MeanScore], second: Sequence[MeanScore], seed: int) -> Difference | NotEstimable:
    return from_draws([a.value - b.value for a, b in zip(first, second, strict=True)],
                      np.stack([a.draws - b.draws for a, b in zip(first, second, strict=True)]),
                      min(mean.rarer for mean in (*first, *second)), seed)


def _share(by_site: dict[str, list[MeanScore]], worst: str) -> float | None:
    means = {site: np.mean([mean.draws for mean in of_site], axis=0) for site, of_site in by_site.items()}
    stacked = np.stack(list(means.values()))
    stacked = stacked[:, np.isfinite(stacked).all(axis=0)]
    if not stacked.shape[1]:
        return None
    return float((stacked.argmin(axis=0) == list(means).index(worst)).mean())
