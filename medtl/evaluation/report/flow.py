"""The flow of studies: what was listed, what was left out and why, and what each part was used for."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medtl.evaluation.report.facts import RunFacts

ORDER = ("train", "val", "adapt", "test", "unused")


@dataclass(frozen=True)
class PartFlow:
    """One split of one site.

    Args:
        name: train, val, adapt or test.
        studies: how many.
        patients: how many, None where unknown.
        classes: studies per class, as (name, studies).
        use: what it was for.
    """

    name: str
    studies: int
    patients: int | None
    classes: tuple[tuple[str, int], ...]
    use: str


@dataclass(frozen=True)
class SiteFlow:
    """One site that plays a role."""

    site: str
    role: str
    studies: int
    parts: tuple[PartFlow, ...]


@dataclass(frozen=True)
class Flow:
    """From scans listed to studies used.

    Args:
        scans: rows of the catalogue.
        studies: among them.
        sites: hospitals among them.
        left: what was left out: (why, scans).
        used: the sites that play a role.
        copies: sentences on duplicates that were found; they were not removed.
    """

    scans: int
    studies: int
    sites: int
    left: tuple[tuple[str, int], ...]
    used: tuple[SiteFlow, ...]
    copies: tuple[str, ...]


def flow_of(facts: RunFacts) -> Flow | None:
    """Counts the flow of a run.

    Args:
        facts: its files.

    Returns:
        The flow, or None where the run holds no catalogue or no split.
    """
    rows = facts.catalogue
    if not rows or not facts.splits:
        return None
    left = Counter[str]()
    reasons = {refused.row: refused.reasons for refused in facts.refused}
    roles = {str(entry["site"]) for entry in facts.splits}
    for row in rows:
        if row.get("refused"):
            told = reasons.get(row["row"], "").split()
            left[f"refused: {', '.join(word.replace('_', ' ') for word in told) or 'see the table'}"] += 1
        elif row["role"] == "unused" or row["site"] not in roles:
            left[f"{row['site']}: plays no role in this run"] += 1
        elif row["split"] == "unused":
            left[f"{row['site']}: in no split (guard gaps, patients of two splits, or unlabelled)"] += 1
    return Flow(
        scans=len(rows), studies=len({(row["site"], row["study"]) for row in rows}),
        sites=len({row["site"] for row in rows}), left=tuple(sorted(left.items(), key=lambda pair: -pair[1])),
        used=_sites(facts), copies=tuple(note for note in facts.notes if note.startswith("duplicates:")),
    )


def _sites(facts: RunFacts) -> tuple[SiteFlow, ...]:
    places: dict[tuple[str, str], dict[str, list[Mapping[str, Any]]]] = {}
    for entry in facts.splits:
        if entry["split"] != "unused":
            at = places.setdefault((str(entry["site"]), str(entry["role"])), {})
            at.setdefault(str(entry["split"]), []).append(entry)
    out = []
    for (site, role), splits in places.items():
        parts = [_part(facts, site, role, split, splits[split]) for split in ORDER if split in splits]
        out.append(SiteFlow(site, role, sum(part.studies for part in parts), tuple(parts)))
    return tuple(out)


def _part(facts: RunFacts, site: str, role: str, split: str, entries: Sequence[Mapping[str, Any]]) -> PartFlow:
    whole = next((entry for entry in entries if entry["class"] == "all"), None)
    classes = tuple((str(entry["class"]), int(entry["studies"])) for entry in entries if entry["class"] != "all")
    studies = int(whole["studies"]) if whole else sum(count for _, count in classes)
    if whole:
        patients = whole.get("patients")
    else:
        each = [entry.get("patients") for entry in entries]
        known = [int(count) for count in each if count is not None]
        patients = sum(known) if len(known) == len(each) else None
    return PartFlow(split, studies, None if patients is None else int(patients), classes,
                    use_of(facts, site, role, split))


def use_of(facts: RunFacts, site: str, role: str, split: str) -> str:
    """What a part of the data was for, in a few words.

    Args:
        facts: of the run.
        site: hospital.
        role: source or target.
        split: train, val, adapt or test.

    Returns:
        The words.
    """
    if role == "source":
        return {
            "train": "fits the network",
            "val": "picks checkpoint and threshold" if facts.selection != "last" else "picks the threshold",
            "test": "internal test: scored only",
        }.get(split, split)
    seen = looks_at_target(facts)
    visible = sum(1 for row in facts.catalogue if row["site"] == site and row["split"] == split and row["role"] == role
                  and row.get("hidden") == "0" and not row.get("refused"))
    if split == "adapt":
        images = "images seen" if seen else "images not used"
        return f"{images}; {f'labels of {visible} scans seen' if visible else 'no label seen'}"
    if split == "test" and facts.section("sites").get("transductive") and seen:
        return "external test; images seen too"
    return "external test: scored only"


def looks_at_target(facts: RunFacts) -> bool:
    """Whether anything in the run reads images of the target while training."""
    families = {family for family, _ in facts.methods}
    labels = facts.section("sites").get("target_labels", "none")
    per_domain = facts.section("model").get("bn", "joint") in ("split", "dsbn", "adabn")
    return bool(families - {"network"}) or labels != "none" or per_domain
