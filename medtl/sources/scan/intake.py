"""What a scan found, as an object, as JSON and as a table for people; nothing in it identifies."""
from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import medtl
from medtl.io.reasons import Reason
from medtl.sources.scan.findings import Finding
from medtl.sources.scan.labels import LabelTable
from medtl.sources.scan.proposal import prevalence
from medtl.sources.scan.record import REASONS, SeriesRow
from medtl.sources.scan.study import StudyRow

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

VERDICTS = ("use", "repaired", "refused")


@dataclass(frozen=True)
class Intake:
    """The result of a scan.

    Attributes:
        studies: rows of catalogue.csv.
        files: how many were looked at.
        skipped: how many were passed over, by reason.
        findings: what looks wrong.
        labels: the joined table.
        resumed: series whose verdict an earlier, interrupted scan had found.
        pixels: whether verdicts stand on pixels, or on headers alone.
        folder: where the tables were written; never serialised.
        written: names of the files written there.
    """

    studies: tuple[StudyRow, ...]
    files: int
    skipped: Counter[Reason]
    findings: tuple[Finding, ...]
    labels: LabelTable | None
    resumed: int
    pixels: bool
    folder: Path = field(repr=False)
    written: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[SeriesRow, ...]:
        """Rows of series.csv."""
        return tuple(each for study in self.studies for each in study.series)

    @property
    def exit_code(self) -> int:
        """0 when at least one series can be read, else 3."""
        return 0 if any(each.verdict != "refused" for each in self.series) else 3

    @property
    def document(self) -> dict[str, Any]:
        """What intake.json holds and ``--json`` prints."""
        series = self.series
        return {
            "medtl": medtl.__version__,
            "verdicts_from": "pixels" if self.pixels else "headers",
            "files": {"looked_at": self.files, "passed_over": _by_code(self.skipped)},
            "studies": len(self.studies),
            "patients": len({study.patient for study in self.studies if study.patient}),
            "series": {verdict: sum(each.verdict == verdict for each in series) for verdict in VERDICTS},
            "reasons": _reasons(series),
            "formats": dict(Counter(each.format for each in series)),
            "modalities": dict(Counter(each.modality for each in series if each.modality)),
            "sites": {site: self._site([study for study in self.studies if study.site == site])
                      for site in dict.fromkeys(study.site for study in self.studies)},
            "shapes": dict(Counter(f"{s.columns}x{s.rows}x{s.slices}" for s in self._chosen() if s.columns)
                           .most_common(20)),
            "spacing_mm": _spread([s.spacing_k_mm for s in self._chosen()]),
            "pixel_mm": _spread([s.spacing_i_mm for s in self._chosen()]),
            "labels": self._labels(self.studies),
            "findings": [{"code": each.code, "text": each.text, "ids": list(each.ids)} for each in self.findings],
            "resumed": self.resumed,
            "written": list(self.written),
        }

    def _chosen(self) -> list[SeriesRow]:
        return [study.chosen for study in self.studies if study.chosen is not None]

    def _labels(self, studies: Sequence[StudyRow]) -> dict[str, dict[str, int]]:
        if self.labels is None:
            return {}
        return {
            name: prevalence(studies, n, sorted({s.labels[n] for s in studies if s.labels and s.labels[n]}))
            for n, name in enumerate(self.labels.names)}

    def _site(self, studies: Sequence[StudyRow]) -> dict[str, Any]:
        chosen = [study.chosen for study in studies if study.chosen is not None]
        return {
            "studies": len(studies),
            "patients": len({study.patient for study in studies if study.patient}),
            "scanners": dict(Counter(study.scanner for study in studies if study.scanner)),
            "kernels": dict(Counter(each.kernel for each in chosen if each.kernel)),
            "kvp": dict(Counter(f"{each.kvp:g}" for each in chosen if each.kvp)),
            "field_strength_t": dict(Counter(f"{each.field_strength_t:g}" for each in chosen if each.field_strength_t)),
            "sex": dict(Counter(study.sex for study in studies if study.sex)),
            "age": dict(sorted(Counter(study.age for study in studies if study.age).items())),
            "years": sorted({study.year for study in studies if study.year}),
            "labels": self._labels(studies),
        }

    def __rich__(self) -> ConsoleRenderable:
        """The verdicts as tables, the findings as lines."""
        from medtl.sources.scan.render import rendered

        return rendered(self)


def _by_code(counts: Counter[Reason]) -> dict[str, int]:
    return {reason.value: count for reason, count in counts.most_common()}


def _reasons(series: Iterable[SeriesRow]) -> dict[str, dict[str, Any]]:
    counts = Counter(code for each in series for code in each.reasons)
    return {
        code: {"series": count, "effect": REASONS[code].effect, "meaning": REASONS[code].meaning,
               "action": REASONS[code].action}
        for code, count in counts.most_common()}


def _spread(values: Iterable[float | None]) -> dict[str, float]:
    known = sorted(value for value in values if value is not None)
    if not known:
        return {}
    values_of = {"smallest": known[0], "median": statistics.median(known), "largest": known[-1]}
    return {name: round(value, 4) for name, value in values_of.items()}
