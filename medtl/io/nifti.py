"""NIfTI-1 and NIfTI-2 single files, plain or gzipped: a volume with its place, or refused with a reason.

nibabel parses the header; the rules on what it may say, and bounded reading, are here. Nothing of the free-text fields
(``descrip``, ``db_name``, ``aux_file``, ``intent_name``, extensions), where names of patients end up, is kept.
"""
from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from medtl.io.reasons import Reason, verdict_of
from medtl.io.series import Scanner, Series
from medtl.io.volume import Volume

if TYPE_CHECKING:
    import nibabel as nib

MAX_VOXELS = 1 << 30
MAX_OFFSET = 1 << 26
"""Header extensions longer than this are refused before they are skipped."""

AGREEMENT_MM = 0.05
"""qform and sform agree when no corner of the grid moves by more than this."""

SCANNER_SPACE = 1
_MILLIMETRES = {1: 1000.0, 2: 1.0, 3: 0.001}
_MAGIC_1, _MAGIC_2 = b"n+1\0", b"n+2\0\r\n\x1a\n"
_TRAILER = 1 << 24


class _Refused(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class _Place:
    affine: NDArray[np.float64]
    spacing_mm: tuple[float, float, float | None]


def read_nifti(path: Path, *, pixels: bool = True) -> list[Series]:
    """Reads a NIfTI file.

    Args:
        path: ``.nii`` or ``.nii.gz``, by content.
        pixels: whether to read the voxels; without, the verdict stands on the header alone.

    Returns:
        One series. Its volume has ``array`` float32 in the file's own axes, the affine of the form that was chosen, in
        RAS+ millimetres, and the unit ``stored``: NIfTI cannot say that values are Hounsfield units.
    """
    found: list[Reason] = []
    details: list[str] = []
    shape: tuple[int, int, int] | None = None
    volume: Volume | None = None
    place: _Place | None = None
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
            header = _header(stream)
            shape = _shape(header)
            _check_type(header)
            place = _place(header, shape, found, details)
            found.append(Reason.UNSTATED_VALUES)
            if shape[2] == 1:
                found.append(Reason.SINGLE_SLICE)
            if not packed:
                _check_size(header, shape, path.stat().st_size)
            if pixels:
                volume = Volume(_voxels(stream, header, shape), place.affine, place.spacing_mm, "stored")
    except _Refused as refused:
        found, details, volume = [refused.reason], [refused.detail], None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        found, volume = [Reason.SIZE_MISMATCH], None
        details = [f"the compressed stream ends early or is damaged ({type(error).__name__})"]
    except OSError as error:
        found, volume = [Reason.UNREADABLE_FILE], None
        details = [f"the file cannot be read ({type(error).__name__})"]
    reasons = tuple(dict.fromkeys(found))
    return [Series(
        verdict=verdict_of(reasons), reasons=reasons, volume=volume, scanner=Scanner(),
        spacing_mm=place.spacing_mm if place else None, files=(path,), details=tuple(details), shape=shape,
        instances=shape[2] if shape else 0,
        repairs=tuple(reason.meaning for reason in reasons if reason.effect == "repair"),
        affine_lps=np.diag([-1.0, -1.0, 1.0, 1.0]) @ place.affine if place else None,
    )]


def is_nifti(head: bytes) -> bool:
    """Whether the first 348 bytes (inflated, if the file is gzipped) begin a NIfTI single file."""
    return head[344:348] == _MAGIC_1 or head[4:12] == _MAGIC_2


def _header(stream: IO[bytes]) -> nib.Nifti1Header:
    import nibabel as nib  # kept out of the import of this module: a tree of DICOM needs none of it

    head = stream.read(348)
    kind = nib.Nifti2Header if head[4:12] == _MAGIC_2 else nib.Nifti1Header
    if not is_nifti(head):
        raise _Refused(Reason.UNKNOWN_FORMAT, "the content is no NIfTI single file (n+1 or n+2)")
    head += stream.read(kind.sizeof_hdr - len(head))
    if len(head) < kind.sizeof_hdr:
        raise _Refused(Reason.SIZE_MISMATCH, "the file ends within its header")
    try:
        return kind(head, check=False)
    except Exception as error:  # nibabel raises several kinds for a header that makes no sense
        raise _Refused(Reason.BAD_HEADER, f"the header makes no sense ({type(error).__name__})") from None


def _shape(header: nib.Nifti1Header) -> tuple[int, int, int]:
    """(columns, rows, slices), trailing axes of length 1 dropped."""
    dims = [int(d) for d in header["dim"]]
    count = dims[0]
    if not 2 <= count <= 7 or min(dims[1:count + 1]) < 1:
        raise _Refused(Reason.BAD_HEADER, f"dim {dims[:count + 1][:8]} is no shape of an image")
    if any(d > 1 for d in dims[5:count + 1]):
        raise _Refused(Reason.UNSUPPORTED_PIXELS, f"{count} axes: several values per voxel, where one is meant")
    if count >= 4 and dims[4] > 1:
        raise _Refused(Reason.TIME_SERIES, f"4D with {dims[4]} volumes, where one is meant")
    shape = (dims[1], dims[2], dims[3] if count >= 3 else 1)
    if shape[0] * shape[1] * shape[2] > MAX_VOXELS:
        raise _Refused(Reason.TOO_LARGE, f"{shape[0]} x {shape[1]} x {shape[2]} voxels; at most {MAX_VOXELS}")
    return shape


def _check_type(header: nib.Nifti1Header) -> None:
    try:
        dtype = header.get_data_dtype()
    except Exception:
        raise _Refused(Reason.BAD_HEADER, f"datatype code {int(header['datatype'])} is unknown") from None
    if dtype.fields is not None:
        raise _Refused(Reason.UNSUPPORTED_PIXELS, "RGB voxels, where grey values are meant")
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise _Refused(Reason.UNSUPPORTED_PIXELS, f"voxels of type {dtype.name}")
    offset = float(header["vox_offset"])
    if not 0 <= offset <= MAX_OFFSET or offset != int(offset):
        raise _Refused(Reason.BAD_HEADER, "vox_offset makes no sense")


def _check_size(header: nib.Nifti1Header, shape: tuple[int, int, int], size: int) -> None:
    needed = _offset(header) + int(np.prod(shape, dtype=np.int64)) * header.get_data_dtype().itemsize
    if size < needed:
        raise _Refused(Reason.SIZE_MISMATCH, f"{needed} bytes are promised, {size} are there")


def _offset(header: nib.Nifti1Header) -> int:
    """Where the voxels begin; 0 is what some writers put for 'right behind header and extension flag'."""
    return max(int(header["vox_offset"]), int(header.sizeof_hdr) + 4)


def _place(
    header: nib.Nifti1Header, shape: tuple[int, int, int], found: list[Reason], details: list[str]
) -> _Place:
    """The affine to RAS+ millimetres by the rules of the two forms, and the spacing that follows from it."""
    sform, qform = _sform(header), _qform(header)
    codes = int(header["sform_code"]), int(header["qform_code"])
    if sform is None and qform is None:
        raise _Refused(Reason.NO_FORM, "qform_code and sform_code are both 0")
    affine = sform if sform is not None else qform
    assert affine is not None
    if sform is not None and qform is not None:
        apart = _apart(sform, qform, shape)
        if not apart <= AGREEMENT_MM:
            if codes[0] == codes[1]:
                raise _Refused(Reason.FORM_CONFLICT, f"qform and sform differ by up to {apart:.4g} units")
            affine = qform if codes[1] == SCANNER_SPACE else sform
            found.append(Reason.FORM_CHOSEN)
            details.append(
                f"{'qform' if affine is qform else 'sform'} was used; the other form differs by up to {apart:.4g} units"
            )
    unit = int(header["xyzt_units"]) & 7
    if unit not in _MILLIMETRES:
        found.append(Reason.UNITS_ASSUMED)
    elif unit != 2:
        found.append(Reason.UNITS_CONVERTED)
    affine = affine.copy()
    affine[:3] *= _MILLIMETRES.get(unit, 1.0)
    if shape[2] == 1:
        affine[:3, 2] = _unit_normal(affine)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all():
        raise _Refused(Reason.NON_FINITE, "the affine is not finite")
    if lengths.min() < 1e-6 or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-3:
        raise _Refused(Reason.DEGENERATE_AFFINE, "two axes of the voxels point the same way, or one has no length")
    spacing = (float(lengths[0]), float(lengths[1]), None if shape[2] == 1 else float(lengths[2]))
    return _Place(affine, spacing)


def _sform(header: nib.Nifti1Header) -> NDArray[np.float64] | None:
    if int(header["sform_code"]) <= 0:
        return None
    affine = np.eye(4)
    affine[:3] = [header["srow_x"], header["srow_y"], header["srow_z"]]
    return affine


def _qform(header: nib.Nifti1Header) -> NDArray[np.float64] | None:
    if int(header["qform_code"]) <= 0:
        return None
    zooms = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    try:
        affine = np.asarray(header.get_qform(), dtype=np.float64)
    except Exception:  # a quaternion longer than 1, or negative zooms
        affine = np.full((4, 4), np.nan)
    if not np.isfinite(zooms).all() or zooms.min() <= 0:
        affine = np.full((4, 4), np.nan)
    if np.isnan(affine).any():
        if _sform(header) is not None:
            return None  # it says nothing, so that it contradicts nothing
        raise _Refused(Reason.DEGENERATE_AFFINE, "the qform's quaternion or zooms make no sense")
    return affine


def _apart(one: NDArray[np.float64], other: NDArray[np.float64], shape: tuple[int, int, int]) -> float:
    """How far the two affines place one corner of the grid from each other, at most."""
    i, j, k = np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij")
    corners = np.stack([i.ravel(), j.ravel(), k.ravel(), np.ones(8)])  # (4, 8)
    return float(np.linalg.norm(((one - other) @ corners)[:3], axis=0).max())


def _unit_normal(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    if normal @ affine[:3, 2] < 0:
        normal = -normal
    length = float(np.linalg.norm(normal))
    return normal / length if length > 0 else normal


def _voxels(stream: IO[bytes], header: nib.Nifti1Header, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """float32, (columns, rows, slices): stored values times slope plus intercept."""
    dtype = header.get_data_dtype()
    _skip(stream, _offset(header) - int(header.sizeof_hdr))
    count, plane = shape[0] * shape[1] * shape[2], shape[0] * shape[1]
    array = np.empty(count, dtype=np.float32)  # memory is taken page by page as it is filled: a lie costs nothing
    step = max(1, (1 << 24) // (plane * dtype.itemsize)) * plane
    for start in range(0, count, step):
        wanted = min(step, count - start)
        data = _exactly(stream, wanted * dtype.itemsize)
        array[start:start + wanted] = np.frombuffer(data, dtype=dtype)
    _skip(stream, _TRAILER, whole=False)  # a gzipped file's checksum stands at its end
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope != 0 and np.isfinite(slope):
        if not np.isfinite(intercept):
            raise _Refused(Reason.BAD_RESCALE, "scl_inter is not finite")
        if (slope, intercept) != (1.0, 0.0):
            with np.errstate(over="ignore", invalid="ignore"):
                array *= np.float32(slope)
                array += np.float32(intercept)
    bad = count - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        raise _Refused(Reason.NON_FINITE, f"{bad} of {count} voxels are not finite")
    return array.reshape(shape, order="F")


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise _Refused(Reason.SIZE_MISMATCH, "the file ends before its last voxel")
    return data


def _skip(stream: IO[bytes], count: int, *, whole: bool = True) -> None:
    while count > 0:
        seen = len(stream.read(min(count, 1 << 20)))
        if not seen:
            if whole:
                raise _Refused(Reason.SIZE_MISMATCH, "the file ends before its first voxel")
            return
        count -= seen
