"""A row of series.csv: only what an allow-list of header facts lets pass, and numbers.

Sentences of the reader do not pass, since they may quote the header; reason codes and their fixed meanings do.
"""
from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from pydicom._uid_dict import UID_dictionary

from medtl.io.read import Candidate
from medtl.io.reasons import Reason
from medtl.io.series import Series

REASONS = {reason.value: reason for reason in Reason}
"""Reasons by code."""

REDACTED = "redacted"
"""Stands for a device's or kernel's name that repeats something that identifies."""

MODALITIES = frozenset({
    "AR", "BDUS", "BI", "BMD", "CR", "CT", "DG", "DX", "ECG", "ES", "FA", "GM", "HC", "IO", "IVOCT", "IVUS", "LS", "MG",
    "MR", "NM", "OAM", "OCT", "OP", "OPM", "OPT", "OPV", "OT", "PT", "PX", "RF", "RG", "SC", "SM", "TG", "US", "XA",
    "XC",
})

VIEWS = {name: name for name in (
    "AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO",
    "CC", "MLO", "ML", "LM", "LMO", "FB", "SIO", "XCC", "XCCL", "XCCM",
)} | {"LAT": "lateral", "LATERAL": "lateral"}
"""Views of a chest or a breast by what ViewPosition says: the standard's terms, and what is said of a side view."""

_SYNTAXES = frozenset(entry[0] for entry in UID_dictionary.values() if entry[1] == "Transfer Syntax")
_WORD = re.compile(r"\w+")
_FORMULA = "=+-@ "
"""What makes a spreadsheet take a cell for a formula."""

_LONG_NUMBER = re.compile(r"\d{6,}")


@dataclass(frozen=True)
class SeriesRow:
    """What is known of one series, or of one stack of it, free of identifiers.

    Attributes:
        series: short id.
        study: short id.
        format: dicom, nifti or raster.
        modality: as the standard names it; OT for anything else; empty where the format has none.
        verdict: use, repaired or refused.
        reasons: codes.
        manufacturer: of the device.
        model: of the device.
        station: salted hash.
        kernel: convolution kernel.
        kvp: tube voltage.
        field_strength_t: of the magnet.
        slice_thickness_mm: as stated, which is not the spacing.
        columns: of a slice.
        rows: of a slice.
        slices: of the stack.
        spacing_i_mm: between columns.
        spacing_j_mm: between rows.
        spacing_k_mm: between slices.
        steps: distances between slices and how often, as ``1.25x80 2.5x1``.
        plane: axial, coronal, sagittal or oblique.
        view: of a projection, such as PA; empty where the header says none, or none of VIEWS.
        original: 1 unless ImageType says derived.
        tilt_degrees: of the gantry.
        files: how many it consists of.
        dropped: non-members by reason, as ``localizer:2``.
        transfer_syntax: encoding of the pixels.
        burned_in: stated, likely, possible, none; empty when pixels were not read.
        voxels: salted digest of the voxels; empty when pixels were not read.
        content: salted digest of the files; empty when pixels were not read.
    """

    series: str
    study: str
    format: str
    modality: str
    verdict: str
    reasons: tuple[str, ...]
    manufacturer: str = ""
    model: str = ""
    station: str = ""
    kernel: str = ""
    kvp: float | None = None
    field_strength_t: float | None = None
    slice_thickness_mm: float | None = None
    columns: int | None = None
    rows: int | None = None
    slices: int | None = None
    spacing_i_mm: float | None = None
    spacing_j_mm: float | None = None
    spacing_k_mm: float | None = None
    steps: str = ""
    plane: str = ""
    view: str = ""
    original: bool = True
    tilt_degrees: float | None = None
    files: int = 0
    dropped: str = ""
    transfer_syntax: str = ""
    burned_in: str = ""
    voxels: str = ""
    content: str = ""

    @property
    def scanner(self) -> str:
        """The device: manufacturer, model and the station's hash; empty when the headers say none."""
        name = " ".join(filter(None, (self.manufacturer, self.model)))
        return f"{name} {self.station[:6]}".strip() if self.station else name

    @property
    def candidate(self) -> Candidate:
        """What the choice of the study's series looks at."""
        return Candidate(
            self.verdict != "refused", self.plane, self.original,
            math.inf if self.spacing_k_mm is None else self.spacing_k_mm, self.slices or self.files, self.modality)

    def cells(self) -> dict[str, str]:
        """The row as text, blank for what is not known."""
        return {field.name: cell(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SeriesRow:
        """Reads what ``dataclasses.asdict`` and JSON made of a row."""
        return cls(**{**value, "reasons": tuple(value["reasons"])})


def cell(value: object) -> str:
    """A value as a table's cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return " ".join(value) if isinstance(value, tuple) else str(value)


def row_of(
    series: Series, *, study: str, short: str, format_: str, plane: str, original: bool,
    identifying: frozenset[str] | None, burned_in: str = "", voxels: str = "", content: str = "",
) -> SeriesRow:
    """Takes from a series what may leave this process.

    Args:
        series: judged.
        study: short id of its study.
        short: its own short id.
        format_: of its files.
        plane: orientation.
        original: not derived.
        identifying: texts of the header that identify, folded; what repeats one of them is redacted, and
            every name when None.
        burned_in: verdict on text in the pixels.
        voxels: salted digest.
        content: salted digest.

    Returns:
        The row.
    """
    scanner, spacing, shape = series.scanner, series.spacing_mm, series.shape
    modality = (series.modality or "").upper()

    def safe(text: str | None) -> str:
        return clean(text or "", identifying)

    dropped = Counter(each.reason.value for each in series.dropped)
    return SeriesRow(
        series=short, study=study, format=format_,
        modality=modality if modality in MODALITIES or not modality else "OT", verdict=series.verdict,
        reasons=tuple(reason.value for reason in series.reasons),
        manufacturer=safe(scanner.manufacturer), model=safe(scanner.model), station=(scanner.station_hash or "")[:12],
        kernel=safe(scanner.kernel), kvp=_finite(scanner.kvp), field_strength_t=_finite(scanner.field_strength_t),
        slice_thickness_mm=_finite(scanner.slice_thickness_mm),
        columns=shape[0] if shape else None, rows=shape[1] if shape else None, slices=shape[2] if shape else None,
        spacing_i_mm=_finite(spacing[0]) if spacing else None, spacing_j_mm=_finite(spacing[1]) if spacing else None,
        spacing_k_mm=_finite(spacing[2]) if spacing else None,
        steps=" ".join(f"{step:.6g}x{count}" for step, count in series.spacing_histogram[:20]),
        plane=plane, view=VIEWS.get((series.view or "").upper(), ""), original=original,
        tilt_degrees=_finite(series.tilt_degrees), files=series.instances,
        dropped=" ".join(f"{code}:{count}" for code, count in sorted(dropped.items())),
        transfer_syntax=syntax if (syntax := series.transfer_syntax or "") in _SYNTAXES else "",
        burned_in=burned_in, voxels=voxels, content=content,
    )


def clean(text: str, identifying: frozenset[str] | None) -> str:
    """The name of a device or a kernel, or ``redacted`` when it repeats what identifies or holds a long number.

    Args:
        text: of the header.
        identifying: folded texts; one word must be a word of the name, several must stand in it; None for
            unknown ones, which any name may repeat.

    Returns:
        Printable text of at most 64 characters.
    """
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:64].lstrip(_FORMULA)
    if not shown:
        return ""
    if identifying is None:
        return REDACTED
    folded = shown.casefold()
    words = set(_WORD.findall(folded))
    repeats = any(each in words or (" " in each and each in folded) or each == folded for each in identifying)
    return REDACTED if repeats or "^" in shown or "@" in shown or _LONG_NUMBER.search(shown) else shown


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
