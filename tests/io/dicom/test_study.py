"""Every corpus series is right to 0.05 mm and 0.5 HU, or refused with its right code; nothing in between."""
from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from medtl.io.dicom import index_study, read_study
from medtl.io.series import Series
from medtl.io.volume import lps_to_ras
from tests.io.dicom import corpus_cases, corpus_values  # noqa: F401  (register the cases)
from tests.io.dicom.corpus import CASES, ENOUGH, Truth, value_at

PLACE_MM, VALUE = 0.05, 0.5


def agrees(series: Series, truth: Truth) -> str:
    """Empty when a read series is the truth, else what differs."""
    volume = series.volume
    assert volume is not None
    if volume.array.dtype != np.float32 or volume.affine.shape != (4, 4):
        return "types"
    if volume.array.shape != truth.array.shape:
        return f"shape {volume.array.shape} for {truth.array.shape}"
    if np.abs(volume.array - truth.array).max() > VALUE:
        return f"values differ by {np.abs(volume.array - truth.array).max():.2f}"
    if truth.spacing_mm is not None:
        for mine, theirs in zip(volume.spacing_mm, truth.spacing_mm, strict=True):
            if (mine is None) != (theirs is None) or (mine and theirs and abs(mine - theirs) > 1e-3):
                return f"spacing {volume.spacing_mm} for {truth.spacing_mm}"
    if truth.affine_lps is None:
        return ""
    ends = [(0, count - 1) for count in truth.array.shape]
    for corner in itertools.product(*ends):
        apart = (volume.affine - lps_to_ras(truth.affine_lps)) @ [*corner, 1]
        if np.linalg.norm(apart) > PLACE_MM:
            return f"corner {corner} is {np.linalg.norm(apart):.3f} mm off"
    return ""


@pytest.mark.parametrize("name", sorted(CASES))
def test_right_or_refused_with_its_code(name: str, tmp_path: Path) -> None:
    expected = CASES[name](tmp_path)
    study = read_study(expected.path or tmp_path, **expected.options)
    read = [series for series in study if series.volume is not None]
    refusals = [series for series in study if series.volume is None]
    assert all(series.verdict == "refused" for series in refusals)
    assert all(series.verdict in ("use", "repaired") for series in read)
    found = {reason for series in study for reason in series.reasons}
    assert len(refusals) == len(expected.refused), [s.reasons for s in refusals]
    for series, reason in zip(refusals, expected.refused, strict=True):
        assert reason in series.reasons
    assert len(read) == len(expected.volumes), found
    remaining = list(read)
    for truth in expected.volumes:
        answers = [agrees(series, truth) for series in remaining]
        assert "" in answers, answers
        remaining.pop(answers.index(""))
    assert set(expected.notes) <= found


def test_the_corpus_is_large_and_mostly_readable() -> None:
    assert len(CASES) >= 40
    assert len(ENOUGH) >= 0.5 * len(CASES)


@pytest.mark.parametrize("name", ["axial", "oblique", "sagittal", "enhanced_ct_shuffled", "gantry_tilt"])
def test_random_voxels_hold_the_field_where_the_affine_puts_them(name: str, tmp_path: Path) -> None:
    CASES[name](tmp_path)
    (series,) = read_study(tmp_path)
    assert series.volume is not None
    random = np.random.default_rng(0)
    index = np.stack([random.integers(0, n, 200) for n in series.volume.array.shape])
    ras = (series.volume.affine @ np.vstack([index, np.ones(200)]))[:3].T
    assert np.abs(series.volume.array[tuple(index)] - value_at(ras * [-1, -1, 1])).max() < VALUE


def test_file_names_and_order_change_nothing(tmp_path: Path) -> None:
    CASES["two_acquisitions"](tmp_path / "a")
    files = sorted((tmp_path / "a").iterdir())
    forward, backward = read_study(files), read_study(files[::-1])
    for number, file in enumerate(reversed(files)):
        file.rename(file.with_name(f"renamed{number}"))
    renamed = read_study(tmp_path / "a")
    for one, two, three in zip(forward, backward, renamed, strict=True):
        assert one.volume is not None
        assert two.volume is not None
        assert three.volume is not None
        assert np.array_equal(one.volume.array, two.volume.array)
        assert np.array_equal(one.volume.array, three.volume.array)
        assert np.array_equal(one.volume.affine, three.volume.affine)
        assert one.split_by == two.split_by == three.split_by


def test_headers_are_judged_without_pixels(tmp_path: Path) -> None:
    CASES["axial"](tmp_path)
    (plan,) = index_study(tmp_path)
    assert plan.header.volume is None
    assert plan.header.verdict == "use"
    assert plan.header.shape == (16, 12, 9)
    assert plan.load().shape == (16, 12, 9)


def test_nothing_printed_names_a_patient_or_a_path(tmp_path: Path) -> None:
    CASES["with_localizer"](tmp_path)
    index = index_study(tmp_path, salt=b"salt")
    shown = repr(index) + repr([plan.load() for plan in index]) + str(index.skipped) + repr(index[0].frames)
    for secret in ("Doe", "P-1", "A-1", "20200102", "ST-7", str(tmp_path), "1.2.826"):
        assert secret not in shown
    assert index[0].header.identity.patient_id == "P-1"
    assert index[0].header.scanner.station_hash
    assert index[0].header.scanner.kvp == 120


def test_skipped_files_are_named_with_reasons(tmp_path: Path) -> None:
    CASES["stray_files_and_report"](tmp_path)
    study = read_study(tmp_path)
    assert sorted(item.reason.code for item in study.skipped) == ["not_an_image", "unknown_format"]
    assert [series.verdict for series in read_study(tmp_path / "report.dcm")] == ["refused"]
    assert [series.reasons[0].code for series in read_study(tmp_path / "nowhere")] == ["unreadable_file"]


def test_digests_on_request(tmp_path: Path) -> None:
    import hashlib

    CASES["two_slices"](tmp_path)
    (series,) = read_study(tmp_path, digests=True)
    assert series.digests == tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in series.files)
