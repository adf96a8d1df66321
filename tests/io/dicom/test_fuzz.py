"""Mutated files: no crash, no hang, no large memory, and never another volume where pixels and geometry are intact."""
from __future__ import annotations

import random
import resource
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from medtl.io.dicom import read_study
from tests.io.dicom.corpus import Plane, enhanced, positions, reread, save, stack_of
from tests.io.dicom.fuzzer import mutate, pydicom_agrees, spans_of


def _seeds(folder: Path) -> list[list[Path]]:
    """Intact series: classic, enhanced, and compressed in three ways; the first file of each is mutated."""
    plane = Plane(rows=34, columns=36)
    where = positions(plane, 3, 2.5)
    series = []
    for syntax in (None, RLELossless, JPEGLSLossless, JPEG2000Lossless):
        paths = []
        for number, ds in enumerate(stack_of(plane, where)):
            if syntax is not None:
                ds.compress(syntax, generate_instance_uid=False)
            paths.append(save(ds, folder / str(len(series)) / f"{number}.dcm"))
        series.append(paths)
    series.append([save(enhanced(Plane(), positions(Plane(), 4, 2.0)), folder / "e" / "e.dcm")])
    return series


def _run(folder: Path, count: int, seed: int, oracle: bool) -> None:
    rng = random.Random(seed)
    prepared = []
    for paths in _seeds(folder):
        (truth,) = read_study(paths)
        assert truth.volume is not None
        data = paths[0].read_bytes()
        prepared.append((paths, data, spans_of(data), truth.volume, reread(paths[0])))
    read, intact_seen, refused = 0, 0, Counter[str]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        paths, data, spans, volume, original = prepared[number % len(prepared)] if number % 2 else prepared[0]
        mutant, kind, intact = mutate(data, spans, rng)
        place = folder / "mutant.dcm"
        place.write_bytes(mutant)
        start = time.monotonic()
        study = read_study([place, *paths[1:]])
        assert time.monotonic() - start < 5, (seed, number, kind)
        assert len(study) > 0
        good = [s for s in study if s.volume is not None and s.volume.array.shape == volume.array.shape]
        if oracle and not intact:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                intact = pydicom_agrees(mutant, original)
        if intact:
            intact_seen += 1
            for series in good:
                assert series.volume is not None
                assert np.array_equal(series.volume.array, volume.array), (seed, number, kind)
                assert np.allclose(series.volume.affine, volume.affine, atol=1e-6), (seed, number, kind)
            read += bool(good)
            if not good:
                refused[f"{kind}: {[r.code for s in study for r in s.reasons][-1:]}"] += 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert grown < 1 << 30
    print(f"{count} mutants, {intact_seen} intact, {read} of them read ({read / intact_seen:.1%}), not read {refused}")
    assert read >= 0.95 * intact_seen, refused


def test_mutants(tmp_path: Path) -> None:
    _run(tmp_path, 300, seed=1, oracle=False)


@pytest.mark.slow
def test_twenty_thousand_mutants(tmp_path: Path) -> None:
    _run(tmp_path, 20_000, seed=2, oracle=True)
