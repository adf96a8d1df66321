"""Jobs over several processes: bounded, interruptible, and surviving a job that kills its process."""
from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_AHEAD = 4
"""Jobs that wait per process: enough to keep it busy, few enough that memory does not grow with the tree."""


def default_workers() -> int:
    """As many processes as this one may use CPUs, at most 8: a disk seldom feeds more."""
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


class Crew:
    """Processes that are started when first needed and kept from pass to pass.

    Args:
        workers: how many; 1 works in this process.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: _Pool | None = None

    def results(
        self, work: Callable[[Job], Result], jobs: Iterable[Job], *, alone: bool = False, harmless: bool = False
    ) -> Iterator[tuple[Job, Result | None]]:
        """Does the jobs.

        Args:
            work: a function of a module, so that another process can import it.
            jobs: taken one by one as processes become free.
            alone: in this process, since the jobs are few.
            harmless: no job can kill its process, so this one lends a hand: from the start, while the others still
                import what they need, and then instead of waiting.

        Yields:
            Each job with its result, in the order of completion; None for a job whose process died twice.
        """
        if alone or self.workers <= 1:
            for job in jobs:
                yield job, work(job)
            return
        queue = iter(jobs)
        running: dict[Future[Result], Job] = {}
        more = True
        while more or running:
            try:
                more = more and self._fill(running, work, queue, wait_for_pool=not harmless)
                idle = harmless and more
                done = wait(running, 0 if idle else None, return_when=FIRST_COMPLETED).done if running else set()
                for future in done:
                    result = future.result()
                    yield running.pop(future), result
                if idle and not done:
                    for own in itertools.islice(queue, 1):
                        yield own, work(own)
            except BrokenProcessPool:  # one job killed its process, and the pool with it
                stranded = list(running.values())
                running.clear()
                self.close()
                yield from _one_by_one(work, stranded)

    def _fill(
        self, running: dict[Future[Result], Job], work: Callable[[Job], Result], queue: Iterator[Job],
        *, wait_for_pool: bool,
    ) -> bool:
        """Hands out jobs until enough wait; False when there are no more."""
        size = self.workers if wait_for_pool else self.workers - 1  # this process is one of the workers
        if self._pool is not None and self._pool.size != size:
            self.close()
        if self._pool is None:
            self._pool = _Pool(size)
        pool = self._pool.ready(wait_for_pool)
        while pool is not None and len(running) < size * _AHEAD:
            try:
                job = next(queue)
            except StopIteration:
                return False
            try:
                running[pool.submit(work, job)] = job
            except BrokenProcessPool:
                running[_broken()] = job
                raise
        return True

    def close(self) -> None:
        """Ends the processes; jobs that wait are dropped."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Pool:
    """Processes that start while whoever wants them may do something else.

    Args:
        size: how many.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._executor = _executor(size)
        self._start = threading.Thread(target=self._first, daemon=True)
        self._start.start()

    def _first(self) -> None:
        with contextlib.suppress(BrokenProcessPool):  # which the first job will meet again
            self._executor.submit(os.getpid)  # returns once the imports are done, most of a second later

    def ready(self, wait: bool) -> ProcessPoolExecutor | None:
        """What takes jobs; None while it starts, unless it is waited for."""
        if wait:
            self._start.join()
        return None if self._start.is_alive() else self._executor

    def close(self) -> None:
        self._start.join()
        self._executor.shutdown(wait=True, cancel_futures=True)


def _broken() -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(BrokenProcessPool())
    return future


def _one_by_one(work: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[tuple[Job, Result | None]]:
    """Tries jobs again, each alone in a process, so that the one that kills is known."""
    crew: ProcessPoolExecutor | None = None
    for job in jobs:
        crew = crew or _executor(1)
        try:
            yield job, crew.submit(work, job).result()
        except BrokenProcessPool:
            crew.shutdown()
            crew = None
            yield job, None
    if crew is not None:
        crew.shutdown()


def _executor(workers: int) -> ProcessPoolExecutor:
    # never a fork of this process: it would copy the locks of whatever thread draws the progress
    server = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if server else "spawn")
    if server:
        context.set_forkserver_preload(["__main__", "medtl.sources.scan.judge"])
    return ProcessPoolExecutor(workers, context, initializer=_quiet)


def _quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
