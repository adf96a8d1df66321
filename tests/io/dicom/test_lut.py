"""Stored values to modality values: the order of padding, bits, inversion and rescale."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtl.io.dicom.instances import Frame, Rescale
from medtl.io.dicom.limits import DEFAULT_LIMITS
from medtl.io.dicom.lut import to_values
from medtl.io.dicom.objects import read_frames
from medtl.io.dicom.pixels import honour_bits
from medtl.io.dicom.sources import FileSource
from tests.io.dicom.corpus import Plane, positions, save, stack_of


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Frame:
    path: Path = tmp_path_factory.mktemp("one") / "a.dcm"
    save(stack_of(Plane(), positions(Plane(), 1, 1.0))[0], path)
    return read_frames(FileSource(path), DEFAULT_LIMITS)[1][0]


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 16), st.booleans(), st.integers(0, 4), st.integers(0, 2**31))
def test_only_the_stored_bits_count(frame: Frame, bits: int, signed: bool, above: int, seed: int) -> None:
    high = min(bits - 1 + above, 15)
    assert frame.instance.layout is not None
    layout = replace(frame.instance.layout, stored=bits, high=high, signed=signed)
    random = np.random.default_rng(seed)
    low = -(1 << bits - 1) if signed else 0
    wanted = random.integers(low, low + (1 << bits), 50)
    shift = high - bits + 1
    contained = (wanted.astype(np.int64) & (1 << bits) - 1) << shift
    rubbish = random.integers(0, 1 << 16, 50) & ~(((1 << bits) - 1) << shift) & 0xFFFF
    raw = (contained | rubbish).astype(np.uint16).view(np.int16 if signed else np.uint16)
    assert np.array_equal(honour_bits(raw.copy(), layout).astype(int), wanted)


def test_padding_is_found_in_stored_units_and_set_last(frame: Frame) -> None:
    shown = replace(frame, instance=replace(frame.instance, padding=(100, 100)), rescale=Rescale(1.0, 100.0))
    stored = np.array([[100, 0, 200]], np.uint16)
    out = np.empty((1, 3), np.float32)
    assert to_values(shown, stored, out, -1000.0)
    assert out.tolist() == [[-1000.0, 100.0, 300.0]]


def test_inversion_is_about_the_stored_range_and_before_the_rescale(frame: Frame) -> None:
    assert frame.instance.layout is not None
    layout = replace(frame.instance.layout, stored=12, high=11)
    film = replace(frame.instance, modality="DX", inverse=True, layout=layout)
    shown = replace(frame, instance=film, rescale=Rescale(2.0, 5.0))
    out = np.empty((1, 2), np.float32)
    to_values(shown, np.array([[0, 1000]], np.uint16), out, 0.0)
    assert out.tolist() == [[4095 * 2 + 5, 3095 * 2 + 5]]


def test_a_table_holds_its_ends_beyond_its_range(frame: Frame) -> None:
    shown = replace(frame, rescale=Rescale(table=np.array([7.0, 8.0, 9.0], np.float32), first=10))
    out = np.empty((1, 4), np.float32)
    to_values(shown, np.array([[0, 10, 12, 500]], np.uint16), out, 0.0)
    assert out.tolist() == [[7.0, 7.0, 9.0, 9.0]]
