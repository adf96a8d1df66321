"""What looks wrong in a tree, before anybody trains on it."""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from medtl.sources.scan.labels import LabelTable
from medtl.sources.scan.record import SeriesRow
from medtl.sources.scan.study import StudyRow

ENOUGH = 8
"""Labelled studies below which a group's prevalence says little."""

APART = 0.4
"""Difference of prevalence between two groups that is worth a word."""

SHOWN_IDS = 20


@dataclass(frozen=True)
class Finding:
    """Something that looks wrong.

    Attributes:
        code: stable name.
        text: one sentence without identifiers.
        ids: short ids of studies or series that it is about, the first of them.
    """

    code: str
    text: str
    ids: tuple[str, ...] = ()


def findings(studies: Sequence[StudyRow], labels: LabelTable | None) -> tuple[Finding, ...]:
    """Looks for copies, mixtures, odd prevalences and text.

    Args:
        studies: rows of the catalogue.
        labels: the joined table.

    Returns:
        What was found, the worst first.
    """
    found = [*_copies(studies), *_unreadable(studies), *_burned_in(studies), *_identity(studies), *_mixtures(studies)]
    if labels is not None:
        found += [*_joins(studies, labels), *_prevalences(studies, labels)]
    return tuple(found)


def _series(studies: Iterable[StudyRow]) -> list[tuple[StudyRow, SeriesRow]]:
    return [(study, each) for study in studies for each in study.series]


def _copies(studies: Sequence[StudyRow]) -> list[Finding]:
    groups: dict[str, list[tuple[StudyRow, SeriesRow]]] = defaultdict(list)
    for study, series in _series(studies):
        if series.voxels:
            groups[series.voxels].append((study, series))
    within: list[str] = []
    across: list[str] = []
    unknown: list[str] = []
    for group in groups.values():
        if len(group) > 1:
            patients = {study.patient for study, _ in group}
            alike = len({study.study for study, _ in group}) == 1 or (len(patients) == 1 and "" not in patients)
            kind = within if alike else across if len(patients - {""}) > 1 else unknown
            kind.extend(series.series for _, series in group)
    found = []
    if across:
        found.append(Finding("same_voxels_two_patients", f"{len(across)} series have the voxels of a series of another "
                             "patient: a split by patient would not keep them apart", tuple(across[:SHOWN_IDS])))
    if unknown:
        found.append(Finding("same_voxels_patient_unknown", f"{len(unknown)} series have the voxels of a series of "
                             "another study, and who the patients are is not known: a split may not keep them apart",
                             tuple(unknown[:SHOWN_IDS])))
    if within:
        found.append(Finding("same_voxels", f"{len(within)} series of one patient are copies of each other",
                             tuple(within[:SHOWN_IDS])))
    return found


def _unreadable(studies: Sequence[StudyRow]) -> list[Finding]:
    refused = [study.study for study in studies if study.chosen is None]
    if not refused:
        return []
    return [Finding("no_readable_series", f"{len(refused)} of {len(studies)} studies have no series that can be read",
                    tuple(refused[:SHOWN_IDS]))]


def _burned_in(studies: Sequence[StudyRow]) -> list[Finding]:
    found = []
    for verdict, text in (("stated", "carry burned-in text, as their headers state"),
                          ("likely", "show text-like edges near their borders"),
                          ("possible", "are of a kind known for burned-in text")):
        ids = [series.series for _, series in _series(studies) if series.burned_in == verdict]
        if ids:
            found.append(Finding(f"burned_in_{verdict}", f"{len(ids)} series {text}", tuple(ids[:SHOWN_IDS])))
    return found


def _identity(studies: Sequence[StudyRow]) -> list[Finding]:
    unknown = [study.study for study in studies if not study.patient]
    if not unknown:
        return []
    return [Finding("patient_unknown", f"{len(unknown)} of {len(studies)} studies name no patient: splits fall back to "
                    "blocks in file order", tuple(unknown[:SHOWN_IDS]))]


def _mixtures(studies: Sequence[StudyRow]) -> list[Finding]:
    sites: dict[str, list[SeriesRow]] = defaultdict(list)
    for study in studies:
        if study.chosen is not None:
            sites[study.site].append(study.chosen)
    found = []
    facts: tuple[tuple[str, str, Callable[[SeriesRow], str]], ...] = (
        ("mixed_modalities", "modalities", lambda s: s.modality),
        ("mixed_kernels", "kernels", lambda s: s.kernel),
        ("mixed_spacing", "slice spacings", lambda s: "" if s.spacing_k_mm is None else f"{s.spacing_k_mm:.3g} mm"),
        ("mixed_planes", "planes", lambda s: s.plane),
    )
    for site, chosen in sites.items():
        for code, what, fact in facts:
            counts = Counter(value for each in chosen if (value := fact(each)))
            if len(counts) > 1:
                most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:4]
                shown = ", ".join(f"{value} {count}" for value, count in most)
                more = f" and {len(counts) - 4} more" if len(counts) > 4 else ""
                found.append(Finding(code, f"{site}: the chosen series mix {what}: {shown}{more}"))
    return found


def _joins(studies: Sequence[StudyRow], labels: LabelTable) -> list[Finding]:
    without = [study.study for study in studies if study.labels is None]
    matched = sum(study.labels is not None for study in studies)
    found = []
    if without:
        found.append(Finding("no_label", f"{len(without)} of {len(studies)} studies are not in the label table",
                             tuple(without[:SHOWN_IDS])))
    if matched == 0 and studies:
        found.append(Finding("join_failed", f"no study matches the label table on {labels.on}: is it the right key?"))
    if labels.left_out:
        found.append(Finding("columns_left_out", f"{labels.left_out} columns of the label table were not taken as "
                             "labels, since they may identify; name a column to take it"))
    return found


def _prevalences(studies: Sequence[StudyRow], labels: LabelTable) -> list[Finding]:
    found = []
    for column, name in enumerate(labels.names):
        known = [(study, study.labels[column]) for study in studies if study.labels and study.labels[column]]
        classes = sorted({value for _, value in known})
        if len(classes) < 2:
            found.append(Finding("one_class", f"{name}: only one class among {len(known)} labelled studies"))
            continue
        if len(classes) > 5:
            continue
        sites = _shares([(study.site, value) for study, value in known], classes[-1])
        found += [Finding("site_of_one_class", f"{name}: all {n} labelled studies of {site} are of one class")
                  for site, (share, n) in sites.items() if n >= ENOUGH and share in (0.0, 1.0)]
        found += _apart(name, classes[-1], "site", sites)
        for site in sites:
            scanners = _shares([(study.scanner, value) for study, value in known
                                if study.site == site and study.scanner], classes[-1])
            found += _apart(name, classes[-1], f"scanner at {site}", scanners)
    return found


def _shares(pairs: Sequence[tuple[str, str]], positive: str) -> dict[str, tuple[float, int]]:
    groups: dict[str, list[bool]] = defaultdict(list)
    for group, value in pairs:
        groups[group].append(value == positive)
    return {group: (sum(values) / len(values), len(values)) for group, values in groups.items()}


def _apart(name: str, positive: str, what: str, shares: dict[str, tuple[float, int]]) -> list[Finding]:
    enough = {group: share for group, (share, n) in shares.items() if n >= ENOUGH}
    if len(enough) < 2:
        return []
    low, high = min(enough, key=lambda g: enough[g]), max(enough, key=lambda g: enough[g])
    if enough[high] - enough[low] < APART:
        return []
    return [Finding("prevalence_by_group", f"{name} = {positive}: {enough[low]:.0%} at {low}, {enough[high]:.0%} at "
                    f"{high}: by {what}, a model can tell the label from the device")]
