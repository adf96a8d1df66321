"""A data card as Croissant JSON-LD, so that catalogues of data sets can read it.

Reference: MLCommons Croissant 1.0 and its RAI extension, http://mlcommons.org/croissant/1.0.
"""
from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medtl.data.card_schema import Card
from medtl.errors import DataError
from medtl.io.digest import digest_file

CONFORMS_TO = ("http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0")

_CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases", "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty", "samplingRate": "cr:samplingRate",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation", "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated",
    "replace": "cr:replace", "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source",
    "subField": "cr:subField", "transform": "cr:transform",
}
_INTEGERS = frozenset({"row", "year", "day", "slices", "series_found", "series_readable"})


def to_croissant(card: Card, table: Path, *, published: str, version: str = "1.0.0") -> dict[str, Any]:
    """Writes a card and the table of its studies as Croissant.

    Args:
        card: the data set.
        table: its manifest, or the catalogue of a scan; its name, columns and digest are stated, its rows are not.
        published: date of publication, ``YYYY-MM-DD``.
        version: of the data set.

    Returns:
        JSON-LD.

    Raises:
        DataError: the table cannot be read or has no header.
    """
    columns = _columns(table)
    text = " ".join(filter(None, (card.title + ".", card.what, _sites(card), _labels(card))))
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": card.name,
        "description": text,
        "license": card.licence,
        "citeAs": card.citation or card.title,
        "url": card.obtain or "https://example.org/not-public",
        "datePublished": published,
        "version": version,
        "keywords": [card.modality, "medical imaging", *card.labels, *(["simulated"] if card.simulated else [])],
        "rai:dataBiases": list(card.known_shifts) or ["none known"],
        "rai:dataLimitations": list(card.do_not_use_for),
        "rai:personalSensitiveInformation": "Images of patients; identifiers are salted hashes."
        if not card.simulated else "None: patients are simulated.",
        "distribution": [{
            "@type": "cr:FileObject", "@id": "table", "name": "table", "description": "One row per study.",
            "contentUrl": table.name, "encodingFormat": "text/csv", "sha256": digest_file(table),
        }],
        "recordSet": [{
            "@type": "cr:RecordSet", "@id": "studies", "name": "studies", "description": "One record per study.",
            "field": [_field(name, card) for name in columns],
        }],
    }
    return document


def _columns(table: Path) -> Sequence[str]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table.name}: cannot be read as a CSV ({type(error).__name__})") from None
    if not any(header):
        raise DataError(f"{table.name}: no header; expected the columns of a manifest or a catalogue")
    return header


def _field(name: str, card: Card) -> dict[str, Any]:
    label = card.labels.get(name)
    about = f"Column {name}."
    if label is not None:
        about = f"Label: {label.what}. Classes: {', '.join(label.classes)}; blank is unknown."
    return {
        "@type": "cr:Field", "@id": f"studies/{name}", "name": name, "description": about,
        "dataType": "sc:Integer" if name in _INTEGERS else "sc:Text",
        "source": {"fileObject": {"@id": "table"}, "extract": {"column": name}},
    }


def _sites(card: Card) -> str:
    parts = []
    for name, site in card.sites.items():
        counts = [f"{site.studies} studies" if site.studies is not None else "",
                  f"{site.patients} patients" if site.patients is not None else ""]
        parts.append(f"{name} ({', '.join(filter(None, counts)) or 'not counted'})")
    return f"Sites: {'; '.join(parts)}." if parts else ""


def _labels(card: Card) -> str:
    parts = [f"{name} ({', '.join(label.classes)})" for name, label in card.labels.items()]
    return f"Labels: {'; '.join(parts)}."
