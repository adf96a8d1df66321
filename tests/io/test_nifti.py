"""NIfTI volumes lie where their headers say, in every unit and form, or are refused; nibabel is the second opinion."""
from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medtl.io.nifti import read_nifti
from medtl.io.reasons import Reason
from medtl.io.series import Series

SHAPE = (7, 6, 5)
OBLIQUE = np.array([[-0.9, 0.1, 0.3, 40.0], [0.05, -0.8, 0.4, -20.0], [0.1, 0.2, 2.4, 9.0], [0, 0, 0, 1]])


def voxels(dtype: type = np.int16, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return (np.arange(np.prod(shape)).reshape(shape) % 120).astype(dtype)


def image(array: np.ndarray, affine: np.ndarray = OBLIQUE, *, unit: str | None = "mm", kind: type = nib.Nifti1Image,
          sform: int = 1, qform: int = 0) -> nib.Nifti1Image:
    made = kind(array, affine)
    made.set_sform(affine, code=sform)
    made.header["qform_code"] = qform
    made.header.set_xyzt_units(unit or "unknown")
    return made


def one(path: Path) -> Series:
    (series,) = read_nifti(path)
    return series


def refused(path: Path, reason: Reason) -> None:
    series = one(path)
    assert (series.verdict, series.reasons, series.volume) == ("refused", (reason,), None)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_voxels_and_affine_are_those_of_nibabel(tmp_path: Path, name: str, kind: type, dtype: type) -> None:
    path = tmp_path / name
    nib.save(image(voxels(dtype), kind=kind), path)
    series = one(path)
    second = nib.load(path)
    assert series.volume is not None
    assert series.verdict == "use"
    assert series.volume.array.dtype == np.float32
    np.testing.assert_array_equal(series.volume.array, second.get_fdata())
    np.testing.assert_allclose(series.volume.affine, second.affine, atol=1e-5)
    np.testing.assert_allclose(series.volume.spacing_mm, nib.affines.voxel_sizes(second.affine), atol=1e-6)
    assert series.volume.unit == "stored"
    assert Reason.UNSTATED_VALUES in series.reasons


def test_big_endian_files_and_slopes(tmp_path: Path) -> None:
    header = nib.Nifti1Header(endianness=">")
    header.set_xyzt_units("mm")
    made = nib.Nifti1Image(voxels(np.int16), OBLIQUE, header)
    made.header.set_slope_inter(0.5, -1024.0)
    nib.save(made, tmp_path / "a.nii")
    series = one(tmp_path / "a.nii")
    assert series.volume is not None
    np.testing.assert_allclose(series.volume.array, nib.load(tmp_path / "a.nii").get_fdata(), atol=1e-3)
    assert nib.load(tmp_path / "a.nii").header.endianness == ">"


@pytest.mark.parametrize(("slope", "expected"), [(0.0, 1.0), (float("nan"), 1.0), (2.0, 2.0)])
def test_a_slope_of_zero_means_no_scaling(tmp_path: Path, slope: float, expected: float) -> None:
    path = tmp_path / "a.nii"
    nib.save(image(voxels()), path)
    whole = bytearray(path.read_bytes())
    whole[112:120] = np.array([slope, 0.0], dtype="<f4").tobytes()
    path.write_bytes(whole)
    series = one(path)
    assert series.volume is not None
    np.testing.assert_allclose(series.volume.array, voxels() * expected)


@pytest.mark.parametrize(("unit", "factor", "reason"), [
    ("mm", 1.0, None), ("meter", 1000.0, Reason.UNITS_CONVERTED), ("micron", 0.001, Reason.UNITS_CONVERTED),
    (None, 1.0, Reason.UNITS_ASSUMED),
])
def test_units_become_millimetres(tmp_path: Path, unit: str | None, factor: float, reason: Reason | None) -> None:
    affine = OBLIQUE / factor
    affine[3, 3] = 1
    nib.save(image(voxels(), affine, unit=unit), tmp_path / "a.nii")
    series = one(tmp_path / "a.nii")
    assert series.volume is not None
    np.testing.assert_allclose(series.volume.affine, OBLIQUE, rtol=1e-5)
    assert reason is None or reason in series.reasons
    assert series.verdict == ("repaired" if unit is None else "use")


def both(path: Path, sform: int, qform: int, shift: float) -> Path:
    straight = np.diag([-1.0, -1.0, 2.0, 1.0])
    made = nib.Nifti1Image(voxels(), straight)
    made.set_qform(straight, code=qform)
    moved = straight.copy()
    moved[0, 3] += shift
    made.set_sform(moved, code=sform)
    made.header.set_xyzt_units("mm")
    nib.save(made, path)
    return path


def test_forms_of_one_space_that_disagree_are_refused(tmp_path: Path) -> None:
    refused(both(tmp_path / "a.nii", 1, 1, 0.5), Reason.FORM_CONFLICT)
    assert one(both(tmp_path / "b.nii", 1, 1, 0.01)).verdict == "use"


@pytest.mark.parametrize(("sform", "qform", "first_x"), [(1, 2, 30.0), (4, 1, 0.0), (4, 2, 30.0)])
def test_of_two_spaces_the_scanners_is_used(tmp_path: Path, sform: int, qform: int, first_x: float) -> None:
    series = one(both(tmp_path / "a.nii", sform, qform, 30.0))
    assert series.volume is not None
    assert Reason.FORM_CHOSEN in series.reasons
    assert series.volume.affine[0, 3] == first_x


def test_without_a_form_left_and_right_are_unknown(tmp_path: Path) -> None:
    nib.save(image(voxels(), sform=0, qform=0), tmp_path / "a.nii")
    refused(tmp_path / "a.nii", Reason.NO_FORM)


def test_4d_is_refused_unless_there_is_one_volume(tmp_path: Path) -> None:
    nib.save(image(voxels(shape=(4, 4, 4, 3))), tmp_path / "a.nii")
    refused(tmp_path / "a.nii", Reason.TIME_SERIES)
    nib.save(image(voxels(shape=(4, 4, 4, 1))), tmp_path / "b.nii")
    assert one(tmp_path / "b.nii").shape == (4, 4, 4)
    nib.save(image(voxels(shape=(4, 4, 4, 1, 3))), tmp_path / "c.nii")
    refused(tmp_path / "c.nii", Reason.UNSUPPORTED_PIXELS)


def test_one_slice_has_no_spacing_along_k(tmp_path: Path) -> None:
    nib.save(image(voxels(shape=(6, 5, 1))), tmp_path / "a.nii")
    series = one(tmp_path / "a.nii")
    assert series.volume is not None
    assert series.volume.spacing_mm[2] is None
    assert np.linalg.norm(series.volume.affine[:3, 2]) == pytest.approx(1)
    assert series.volume.affine[:3, 2] @ series.volume.affine[:3, 0] == pytest.approx(0, abs=1e-6)
    assert Reason.SINGLE_SLICE in series.reasons


def test_values_that_are_not_finite_and_colours_are_refused(tmp_path: Path) -> None:
    bad = voxels(np.float32)
    bad[1, 2, 3] = np.nan
    nib.save(image(bad), tmp_path / "a.nii.gz")
    refused(tmp_path / "a.nii.gz", Reason.NON_FINITE)
    rgb = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(image(rgb), tmp_path / "b.nii")
    refused(tmp_path / "b.nii", Reason.UNSUPPORTED_PIXELS)
    nib.save(image(voxels(np.complex64)), tmp_path / "c.nii")
    refused(tmp_path / "c.nii", Reason.UNSUPPORTED_PIXELS)


@pytest.mark.parametrize("column", [np.zeros(3), OBLIQUE[:3, 0] * 2, np.array([np.nan, 0, 0])])
def test_an_affine_without_volume_is_refused(tmp_path: Path, column: np.ndarray) -> None:
    nib.save(image(voxels()), tmp_path / "a.nii")
    whole = bytearray((tmp_path / "a.nii").read_bytes())
    for row, offset in enumerate((280, 296, 312)):
        whole[offset + 8:offset + 12] = np.float32(column[row]).tobytes()
    (tmp_path / "a.nii").write_bytes(whole)
    series = one(tmp_path / "a.nii")
    assert series.reasons in ((Reason.DEGENERATE_AFFINE,), (Reason.NON_FINITE,))


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.99])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_file_cut_short_is_refused(tmp_path: Path, name: str, keep: float) -> None:
    noise = np.random.default_rng(0).integers(0, 30000, (24, 24, 24)).astype(np.int16)
    nib.save(image(noise), tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:int(keep * len(whole))])
    refused(tmp_path / name, Reason.SIZE_MISMATCH)


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    nib.save(image(voxels()), tmp_path / "a.nii.gz")
    whole = bytearray((tmp_path / "a.nii.gz").read_bytes())
    whole[-6] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(whole)
    refused(tmp_path / "a.nii.gz", Reason.SIZE_MISMATCH)


def test_a_header_that_lies_about_its_size_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    nib.save(image(voxels()), path)
    whole = bytearray(path.read_bytes())
    whole[40:48] = np.array([3, 32000, 32000, 32000], dtype="<i2").tobytes()
    path.write_bytes(whole)
    refused(path, Reason.TOO_LARGE)
    whole[40:48] = np.array([3, 1000, 1000, 1000], dtype="<i2").tobytes()
    path.write_bytes(whole)
    refused(path, Reason.SIZE_MISMATCH)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(whole)))
    refused(tmp_path / "a.nii.gz", Reason.SIZE_MISMATCH)
    whole[40:48] = np.array([3, 5, -5, 5], dtype="<i2").tobytes()
    path.write_bytes(whole)
    refused(path, Reason.BAD_HEADER)


def test_free_text_of_the_header_goes_nowhere(tmp_path: Path) -> None:
    made = image(voxels(), unit=None)
    made.header["descrip"] = b"MUELLER^HANS 19500101"
    made.header["db_name"] = b"MUELLER"
    nib.save(made, tmp_path / "MUELLER.nii")
    series = one(tmp_path / "MUELLER.nii")
    assert "MUELLER" not in repr(series)
    (header,) = read_nifti(tmp_path / "MUELLER.nii", pixels=False)
    assert header.volume is None
    assert header.spacing_mm == series.spacing_mm
