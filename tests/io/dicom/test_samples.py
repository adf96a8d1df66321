"""All sample files that pydicom ships, and those of the package pydicom-data where it is installed."""
from __future__ import annotations

import importlib.util
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest

from medtl.io.dicom import read_study
from medtl.io.dicom.headers import NATIVE

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"


def _files() -> list[Path]:
    found = [path for path in sorted(BUNDLED.rglob("*")) if path.is_file()]
    extra = importlib.util.find_spec("data_store")
    if extra is not None and extra.origin is not None:
        found += [path for path in sorted((Path(extra.origin).parent / "data").rglob("*")) if path.is_file()]
    return found


def test_every_sample_is_read_or_refused_by_name() -> None:
    verdicts: Counter[str] = Counter()
    for path in _files():
        study = read_study(path)
        assert len(study) > 0, path.name
        for series in study:
            verdicts[series.verdict] += 1
            assert (series.volume is None) == (series.verdict == "refused"), path.name
            if series.volume is None:
                assert any(reason.effect == "refusal" for reason in series.reasons), path.name
            else:
                assert series.volume.array.dtype == np.float32
                assert np.isfinite(series.volume.array).all(), path.name
                assert np.isfinite(series.volume.affine).all(), path.name
    assert verdicts["use"] + verdicts["repaired"] >= 100, verdicts


@pytest.mark.parametrize("name", [
    "CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "image_dfl.dcm", "693_J2KI.dcm",
    "J2K_pixelrep_mismatch.dcm", "MR_small_expb.dcm",
])
def test_values_agree_with_pydicom(name: str) -> None:
    (series,) = read_study(BUNDLED / name)
    assert series.volume is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(BUNDLED / name)
        stored = ds.pixel_array
    values = stored.astype(np.float64) * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))
    if "PixelPaddingValue" in ds:
        values[stored == ds.PixelPaddingValue] = -1000
    assert np.abs(series.volume.array[:, :, 0] - values.T).max() < 0.01
    assert series.modality == ds.Modality


def test_headers_agree_with_pydicom() -> None:
    from medtl.io.dicom.headers import open_header
    from medtl.io.dicom.limits import DEFAULT_LIMITS, Refusal
    from medtl.io.dicom.sources import FileSource

    compared = 0
    for path in _files():
        try:
            mine = open_header(FileSource(path), DEFAULT_LIMITS)
        except Refusal:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = pydicom.dcmread(path, force=True, stop_before_pixels=True, defer_size=1)
            theirs = {int(tag) for tag in ds._dict if tag.group != 2}
        assert {tag for tag in mine.elements.table if tag >> 16 != 2} == {
            tag for tag in theirs if tag < 0x7FE00008 or mine.pixel_offset is None}, path.name
        if mine.syntax in NATIVE and "Rows" in ds:
            assert mine.elements.integer(0x00280010) == ds.Rows, path.name
        compared += 1
    assert compared > 100
