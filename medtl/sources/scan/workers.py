"""Jobs over several processes: bounded, interruptible, and surviving a job that kills its process."""
from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_AHEAD = 3
"""Jobs that wait per process: enough to keep it busy, few enough that memory does not grow with the tree."""


def default_workers() -> int:
    """As many processes as this one may use CPUs, at most 8: a disk seldom feeds more."""
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


def results(work: Callable[[Job], Result], jobs: Iterable[Job], workers: int) -> Iterator[tuple[Job, Result | None]]:
    """Does the jobs, in this process or in several.

    Args:
        work: a function of a module, so that another process can import it.
        jobs: taken one by one as processes become free.
        workers: 1 for this process.

    Yields:
        Each job with its result, in the order of completion; None for a job whose process died twice.
    """
    if workers <= 1:
        for job in jobs:
            yield job, work(job)
        return
    queue = iter(jobs)
    stranded: list[Job] = []
    while True:
        running: dict[Future[Result], Job] = {}
        pool = _pool(workers)
        try:
            for job in stranded:
                yield job, _alone(work, job)
            stranded = []
            more = True
            while more or running:
                while more and len(running) < workers * _AHEAD:
                    try:
                        job = next(queue)
                    except StopIteration:
                        more = False
                        break
                    running[pool.submit(work, job)] = job
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    result = done.result()
                    yield running.pop(done), result
            return
        except BrokenProcessPool:
            stranded = [*running.values()]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _alone(work: Callable[[Job], Result], job: Job) -> Result | None:
    with _pool(1) as pool:
        try:
            return pool.submit(work, job).result()
        except BrokenProcessPool:
            return None


def _pool(workers: int) -> ProcessPoolExecutor:
    # a fresh interpreter: a fork would copy the locks of whatever thread draws the progress
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_quiet)


def _quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
