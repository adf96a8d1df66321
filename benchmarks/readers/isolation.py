"""A reader in a process of its own: bounded in memory and time, so that a crash is an answer like another."""
from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as Late
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from benchmarks.readers.calls import READERS
from benchmarks.readers.judging import Outcome, judge
from tests.io.dicom.corpus import Expected

MEMORY, SECONDS = 6 << 30, 120.0


def answer(reader: str, root: Path, expected: Expected) -> Outcome:
    """Reads one corpus series here and judges what came back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning beside a wrong volume does not make it right
        try:
            images = READERS[reader](root, expected.path or root, expected.options)
        except Exception:
            images = None
    return judge(images, expected)


def answers(reader: str, corpus: dict[str, tuple[Path, Expected]]) -> dict[str, Outcome]:
    """Reads the corpus with one reader.

    Args:
        reader: its name.
        corpus: folder and truth by the name of the series.

    Returns:
        Outcomes by name; a process that dies or hangs counts as a refusal.
    """
    found: dict[str, Outcome] = {}
    pool = _pool()
    for name, (root, expected) in corpus.items():
        try:
            found[name] = pool.submit(answer, reader, root, expected).result(SECONDS)
        except (BrokenProcessPool, Late):
            found[name] = judge(None, expected)
            for process in list(getattr(pool, "_processes", {}).values()):
                process.kill()
            pool.shutdown(cancel_futures=True)
            pool = _pool()
    pool.shutdown()
    return found


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_bounded)


def _bounded() -> None:
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    silent = os.open(os.devnull, os.O_WRONLY)  # ITK and GDCM write to the terminal from C++
    os.dup2(silent, 2)
    os.close(silent)
