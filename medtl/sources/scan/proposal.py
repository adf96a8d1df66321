"""A data card proposed from what a scan found, for its owner to complete."""
from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML

from medtl.sources.scan.findings import Finding
from medtl.sources.scan.labels import LabelTable
from medtl.sources.scan.study import StudyRow

_HEAD = """\
# Proposed by medtl scan from the headers of {studies} studies. Complete what is marked FILL IN.
# Sites are hashes of what the headers call the institution; give them names by the option `site_names` of the source.
"""


def propose_card(
    name: str, studies: Sequence[StudyRow], labels: LabelTable | None, found: Sequence[Finding], catalogue: str
) -> str:
    """Writes the card.

    Args:
        name: of the card.
        studies: rows of the catalogue; those without a readable series do not count.
        labels: the joined table; without one the card says that labels are missing.
        found: what looks wrong.
        catalogue: name of the table that the labels are read from.

    Returns:
        YAML that the card reader accepts.
    """
    readable = [study for study in studies if study.chosen is not None]
    modality = Counter(study.modality for study in readable if study.modality).most_common(1)
    names = labels.names if labels else ()
    classes = {label: _classes(readable, n) for n, label in enumerate(names)}
    options: dict[str, Any] = {}
    if labels is not None:
        options = {"labels": catalogue, "on": "id"}
    card: dict[str, Any] = {
        "name": name,
        "title": f"FILL IN: {len(readable)} studies of {len({s.site for s in readable})} sites",
        "what": "FILL IN: what the scans show and how they were chosen",
        "licence": "FILL IN: who may do what with them",
        "modality": modality[0][0] if modality else "FILL IN",
        "labels": {label: {"classes": list(values), "what": "FILL IN"} for label, values in classes.items() if values}
        or {"label": {"classes": ["0", "1"], "what": "FILL IN: no label table was joined"}},
        "source": {"name": "dicom_tree", "options": options},
        "sites": {site: _site([s for s in readable if s.site == site], classes, names)
                  for site in dict.fromkeys(s.site for s in readable)},
        "known_shifts": [finding.text for finding in found],
        "do_not_use_for": ["FILL IN: uses that the data cannot bear"],
    }
    stream = io.StringIO()
    writer = YAML()
    writer.width = 110
    writer.dump(card, stream)
    return _HEAD.format(studies=len(studies)) + stream.getvalue()


def prevalence(studies: Sequence[StudyRow], column: int, classes: Sequence[str]) -> dict[str, int]:
    """How many studies have each class, every class named."""
    counts = Counter(study.labels[column] for study in studies if study.labels)
    return {value: counts.get(value, 0) for value in classes}


def _classes(studies: Sequence[StudyRow], column: int) -> tuple[str, ...]:
    return tuple(sorted({study.labels[column] for study in studies if study.labels and study.labels[column]}))


def _site(studies: Sequence[StudyRow], classes: dict[str, tuple[str, ...]], names: Sequence[str]) -> dict[str, Any]:
    block: dict[str, Any] = {
        "what": "FILL IN",
        "scanners": sorted({study.scanner for study in studies if study.scanner}),
        "studies": len(studies),
    }
    if all(study.patient for study in studies):
        block["patients"] = len({study.patient for study in studies})
    counts = {label: prevalence(studies, names.index(label), values) for label, values in classes.items() if values}
    if counts:
        block["classes"] = counts
        block["prevalence"] = {
            label: round(list(of.values())[-1] / total, 3)
            for label, of in counts.items() if (total := sum(of.values()))}
    return block
