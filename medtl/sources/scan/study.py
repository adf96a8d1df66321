"""A row of catalogue.csv: a study, the series chosen for it and why, and its labels."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from medtl.io.read import Choice, choose_candidate
from medtl.sources.scan.header import StudyFacts
from medtl.sources.scan.labels import LabelTable
from medtl.sources.scan.record import SeriesRow


@dataclass(frozen=True)
class StudyRow:
    """What is known of one study, free of identifiers.

    Attributes:
        row: number, 1 for the first.
        study: short id.
        patient: short id, empty when unknown.
        site: proposed name.
        scanner: of the chosen series.
        modality: of the chosen series.
        sex: M, F, O or empty.
        age: band of ten years.
        year: of the study, 0 when unknown.
        day: days since the patient's first study here; None when unknown.
        chosen: the series, None when none can be read.
        why: one sentence.
        series: all of them.
        labels: cells of the label table; None when it does not know the study.
    """

    row: int
    study: str
    patient: str
    site: str
    scanner: str
    modality: str
    sex: str
    age: str
    year: int
    day: int | None
    chosen: SeriesRow | None
    why: str
    series: tuple[SeriesRow, ...]
    labels: tuple[str, ...] | None

    @property
    def verdict(self) -> str:
        """Of the chosen series; refused when there is none."""
        return self.chosen.verdict if self.chosen else "refused"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Of the chosen series; of all series when none can be read."""
        if self.chosen is not None:
            return self.chosen.reasons
        return tuple(dict.fromkeys(code for each in self.series for code in each.reasons))

    def cells(self, label_names: Sequence[str]) -> dict[str, str]:
        """The row as text."""
        chosen = self.chosen
        labels = self.labels or ("",) * len(label_names)
        return {
            "row": str(self.row), "study": self.study, "patient": self.patient, "site": self.site,
            "scanner": self.scanner, "modality": self.modality, "sex": self.sex, "age": self.age,
            "year": str(self.year or ""), "day": "" if self.day is None else str(self.day),
            "series": chosen.series if chosen else "", "why": self.why, "verdict": self.verdict,
            "reasons": " ".join(self.reasons),
            "slices": "" if chosen is None or chosen.slices is None else str(chosen.slices),
            "series_found": str(len(self.series)),
            "series_readable": str(sum(each.verdict != "refused" for each in self.series)),
            **dict(zip(label_names, labels, strict=True)),
        }


def study_rows(
    series: Iterable[SeriesRow], facts: Mapping[str, StudyFacts], labels: LabelTable | None, rule: Choice | None
) -> tuple[StudyRow, ...]:
    """Gathers series into studies.

    Args:
        series: in the order of their studies.
        facts: by short id of the study.
        labels: joined where given.
        rule: which series stands for a study.

    Returns:
        One row per study, in the order of the series.
    """
    grouped: dict[str, list[SeriesRow]] = {}
    for each in series:
        grouped.setdefault(each.study, []).append(each)
    first_day: dict[str, int] = {}
    for study in grouped:
        known = facts[study]
        if known.patient and known.day:
            first_day[known.patient] = min(known.day, first_day.get(known.patient, known.day))
    found: list[StudyRow] = []
    for number, (study, members) in enumerate(grouped.items(), start=1):
        known = facts[study]
        at, why = choose_candidate([each.candidate for each in members], rule)
        chosen = None if at is None else members[at]
        shown = chosen or members[0]
        found.append(StudyRow(
            row=number, study=study, patient=known.patient, site=known.site, scanner=shown.scanner,
            modality=shown.modality, sex=known.sex, age=known.age, year=known.year,
            day=known.day - first_day[known.patient] if known.day and known.patient else None, chosen=chosen, why=why,
            series=tuple(members), labels=labels.of(known) if labels else None,
        ))
    return tuple(found)
