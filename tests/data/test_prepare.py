"""Scans are read once, and what cannot be read is set aside with its reason."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medtl.config.sections import InputSection
from medtl.data.cache import ScanCache, prepare_one
from medtl.data.prepare import prepare
from medtl.data.splits import assign
from medtl.data.transforms import Preprocess
from medtl.errors import DataError
from medtl.progress import Lines
from medtl.types import Catalogue

PLAIN = Preprocess(InputSection(window="none", size=32))


@pytest.fixture
def scans(tmp_path: Path, make_catalogue) -> Catalogue:
    """Twenty patients at a, ten at b; the 4th and 25th file are torn."""
    rng = np.random.default_rng(0)
    rows = [("a", f"p{i}", float(i % 2)) for i in range(20)] + [("b", f"p{i}", float(i % 2)) for i in range(10)]
    catalogue = make_catalogue(rows)
    items = []
    for i, item in enumerate(catalogue.items):
        path = tmp_path / f"scan{i}.png"
        Image.fromarray(rng.integers(0, 256, (30, 30), dtype=np.uint8)).save(path)
        if i in (3, 24):
            path.write_bytes(path.read_bytes()[:300])
        items.append(replace(item, path=path))
    return replace(catalogue, items=tuple(items), root=tmp_path)


@pytest.mark.parametrize("workers", [1, 2])
def test_arrays_stand_at_their_positions_and_torn_files_are_set_aside(scans, tmp_path: Path, workers: int) -> None:
    prepared = prepare(scans, PLAIN, ScanCache(tmp_path / "cache"), max_refused=0.1, workers=workers)
    assert np.flatnonzero(~prepared.kept).tolist() == [3, 24]
    assert [(r.row, r.site) for r in prepared.refusals] == [(4, "a"), (25, "b")]
    assert all(r.reasons and str(tmp_path) not in r.detail for r in prepared.refusals)
    for position in (0, 10, 29):
        np.testing.assert_array_equal(prepared.array(position), prepare_one(scans.items[position].path, PLAIN))
    assert all(len(item.digest) == 64 for i, item in enumerate(prepared.catalogue.items) if i not in (3, 24))


def test_too_many_refusals_stop_with_rows_and_reasons(scans, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        prepare(scans, PLAIN, ScanCache(tmp_path / "cache"), max_refused=0.05)
    assert error.value.lines[0].startswith("2 of 30 scans cannot be used, more than data.max_refused: 0.05 allows")
    assert [line.split(":")[0] for line in error.value.lines[1:]] == ["row 4 (a)", "row 25 (b)"]


def test_missing_files_always_stop_before_anything_is_read(scans, tmp_path: Path) -> None:
    for i in range(12):
        scans.items[i].path.unlink()
    with pytest.raises(DataError, match=r"row 1: 'scan0\.png' does not exist under data\.root") as error:
        prepare(scans, PLAIN, ScanCache(tmp_path / "cache"), max_refused=1.0)
    assert len(error.value.lines) == 10
    assert not (tmp_path / "cache").exists()


def test_only_rows_that_take_part_are_read_and_refused_ones_lose_their_role(scans, tmp_path: Path, binary) -> None:
    cohort = assign(scans, source=["a"], task=binary)
    prepared = prepare(cohort, PLAIN, ScanCache(tmp_path / "cache"), max_refused=0.1)
    assert not prepared.kept[20:].any()
    assert [r.row for r in prepared.refusals] == [4]
    kept = prepared.cohort(cohort)
    assert (kept.role[3], kept.split[3]) == ("unused", "unused")
    assert kept.hidden[3]
    assert kept.split[:3] + kept.split[4:] == cohort.split[:3] + cohort.split[4:]


def test_a_window_of_another_unit_is_a_refusal_with_its_reason(scans, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not_hounsfield: .*lung is in Hounsfield units, but .* 'optical'"):
        prepare(scans, Preprocess(InputSection(window="lung")), ScanCache(tmp_path / "cache"), max_refused=0.5)


def test_progress_counts_every_scan(scans, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+") as out:
        prepare(scans, PLAIN, ScanCache(tmp_path / "cache"), max_refused=0.1, progress=Lines(out))
        out.seek(0)
        assert "preparing scans: 30/30" in out.read()
