"""The cache never serves stale, torn or foreign data."""
from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from medtl.config.sections import InputSection
from medtl.data.cache import ScanCache, Unreadable, prepare_one
from medtl.data.transforms import Preprocess
from medtl.errors import DataError
from medtl.types import Item

PLAIN = Preprocess(InputSection(window="none", size=32))


def write(path: Path, seed: int) -> Item:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 48), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return Item(1, "study", "patient", "site", "", path, (0.0,))


def age(path: Path, seconds: float = 60.0) -> None:
    """Sets a file's time back, so that its digest may be remembered."""
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture
def cache(tmp_path: Path) -> ScanCache:
    return ScanCache(tmp_path / "cache")


@pytest.fixture
def item(tmp_path: Path) -> Item:
    return write(tmp_path / "scan.png", 1)


def entries(cache: ScanCache) -> list[Path]:
    return sorted(cache.folder.glob("scans/*/*.npy"))


def test_an_entry_equals_what_is_prepared_and_is_mapped_read_only(cache: ScanCache, item: Item) -> None:
    for _ in range(2):
        array = cache.array(item, PLAIN)
        np.testing.assert_array_equal(array, prepare_one(item.path, PLAIN))
        assert isinstance(array, np.memmap)
        assert array.shape == (1, 1, 32, 32)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert len(entries(cache)) == 1


def test_a_second_reader_decodes_nothing(cache: ScanCache, item: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = np.array(cache.array(item, PLAIN))
    monkeypatch.setattr("medtl.data.cache.prepare_one", lambda *_: pytest.fail("decoded again"))
    np.testing.assert_array_equal(ScanCache(cache.folder).array(item, PLAIN), expected)


def test_an_edited_file_is_never_served_stale(cache: ScanCache, item: Item) -> None:
    before = np.array(cache.array(item, PLAIN))
    write(item.path, 2)  # at once, perhaps within one tick of the file system's clock
    after = np.array(cache.array(item, PLAIN))
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(after, prepare_one(item.path, PLAIN))
    age(item.path)
    cache.array(item, PLAIN)
    write(item.path, 3)
    np.testing.assert_array_equal(cache.array(item, PLAIN), prepare_one(item.path, PLAIN))


def test_a_renamed_or_copied_file_is_the_same_entry(cache: ScanCache, item: Item, tmp_path: Path) -> None:
    cache.array(item, PLAIN)
    copy = tmp_path / "positive.png"
    copy.write_bytes(item.path.read_bytes())
    cache.array(Item(2, "s", "p", "b", "", copy, (1.0,)), PLAIN)
    assert len(entries(cache)) == 1


def test_another_preparation_or_version_is_another_entry(
    cache: ScanCache, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.array(item, PLAIN)
    cache.array(item, Preprocess(InputSection(window="percentiles", size=32)))
    assert len(entries(cache)) == 2
    monkeypatch.setattr("medtl.data.transforms.VERSION", 999)
    cache.array(item, PLAIN)
    assert len(entries(cache)) == 3
    monkeypatch.setattr("medtl.data.cache.code_version", lambda: "a corrected reader")
    cache.array(item, PLAIN)
    assert len(entries(cache)) == 4


def test_a_digest_is_remembered_until_the_file_changes(
    cache: ScanCache, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(item.path)
    found = cache.digest(item)
    monkeypatch.setattr("medtl.data.cache.digest", lambda _: "0" * 64)
    assert cache.digest(item) == found
    os.utime(item.path)
    assert cache.digest(item) == "0" * 64


@pytest.mark.parametrize("harm", ["truncate", "flip", "empty", "pickle"])
def test_a_damaged_entry_is_made_again(cache: ScanCache, item: Item, harm: str) -> None:
    expected = np.array(cache.array(item, PLAIN))
    (entry,) = entries(cache)
    content = bytearray(entry.read_bytes())
    if harm == "flip":
        content[len(content) // 2] ^= 1
    elif harm == "pickle":
        content = bytearray(b"\x80\x04N.")
    elif harm != "flip":
        content = content[: len(content) // 2] if harm == "truncate" else bytearray()
    entry.write_bytes(bytes(content))
    np.testing.assert_array_equal(ScanCache(cache.folder).array(item, PLAIN), expected)
    np.testing.assert_array_equal(ScanCache(cache.folder).array(item, PLAIN), expected)


def test_an_entry_that_vanishes_while_in_use_is_made_again(cache: ScanCache, item: Item) -> None:
    expected = np.array(cache.array(item, PLAIN))
    entries(cache)[0].unlink()
    np.testing.assert_array_equal(cache.array(item, PLAIN), expected)


def test_size_is_bounded_and_what_was_used_last_stays(tmp_path: Path) -> None:
    one = 32 * 32 * 4 + 136
    cache = ScanCache(tmp_path / "cache", limit_bytes=10 * one)
    items = [write(tmp_path / f"{i}.png", i) for i in range(30)]
    for i, item in enumerate(items):
        cache.array(item, PLAIN)
        if i < 29:
            for entry in entries(cache):  # distinct times without waiting
                stat = entry.stat()
                os.utime(entry, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**9))
        assert cache.size()[1] <= 10 * one
    assert cache.size()[0] >= 8
    last = cache.key(cache.digest(items[-1]), PLAIN)
    assert any(entry.stem == last[2:] for entry in entries(cache))
    np.testing.assert_array_equal(cache.array(items[0], PLAIN), prepare_one(items[0].path, PLAIN))


def test_a_scan_larger_than_the_cache_is_still_served(tmp_path: Path, item: Item) -> None:
    cache = ScanCache(tmp_path / "small", limit_bytes=100)
    np.testing.assert_array_equal(cache.array(item, PLAIN), prepare_one(item.path, PLAIN))
    assert cache.size() == (0, 0)


def test_clear_removes_all_and_says_how_much(cache: ScanCache, item: Item) -> None:
    age(item.path)
    cache.array(item, PLAIN)
    size = cache.size()[1]
    assert cache.clear() >= size > 0
    assert cache.size() == (0, 0)
    np.testing.assert_array_equal(cache.array(item, PLAIN), prepare_one(item.path, PLAIN))


def read_all(folder: Path, items: list[Item]) -> None:
    torch.set_num_threads(1)
    cache = ScanCache(folder, limit_bytes=20_000)  # room for four of twelve: entries come and go
    for _ in range(4):
        for item in items:
            np.testing.assert_array_equal(cache.array(item, PLAIN), prepare_one(item.path, PLAIN))


def test_two_processes_at_once_leave_whole_entries(tmp_path: Path) -> None:
    items = [write(tmp_path / f"{i}.png", i) for i in range(12)]
    prepare_one(items[0].path, PLAIN)  # imports before the fork
    fork = multiprocessing.get_context("fork")
    running = [fork.Process(target=read_all, args=(tmp_path / "cache", items)) for _ in range(2)]
    for process in running:
        process.start()
    for process in running:
        process.join(120)
        assert process.exitcode == 0
    cache = ScanCache(tmp_path / "cache")
    for item in items:
        np.testing.assert_array_equal(cache.array(item, PLAIN), prepare_one(item.path, PLAIN))
    assert not list((tmp_path / "cache").rglob(".*")), "no temporary files stay"


def test_an_unreadable_scan_says_why_and_leaves_no_entry(cache: ScanCache, tmp_path: Path) -> None:
    path = tmp_path / "torn.png"
    write(path, 1)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Unreadable) as error:
        cache.array(Item(1, "s", "p", "a", "", path, (0.0,)), PLAIN)
    assert error.value.reasons
    assert str(tmp_path) not in error.value.detail
    assert cache.size() == (0, 0)


def test_a_cache_that_cannot_be_written_is_one_clear_message(tmp_path: Path, item: Item) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"the cache cannot be written .* set MEDTL_CACHE"):
        ScanCache(tmp_path / "file").array(item, PLAIN)
