"""Encapsulated pixels: fragments, sizes in the codestream, and decoders that fail or abort."""
from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLSLossless, RLELossless

from medtl.io.dicom import read_study
from medtl.io.dicom.compressed import _fragments, _j2k_size, _jpeg_size
from medtl.io.dicom.isolation import DecoderDied, IsolatedDecoder
from medtl.io.dicom.limits import Refusal
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, enhanced, positions, save, stack_of, truth

DATA = Path(pydicom.__file__).parent / "data" / "test_files"
OPTIONS = {"rows": 100, "columns": 100, "samples_per_pixel": 3, "number_of_frames": 1, "bits_allocated": 8,
           "bits_stored": 8, "pixel_representation": 0, "photometric_interpretation": "YBR_FULL",
           "pixel_keyword": "PixelData", "planar_configuration": 0}
BASELINE = "1.2.840.10008.1.2.4.50"


def _item(data: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(data)) + data


END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def test_fragments_and_their_table() -> None:
    data = _item(struct.pack("<2I", 0, 12)) + _item(b"abcd") + _item(b"efghij") + END
    table, parts = _fragments(data)
    assert table == [0, 12]
    assert [data[start:start + length] for start, length in parts] == [b"abcd", b"efghij"]


@pytest.mark.parametrize("data", [b"", _item(b""), _item(b"") + _item(b"abcd"), _item(b"")[:6], b"x" * 40])
def test_fragments_without_end_are_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        _fragments(data)
    assert caught.value.reason is Reason.SIZE_MISMATCH


def test_sizes_in_codestreams_are_those_of_the_header() -> None:
    found = 0
    for name, read in (("SC_rgb_dcmtk_+eb+cr.dcm", _jpeg_size), ("MR_small_jp2klossless.dcm", _j2k_size),
                       ("MR_small_jpeg_ls_lossless.dcm", _jpeg_size)):
        ds = pydicom.dcmread(DATA / name)
        _, parts = _fragments(ds.PixelData + END)
        start, length = parts[0]
        assert read(ds.PixelData[start:start + length]) == (ds.Rows, ds.Columns, ds.SamplesPerPixel)
        found += 1
    assert found == 3


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_frames_of_a_multi_frame_object(tmp_path: Path, syntax: object) -> None:
    plane = Plane()
    where = positions(plane, 6, 2.0)
    ds = enhanced(plane, where, order=[5, 2, 0, 1, 4, 3])
    ds.compress(syntax, generate_instance_uid=False)
    save(ds, tmp_path / "e.dcm")
    (series,) = read_study(tmp_path)
    assert series.volume is not None
    assert np.abs(series.volume.array - truth(plane, where).array).max() < 0.5


def test_lossless_jpeg_is_decoded_in_a_process_of_its_own(tmp_path: Path) -> None:
    ds = pydicom.dcmread(DATA / "SC_rgb_jpeg_gdcm.dcm")
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.70"
    (series,) = read_study(DATA / "SC_rgb_jpeg_gdcm.dcm")
    assert series.volume is not None
    expected = ds.pixel_array.astype(np.float64) @ [0.299, 0.587, 0.114] / 255
    assert np.abs(series.volume.array[:, :, 0] - expected.T).max() < 1e-3


def test_a_child_that_fails_is_reported_and_can_be_asked_again() -> None:
    ds = pydicom.dcmread(DATA / "SC_rgb_jpeg_dcmtk.dcm")
    with IsolatedDecoder() as decoder:
        with pytest.raises(DecoderDied):
            decoder.decode(BASELINE, "gdcm", _item(b"") + _item(b"\xff\xd8rubbish!") + END, OPTIONS)
        array, _ = decoder.decode(BASELINE, "pillow", ds.PixelData, OPTIONS)
        assert array.shape == (100, 100, 3)


def test_codestreams_of_another_size_are_refused(tmp_path: Path) -> None:
    plane = Plane(rows=34, columns=36)
    (ds,) = stack_of(plane, positions(plane, 1, 2.0))
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    ds.Rows = 30
    save(ds, tmp_path / "x.dcm")
    (series,) = read_study(tmp_path)
    assert Reason.SIZE_MISMATCH in series.reasons
