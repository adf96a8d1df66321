"""Formats are told by content, and one series is chosen for a study by a rule that says itself."""
from __future__ import annotations

import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from medtl.io.read import Candidate, Choice, choose, choose_candidate, orientation, read_chosen, read_scan, sniff
from medtl.io.reasons import Reason


def nifti(path: Path, affine: np.ndarray | None = None, slices: int = 4) -> Path:
    made = nib.Nifti1Image(np.arange(5 * 6 * slices, dtype=np.int16).reshape(5, 6, slices), affine)
    made.set_sform(np.eye(4) if affine is None else affine, code=1)
    made.header.set_xyzt_units("mm")
    nib.save(made, path)
    return path


def test_the_content_tells_the_format_not_the_name(tmp_path: Path) -> None:
    nifti(tmp_path / "a.nii.gz").rename(tmp_path / "a.dcm")
    nifti(tmp_path / "b.nii").rename(tmp_path / "b.png")
    Image.new("L", (8, 8), 9).save(tmp_path / "c.png")
    (tmp_path / "c.png").rename(tmp_path / "c.nii")
    (tmp_path / "d.dcm").write_bytes(b"II*\0" + b"\0" * 124 + b"DICM" + b"\0" * 100)
    (tmp_path / "e.zip").write_bytes(b"PK\x03\x04" + b"\0" * 30)
    (tmp_path / "f.gz").write_bytes(b"\x1f\x8b\x08rubbish")
    (tmp_path / "g.txt").write_text("a note about a patient")
    (tmp_path / "h").write_bytes(b"")
    found = [sniff(tmp_path / name) for name in ("a.dcm", "b.png", "c.nii", "d.dcm", "e.zip", "f.gz", "g.txt", "h")]
    assert found == ["nifti", "nifti", "raster", "dicom", "zip", "other", "other", "other"]
    assert sniff(tmp_path / "missing") == "other"
    assert read_scan(tmp_path / "a.dcm")[0].verdict == "use"
    assert read_scan(tmp_path / "c.nii")[0].shape == (8, 8, 1)


def test_a_folder_of_images_of_mixed_sizes_is_one_series_each(tmp_path: Path) -> None:
    for name, size in (("a.png", (8, 9)), ("b.jpg", (20, 10)), ("c.bmp", (5, 5))):
        Image.new("L", size, 100).save(tmp_path / name)
    nifti(tmp_path / "d.nii.gz")
    (tmp_path / "notes.txt").write_text("not an image")
    shapes = {series.shape for series in read_scan(tmp_path)}
    assert shapes == {(8, 9, 1), (20, 10, 1), (5, 5, 1), (5, 6, 4)}


@pytest.mark.parametrize("content", [b"", b"hello, this is a note of some length, not an image at all"])
def test_what_is_no_image_is_refused_with_a_reason(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "Müller").write_bytes(content)
    for path in (tmp_path, tmp_path / "Müller"):
        (series,) = read_scan(path)
        assert series.verdict == "refused"
        assert series.reasons
        assert "Müller" not in repr(series)


def test_an_empty_folder_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert read_scan(tmp_path / "empty")[0].reasons == (Reason.EMPTY,)
    assert read_scan(tmp_path / "missing")[0].verdict == "refused"


AXIAL = Candidate(True, "axial", True, 5.0, 60)


@pytest.mark.parametrize(("candidates", "expected"), [
    ([AXIAL, Candidate(True, "axial", True, 1.0, 300)], 1),
    ([AXIAL, Candidate(True, "axial", True, 1.0, 40)], 0),  # a thin stack of 40 mm is not complete beside 300 mm
    ([AXIAL, Candidate(True, "coronal", True, 1.0, 300)], 0),
    ([AXIAL, Candidate(True, "axial", False, 1.0, 300)], 0),
    ([AXIAL, Candidate(False, "axial", True, 1.0, 300)], 0),
    ([AXIAL, Candidate(True, "axial", True, 5.0, 64)], 1),
    ([AXIAL, AXIAL], 0),
    ([Candidate(True, "axial", True, math.inf, 1), AXIAL], 1),
    ([Candidate(True, "", True, math.inf, 1), Candidate(True, "", True, math.inf, 1)], 0),
])
def test_the_thinnest_complete_axial_original_is_chosen(candidates: list[Candidate], expected: int) -> None:
    at, why = choose_candidate(candidates)
    assert at == expected
    assert str(candidates[expected].slices) in why or "only" in why


def test_the_reason_is_one_sentence_that_says_what_was_not_met() -> None:
    coronal = Candidate(True, "coronal", True, 1.0, 300)
    assert choose_candidate([AXIAL, coronal])[1] == (
        "the thinnest axial original complete of 2 series (5 mm, 60 slices)")
    assert choose_candidate([coronal, coronal])[1].endswith("; none is known to be axial")
    assert choose_candidate([AXIAL]) == (0, "the only series")
    assert choose_candidate([]) == (None, "the study has no series")
    assert choose_candidate([Candidate(False, "", True, 1.0, 2)])[0] is None


def test_a_card_can_state_another_rule() -> None:
    thin = Candidate(True, "axial", True, 1.0, 300, "CT")
    coronal = Candidate(True, "coronal", True, 2.0, 300, "MR")
    assert choose_candidate([thin, AXIAL, coronal], Choice(thickness="thickest"))[0] == 1
    assert choose_candidate([thin, AXIAL, coronal], Choice(orientation="coronal"))[0] == 2
    assert choose_candidate([thin, AXIAL, coronal], Choice(modality="MR"))[0] == 2


def test_planes_are_told_by_the_normal(tmp_path: Path) -> None:
    turned = {"axial": [0, 1, 2], "sagittal": [1, 2, 0], "coronal": [0, 2, 1]}
    for name, axes in turned.items():
        affine = np.eye(4)
        affine[:3, :3] = np.eye(3)[:, axes]
        assert orientation(read_scan(nifti(tmp_path / "a.nii", affine))[0]) == name
    affine[:3, :3] = [[1, 0, 0], [0, 0.7, -0.7], [0, 0.7, 0.7]]
    assert orientation(read_scan(nifti(tmp_path / "a.nii", affine))[0]) == "oblique"
    Image.new("L", (8, 8), 9).save(tmp_path / "c.png")
    assert orientation(read_scan(tmp_path / "c.png")[0]) == ""


def test_only_the_chosen_series_is_read_and_a_broken_one_gives_way(tmp_path: Path) -> None:
    nifti(tmp_path / "thick.nii.gz", np.diag([1.0, 1.0, 5.0, 1.0]), slices=4)
    thin = nifti(tmp_path / "thin.nii.gz", np.diag([1.0, 1.0, 1.0, 1.0]), slices=20)
    series, why = read_chosen(tmp_path)
    assert series.spacing_mm == (1.0, 1.0, 1.0)
    assert series.volume is not None
    assert "thinnest" in why
    everything = read_scan(tmp_path)
    assert choose(everything)[0] is not None
    assert choose(everything)[0].files == series.files  # type: ignore[union-attr]
    thin.write_bytes(thin.read_bytes()[:-20])
    series, why = read_chosen(tmp_path)
    assert series.spacing_mm == (1.0, 1.0, 5.0)
    assert why == "the only series that can be read"
    (tmp_path / "thick.nii.gz").unlink()
    series, why = read_chosen(tmp_path)
    assert series.verdict == "refused"
    assert why == "none of 1 series can be read"
