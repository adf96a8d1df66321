"""One DICOM object as facts: what it is, how its pixels are laid out, and the place and scale of each of its frames.

Nothing is decided here but what the standard decides; identifiers stay in fields that are never printed.
"""
from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medtl.io.dicom.diffusion import diffusion_of
from medtl.io.dicom.elements import Elements
from medtl.io.dicom.headers import Opened
from medtl.io.dicom.limits import Refusal
from medtl.io.dicom.sources import Source
from medtl.io.reasons import Reason

Triple = tuple[float, float, float]
_CLASS = "1.2.840.10008.5.1.4.1.1."
SECONDARY_CAPTURE = _CLASS + "7"
_MODALITY_OF_CLASS = {
    "1": "CR", "1.1": "DX", "1.1.1": "DX", "1.2": "MG", "1.2.1": "MG", "2": "CT", "2.1": "CT", "2.2": "CT", "4": "MR",
    "4.1": "MR", "4.4": "MR", "128": "PT", "130": "PT", "128.1": "PT", "6.1": "US", "3.1": "US", "20": "NM",
    "7": "OT", "7.1": "OT", "7.2": "OT", "7.3": "OT", "7.4": "OT",
}
CROSS_SECTIONAL = frozenset({"CT", "MR", "PT", "NM"})
PROJECTION = frozenset({"CR", "DX", "MG", "RG", "XA", "RF", "IO", "PX", "XC", "ES", "OP", "GM", "SM", "US", "OT", "SC"})
NOT_IMAGES = frozenset({
    "SR", "KO", "PR", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "REG", "FID", "DOC", "SEG", "AU", "ECG", "EPS", "HD",
    "PLAN", "RWV", "SMR", "STAIN", "M3D", "ASMT", "RESP", "ANN", "TEXTUREMAP", "CTPROTOCOL", "RTINTENT", "RTRAD",
    "RTSEGANN",
})


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """How the pixels of an object are stored (PS3.3 C.7.6.3)."""

    syntax: str
    tag: int
    offset: int
    length: int
    file_size: int
    rows: int
    columns: int
    frames: int
    samples: int
    planar: int
    allocated: int
    stored: int
    high: int
    signed: bool
    photometric: str
    lossy: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rescale:
    """How stored values become modality values: a table where there is one, else a line."""

    slope: float = 1.0
    intercept: float = 0.0
    kind: str = ""
    stated: bool = False
    table: NDArray[np.float32] | None = None
    first: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One object. Fields without ``repr`` hold identifiers.

    Attributes:
        source: where its bytes lie.
        modality: as stated, or as its SOP class implies.
        layout: ``None`` when it holds no pixels.
        padding: inclusive range of stored values outside the field of view.
        view: ViewPosition in capitals, empty where there is none.
        inverse: MONOCHROME1 or an inverse presentation LUT shape.
        defect: why its pixels cannot be read, if the header says so already.
        detector_spacing: (between rows, between columns) at the patient, from the detector's and the magnification.
    """

    source: Source = field(repr=False)
    study_uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    frame_of_reference_uid: str = field(repr=False)
    instance_uid: str = field(repr=False)
    patient_id: str = field(repr=False)
    accession_number: str = field(repr=False)
    study_date: str = field(repr=False)
    station: str = field(repr=False)
    sop_class: str
    modality: str
    image_type: tuple[str, ...]
    hint: str
    layout: PixelLayout | None
    padding: tuple[int, int] | None
    inverse: bool
    burned_in: bool | None
    body_part: str
    view: str
    manufacturer: str
    model: str
    software: str
    kvp: float | None
    kernel: str
    field_strength_t: float | None
    slice_thickness_mm: float | None
    detector_spacing: tuple[float, float] | None
    defect: tuple[Reason, str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image plane: a classic object, or a frame of a multi-frame one.

    Attributes:
        instance: its object.
        index: its place in the pixel data.
        position: ImagePositionPatient, LPS mm.
        quanta: half of the last digit's unit of each coordinate, in mm.
        orientation: ImageOrientationPatient, row then column cosines.
        spacing: PixelSpacing (between rows, between columns) in mm.
        rescale: its own modality LUT.
        separators: header fields that may tell stacks apart, by keyword.
    """

    instance: Instance
    index: int
    position: Triple | None
    quanta: Triple
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    rescale: Rescale
    separators: Mapping[str, Hashable]


def is_image_class(sop_class: str) -> bool:
    """Whether objects of a SOP class always hold an image."""
    return sop_class.removeprefix(_CLASS) in _MODALITY_OF_CLASS


def instance_of(source: Source, opened: Opened) -> Instance:
    """Reads what holds for a whole object."""
    e = opened.elements
    sop_class = e.text(0x00080016)
    modality = e.text(0x00080060).upper()
    if modality not in CROSS_SECTIONAL | PROJECTION | NOT_IMAGES:
        modality = _MODALITY_OF_CLASS.get(sop_class.removeprefix(_CLASS), modality)
    layout = _layout(opened) if opened.pixel_offset is not None and modality not in NOT_IMAGES else None
    burned = e.text(0x00280301).upper()
    return Instance(
        source=source,
        study_uid=e.text(0x0020000D), series_uid=e.text(0x0020000E), frame_of_reference_uid=e.text(0x00200052),
        instance_uid=e.text(0x00080018), patient_id=e.text(0x00100020), accession_number=e.text(0x00080050),
        study_date=e.text(0x00080020), station=e.text(0x00081010), sop_class=sop_class, modality=modality,
        image_type=tuple(value.upper() for value in e.texts(0x00080008)),
        hint=_hint(e.text(0x0008103E)), layout=layout, padding=_padding(e, layout), inverse=_inverse(e),
        burned_in={"YES": True, "NO": False}.get(burned), body_part=e.text(0x00180015)[:64],
        view=e.text(0x00185101).upper()[:16],
        manufacturer=e.text(0x00080070)[:64], model=e.text(0x00081090)[:64], software=e.text(0x00181020)[:64],
        kvp=_lenient(e, 0x00180060), kernel="\\".join(e.texts(0x00181210))[:64],
        field_strength_t=_lenient(e, 0x00180087), slice_thickness_mm=_lenient(e, 0x00180050),
        detector_spacing=_detector_spacing(e),
    )


def _layout(opened: Opened) -> PixelLayout:
    e = opened.elements
    rows, columns = e.integer(0x00280010), e.integer(0x00280011)
    allocated = e.integer(0x00280100)
    if not rows or not columns or not allocated:
        raise Refusal(Reason.BAD_HEADER, "Rows, Columns or BitsAllocated is missing")
    frames = e.integer(0x00280008, b"IS")
    stored = e.integer(0x00280101) or allocated
    high = e.integer(0x00280102)
    assert opened.pixel_offset is not None
    return PixelLayout(
        syntax=opened.syntax, tag=opened.pixel_tag, offset=opened.pixel_offset, length=opened.pixel_length,
        file_size=opened.file_size, rows=rows, columns=columns, frames=1 if frames is None else frames,
        samples=e.integer(0x00280002) or 1, planar=e.integer(0x00280006) or 0, allocated=allocated, stored=stored,
        high=stored - 1 if high is None else high, signed=bool(e.integer(0x00280103)),
        photometric=e.text(0x00280004).upper(), lossy=e.text(0x00282110) == "01",
    )


def classic_frame(instance: Instance, e: Elements) -> Frame:
    """Reads the one frame of a classic object."""
    position, quanta = position_of(e)
    b_value, direction = diffusion_of(e) if instance.modality == "MR" else (None, b"")
    separators: dict[str, Hashable] = {
        "AcquisitionNumber": e.text(0x00200012),
        "EchoTime": _lenient(e, 0x00180081),
        "TriggerTime": _lenient(e, 0x00181060),
        "TemporalPositionIdentifier": e.text(0x00200100),
        "DiffusionBValue": b_value,
        "ConvolutionKernel": instance.kernel,
        "InversionTime": _lenient(e, 0x00180082),
        "ImageType": instance.image_type,
        "DiffusionGradientOrientation": direction,
    }
    return Frame(instance, 0, position, quanta, orientation_of(e), pair(e, 0x00280030), rescale(e), separators)


def position_of(e: Elements) -> tuple[Triple | None, Triple]:
    """ImagePositionPatient and half of the unit of its last digits; the unit is 0 for a value in binary."""
    values = e.floats(0x00200032)
    if len(values) != 3:
        return None, (0.0, 0.0, 0.0)
    texts = e.text(0x00200032).split("\\")
    half = [0.0 if "e" in t or "E" in t else 0.5 * 10.0 ** -(len(t.strip()) - 1 - t.find(".") if "." in t else 0)
            for t in texts] if len(texts) == 3 else [0.0, 0.0, 0.0]
    return (values[0], values[1], values[2]), (half[0], half[1], half[2])


def orientation_of(e: Elements) -> tuple[float, ...] | None:
    """ImageOrientationPatient; ``None`` unless six numbers."""
    values = e.floats(0x00200037)
    return values if len(values) == 6 else None


def pair(e: Elements, tag: int) -> tuple[float, float] | None:
    """Two positive numbers, else ``None``."""
    values = e.floats(tag)
    return (values[0], values[1]) if len(values) == 2 and min(values) > 0 else None


def rescale(e: Elements) -> Rescale:
    """The modality LUT that a data set states: its table, else slope and intercept (PS3.3 C.11.1)."""
    tables = e.items(0x00283000)
    if tables:
        return _table(tables[0])
    slope, intercept = e.number(0x00281053), e.number(0x00281052)
    if slope == 0.0:
        raise Refusal(Reason.BAD_RESCALE, "the rescale slope is 0")
    return Rescale(
        1.0 if slope is None else slope, 0.0 if intercept is None else intercept, e.text(0x00281054).upper(),
        slope is not None and intercept is not None)


def _table(item: Elements) -> Rescale:
    descriptor = item.floats(0x00283002, b"US")
    if len(descriptor) != 3 or descriptor[2] not in (8, 16):
        raise Refusal(Reason.BAD_RESCALE, "the modality LUT descriptor is malformed")
    count = int(descriptor[0]) or 1 << 16
    data = item.raw(0x00283006)
    order = "<" if item.encoding.little else ">"
    if len(data) >= 2 * count:
        table = np.frombuffer(data, f"{order}u2", count)
    elif descriptor[2] == 8 and len(data) >= count:
        table = np.frombuffer(data, "u1", count)
    else:
        raise Refusal(Reason.BAD_RESCALE, "the modality LUT is shorter than its descriptor says")
    first = int(descriptor[1])
    return Rescale(1.0, 0.0, item.text(0x00283004).upper(), True, table.astype(np.float32), first)


def _padding(e: Elements, layout: PixelLayout | None) -> tuple[int, int] | None:
    value = e.integer(0x00280120)
    if value is None or layout is None:
        return None
    limit = e.integer(0x00280121)
    span = 1 << layout.allocated
    def stored(number: int) -> int:
        number %= span  # GE writes -2000 as unsigned, and the reverse is seen too
        return number - span if layout.signed and number >= span // 2 else number
    low, high = stored(value), stored(value if limit is None else limit)
    return (low, high) if low <= high else (high, low)


def _inverse(e: Elements) -> bool:
    return e.text(0x00280004).upper() == "MONOCHROME1" or e.text(0x20500020).upper() == "INVERSE"


def _detector_spacing(e: Elements) -> tuple[float, float] | None:
    spacing = pair(e, 0x00181164)
    if spacing is None:
        return None
    factor = _lenient(e, 0x00181114)
    if not factor or factor <= 0:
        detector, patient = _lenient(e, 0x00181110), _lenient(e, 0x00181111)
        factor = detector / patient if detector and patient and detector >= patient > 0 else 1.0
    return spacing[0] / factor, spacing[1] / factor


def _lenient(e: Elements, tag: int, vr: bytes = b"DS") -> float | None:
    """A number that the geometry does not rest on: ``None`` when malformed."""
    try:
        return e.number(tag, vr)
    except Refusal:
        return None


def _hint(description: str) -> str:
    """The reserved word in a description that names what an image without a place is; never the text itself."""
    lowered = description.lower()
    return next((word for word in ("dose", "screen", "localizer", "scout", "topogram") if word in lowered), "")
