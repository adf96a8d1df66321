"""One benchmark in a process of its own, where no other has left threads, caches or memory behind."""
from __future__ import annotations

import importlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

from benchmarks.frame.figures import Row


def measure(name: str, quick: bool) -> tuple[str, list[Row]]:
    """Runs one benchmark here: what it says of itself, and its rows."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler writes to the terminal otherwise
    module = importlib.import_module(f"benchmarks.{name}")
    return (module.__doc__ or "").strip(), module.run(quick)


def in_process(name: str, quick: bool) -> tuple[str, list[Row]]:
    """Runs one benchmark in a fresh process.

    Args:
        name: a module of ``benchmarks``.
        quick: a dry run.

    Returns:
        What the benchmark says of itself, and its rows.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, name, quick).result()
