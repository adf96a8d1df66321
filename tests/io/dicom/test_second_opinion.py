"""highdicom and nibabel place the same voxels at the same points, so that corpus and reader share no mistake."""
from __future__ import annotations

import warnings
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest

from medtl.io.dicom import read_study
from medtl.io.volume import lps_to_ras
from tests.io.dicom import corpus_cases, corpus_values  # noqa: F401  (register the cases)
from tests.io.dicom.corpus import CASES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # nibabel calls its DICOM readers experimental
    import nibabel.nicom.dicomwrappers as nib

CLASSIC = ["axial", "axial_head_first_reversed", "sagittal", "coronal", "oblique", "feet_first_flipped", "two_slices",
           "pet_slope_per_slice", "non_square_without_decimals"]


def _points(affine: np.ndarray, array: np.ndarray) -> dict[tuple[float, float, float], float]:
    """Values by the point where they lie, whatever the order of the axes."""
    index = np.stack(np.meshgrid(*map(np.arange, array.shape), indexing="ij"), -1).reshape(-1, 3)
    places = index @ affine[:3, :3].T + affine[:3, 3]
    return {tuple(np.round(p, 2) + 0.0): float(v) for p, v in zip(places, array.reshape(-1), strict=True)}


@pytest.mark.parametrize("name", CLASSIC)
def test_classic_stacks_agree_with_highdicom(name: str, tmp_path: Path) -> None:
    CASES[name](tmp_path)
    (series,) = read_study(tmp_path)
    assert series.volume is not None
    datasets = [pydicom.dcmread(path) for path in sorted(tmp_path.rglob("*.dcm"))]
    theirs = highdicom.get_volume_from_series(datasets, apply_real_world_transform=False)
    mine, other = _points(lps_to_ras(series.volume.affine), series.volume.array), _points(theirs.affine, theirs.array)
    assert _close(mine, other)


@pytest.mark.parametrize("name", ["enhanced_ct_shuffled"])
def test_enhanced_stacks_agree_with_highdicom(name: str, tmp_path: Path) -> None:
    CASES[name](tmp_path)
    (series,) = read_study(tmp_path)
    assert series.volume is not None
    image = highdicom.Image.from_dataset(pydicom.dcmread(tmp_path / "e.dcm"))
    theirs = image.get_volume(apply_real_world_transform=False)
    mine, other = _points(lps_to_ras(series.volume.affine), series.volume.array), _points(theirs.affine, theirs.array)
    assert _close(mine, other)


@pytest.mark.parametrize("name", ["axial", "sagittal", "oblique", "gantry_tilt"])
def test_each_slice_lies_where_nibabel_puts_it(name: str, tmp_path: Path) -> None:
    CASES[name](tmp_path)
    (series,) = read_study(tmp_path)
    assert series.volume is not None
    for k, path in enumerate(series.files):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wrapper = nib.wrapper_from_file(str(path))
            theirs = lps_to_ras(wrapper.affine)  # nibabel says LPS for DICOM; its axes are (row, column, slice)
        for i, j in ((0, 0), (5, 0), (0, 7), (15, 11)):
            mine = series.volume.affine @ [i, j, k, 1]
            assert np.allclose(mine[:3], (theirs @ [j, i, 0, 1])[:3], atol=0.02)


def _close(mine: dict[tuple[float, float, float], float], other: dict[tuple[float, float, float], float]) -> bool:
    """Same points within rounding, same values within the resolution of the stored field."""
    a, b = sorted(mine.items()), sorted(other.items())
    if len(a) != len(b):
        return False
    return all(np.allclose(p, q, atol=0.03) and abs(v - w) < 0.5 for (p, v), (q, w) in zip(a, b, strict=True))
