"""A diffusion series is split by b-value and direction, wherever a manufacturer puts them."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from medtl.io.dicom import read_study
from medtl.io.dicom.diffusion import diffusion_of
from medtl.io.dicom.headers import open_header
from medtl.io.dicom.limits import DEFAULT_LIMITS
from medtl.io.dicom.sources import FileSource
from medtl.io.reasons import Reason
from tests.io.dicom.corpus import Plane, Scale, positions, save, slice_of

PLANE = Plane(6, 5)
WHERE = positions(PLANE, 4, 3.0)
Put = Callable[[Dataset, int], None]


def _standard(ds: Dataset, b: int) -> None:
    ds.DiffusionBValue = float(b)


def _siemens(ds: Dataset, b: int) -> None:
    block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", str(b))


def _siemens_second_block(ds: Dataset, b: int) -> None:
    ds.private_block(0x0019, "SOMEBODY ELSE", create=True).add_new(0x0C, "IS", "7")
    _siemens(ds, b)


def _siemens_as_unknown(ds: Dataset, b: int) -> None:
    ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "UN", f"{b} "[:4].encode())


def _ge(ds: Dataset, b: int) -> None:
    ds.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [str(10**9 + b), "8", "0", "0"])


def _philips(ds: Dataset, b: int) -> None:
    ds.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x03, "FL", float(b))


def _philips_as_unknown(ds: Dataset, b: int) -> None:
    ds.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x03, "UN", np.float32(b).tobytes())


def _united(ds: Dataset, b: int) -> None:
    ds.private_block(0x0065, "Image Private Header", create=True).add_new(0x09, "FD", float(b))


def _series(folder: Path, put: Put, b_values: tuple[int, ...], implicit: bool = False) -> Path:
    """One series in which every position comes once per b-value, the pixels scaled by another slope for each."""
    for at, position in enumerate(WHERE):
        for number, b in enumerate(b_values):
            scale = Scale(slope=0.25 * (number + 1))
            ds = slice_of(PLANE, position, 100 * at + number, modality="MR", scale=scale)
            put(ds, b)
            if implicit:
                ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
            save(ds, folder / f"{(at * 37 + number * 11) % 53:02d}.dcm")
    return folder


PUTS = [_standard, _siemens, _siemens_second_block, _siemens_as_unknown, _ge, _philips, _philips_as_unknown, _united]


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("put", PUTS)
def test_one_volume_per_b_value(tmp_path: Path, put: Put, implicit: bool) -> None:
    found = read_study(_series(tmp_path, put, (0, 50, 1000), implicit))
    assert [series.split_by for series in found] == [(("DiffusionBValue", str(float(b))),) for b in (0, 50, 1000)]
    for number, series in enumerate(found):
        assert series.volume is not None
        for k, position in enumerate(WHERE):
            right = PLANE.values(position).T
            assert np.abs(series.volume.array[:, :, k] - right).max() <= 0.125 * (number + 1) + 1e-4


def test_directions_split_what_shares_a_b_value(tmp_path: Path) -> None:
    directions = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def put(ds: Dataset, number: int) -> None:
        block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", "0" if number == 0 else "800")
        if number:
            block.add_new(0x0E, "FD", list(directions[number - 1]))

    found = read_study(_series(tmp_path, put, (0, 1, 2, 3)))
    assert len(found) == 4
    assert all(series.volume is not None and series.volume.array.shape[2] == 4 for series in found)


def test_a_value_without_its_creator_separates_nothing(tmp_path: Path) -> None:
    def put(ds: Dataset, b: int) -> None:
        ds.add_new(0x0019100C, "IS", str(b))

    (series,) = read_study(_series(tmp_path, put, (0, 1000)))
    assert series.verdict == "refused"
    assert Reason.AMBIGUOUS_POSITION in series.reasons


def test_nothing_stated_is_nothing_found(tmp_path: Path) -> None:
    path = save(slice_of(PLANE, WHERE[0], modality="MR"), tmp_path / "a.dcm")
    assert diffusion_of(open_header(FileSource(path), DEFAULT_LIMITS).elements) == (None, b"")
