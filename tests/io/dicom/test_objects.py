"""One object is read, passed over, or refused together with its series when that is known."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
from medtl.io.dicom.objects import DefectiveObject, read_frames
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, base, enhanced, positions, put_pixels, save, slice_of, uid

PLANE = Plane(4, 5)
ORIGIN = positions(PLANE, 1, 1.0)[0]


def test_classic_enhanced_and_cine_objects_have_their_frames(tmp_path: Path) -> None:
    counts = {}
    cine = put_pixels(base("US", "1.2.840.10008.5.1.4.1.1.3.1"), np.zeros((6, 4, 5), np.uint8), 8)
    for name, ds in (("classic", slice_of(PLANE, ORIGIN)), ("enhanced", enhanced(PLANE, positions(PLANE, 3, 2.0))),
                     ("cine", cine)):
        instance, frames = read_frames(FileSource(save(ds, tmp_path / name)), DEFAULT_LIMITS)
        assert instance.layout is not None
        counts[name] = (len(frames), instance.layout.frames)
    assert counts == {"classic": (1, 1), "enhanced": (3, 3), "cine": (1, 6)}


@pytest.mark.parametrize("modality", ["SR", "KO", "PR", "RTSTRUCT", "SEG"])
def test_no_image_has_no_frames_even_with_pixels(modality: str, tmp_path: Path) -> None:
    ds = slice_of(PLANE, ORIGIN, Modality=modality)
    assert read_frames(FileSource(save(ds, tmp_path / "a")), DEFAULT_LIMITS)[1] == []


@pytest.mark.parametrize("keep_rows", [True, False])
def test_an_image_without_pixels_is_a_defect_of_its_series(keep_rows: bool, tmp_path: Path) -> None:
    ds = slice_of(PLANE, ORIGIN)
    del ds.PixelData
    if not keep_rows:
        del ds.Rows
    with pytest.raises(DefectiveObject) as caught:
        read_frames(FileSource(save(ds, tmp_path / "a")), DEFAULT_LIMITS)
    assert caught.value.reason is Reason.SIZE_MISMATCH
    assert caught.value.series == (uid("study"), uid("series", "s"), uid("frame"))
    assert uid("study") not in str(caught.value)


def test_a_header_cut_after_its_uids_still_names_its_series(tmp_path: Path) -> None:
    path = save(slice_of(PLANE, ORIGIN), tmp_path / "a")
    content = path.read_bytes()
    cut = content.index(b"\x28\x00\x10\x00")  # Rows
    path.write_bytes(content[:cut + 4] + b"OB\0\0\xff\xff\xff\x7f" + content[cut + 8:])
    with pytest.raises(DefectiveObject) as caught:
        read_frames(FileSource(path), DEFAULT_LIMITS)
    assert caught.value.series[:2] == (uid("study"), uid("series", "s"))


def test_what_is_no_dicom_belongs_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no image" * 100)
    with pytest.raises(Refusal) as caught:
        read_frames(FileSource(tmp_path / "a"), DEFAULT_LIMITS)
    assert caught.value.reason is Reason.UNKNOWN_FORMAT
    assert not isinstance(caught.value, DefectiveObject)


def test_pixels_that_cannot_be_are_kept_as_a_defect(tmp_path: Path) -> None:
    ds: Dataset = slice_of(PLANE, ORIGIN, Rows=6000)
    instance, frames = read_frames(FileSource(save(ds, tmp_path / "a")), DEFAULT_LIMITS)
    assert len(frames) == 1
    assert instance.defect is not None
    assert instance.defect[0] is Reason.SIZE_MISMATCH
