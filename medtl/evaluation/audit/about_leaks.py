"""Does anything stand on both sides of a split: a patient, a scan, a copy of one?"""
from __future__ import annotations

from collections.abc import Iterator, Sequence

from medtl.data.duplicates import Finding
from medtl.evaluation.audit.model import Check, Figure
from medtl.types import Cohort

_SHOWN = 3


def leak_checks(cohort: Cohort, duplicates: Sequence[Finding]) -> Iterator[Check]:
    """Facts, without a test: one patient on both sides is one too many.

    Args:
        cohort: roles and splits.
        duplicates: of :func:`medtl.data.duplicates.find_duplicates`.
    """
    yield _patients(cohort)
    yield _unknown(cohort)
    yield from _copies(duplicates, tuple(dict.fromkeys(item.site for item in cohort.catalogue.items)))


def _patients(cohort: Cohort) -> Check:
    code, title = "patient_leakage", "is a patient on both sides of a split?"
    parts: dict[str, set[tuple[str, str]]] = {}
    sites: dict[str, str] = {}
    for i, item in enumerate(cohort.catalogue.items):
        if item.patient and cohort.role[i] != "unused" and cohort.split[i] != "unused":
            parts.setdefault(item.patient, set()).add((cohort.role[i], cohort.split[i]))
            sites.setdefault(item.patient, item.site)
    crossing = [patient for patient, where in parts.items() if len(where) > 1]
    if not parts:
        return Check(code, title, (), "not_run", "fault", "no patient is known")
    figure = Figure("share of patients", len(crossing) / len(parts), None, None, None, None, len(parts))
    if not crossing:
        return Check(code, title, (), "clear", "fault", f"none of {len(parts)} patients is", "", figure)
    between = sorted({" and ".join(sorted(f"{role} {split}" for role, split in parts[p])) for p in crossing})
    return Check(
        code, title, tuple(dict.fromkeys(sites[p] for p in crossing)), "found", "fault",
        f"{len(crossing)} of {len(parts)} patients are in two parts ({'; '.join(between[:_SHOWN])})",
        "figures on these parts flatter and are not to be believed: split by patient again (leave the split to medtl, "
        "or repair the published one)", figure,
    )


def _unknown(cohort: Cohort) -> Check:
    code, title = "patients_unknown", "are patients known, so that they can be kept apart?"
    used = [item for i, item in enumerate(cohort.catalogue.items) if cohort.role[i] != "unused"]
    without = [item for item in used if not item.patient]
    sites = tuple(dict.fromkeys(item.site for item in without))
    figure = Figure("share of scans", len(without) / max(len(used), 1), None, None, None, None, len(used), "scans")
    if not without:
        return Check(code, title, (), "clear", "note", "all are", "", figure)
    return Check(
        code, title, sites, "found", "note",
        f"{len(without)} scans of {', '.join(sites)} have no patient; they are split in blocks of the file, so one "
        "patient may still be on both sides",
        "add patient ids (hashed ones are enough); until then take figures there for upper bounds", figure,
    )


def _copies(duplicates: Sequence[Finding], sites: tuple[str, ...]) -> Iterator[Check]:
    title = "are scans there twice, in different parts?"
    kinds = (("duplicate_scans", True, "the same files"), ("near_duplicate_scans", False, "nearly equal"))
    for code, exact, word in kinds:
        pairs = [(finding, pair) for finding in duplicates for pair in finding.pairs if pair.exact == exact]
        if not pairs:
            yield Check(code, title, sites, "clear", "fault", f"no two are {word}")
            continue
        between = list(dict.fromkeys(
            " and ".join(" ".join(part) for part in finding.parts) for finding, _ in pairs))
        where = tuple(dict.fromkeys(part[0] for finding, _ in pairs for part in finding.parts))
        shown = ", ".join(f"rows {a} and {b}" for finding, pair in pairs[:_SHOWN]
                          for a, b in (_rows(finding, pair.first, pair.second),))
        yield Check(
            code, title, where, "found", "fault",
            f"{len(pairs)} pairs of scans in different parts are {word} ({shown}; between "
            f"{'; '.join(between[:_SHOWN])})",
            "remove one of each pair, or keep both in training; figures on either side flatter",
            Figure("pairs", float(len(pairs)), None, None, None, None, len(pairs), "pairs"),
        )


def _rows(finding: Finding, first: int, second: int) -> tuple[int, int]:
    """Row numbers of a pair, which a finding keeps in the order of its pairs."""
    return next(rows for pair, rows in zip(finding.pairs, finding.rows, strict=True)
                if (pair.first, pair.second) == (first, second))
