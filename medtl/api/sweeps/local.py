"""Runs on processes of this machine: started once, fed one run after another, replaced when they die."""
from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from medtl.api.sweeps.one import run_one
from medtl.api.sweeps.spec import RunResult, RunSpec


def in_processes(
    runs: Sequence[RunSpec], folder: Path, jobs: int, threads: int, stop_at: float | None
) -> Iterator[RunResult]:
    """Does the runs on so many processes.

    Args:
        runs: in the order in which they are begun.
        folder: of the runs.
        jobs: processes.
        threads: of each.
        stop_at: seconds of ``time.time`` after which no run is begun and running ones are interrupted, or None.

    Yields:
        Each run's result as it ends; a run whose process died has failed, and the others go on.
    """
    waiting = deque(runs)
    crew: list[_Worker] = []
    try:
        for _ in range(min(jobs, len(runs))):
            crew.append(_Worker.started(threads))
            crew[-1].give(waiting.popleft(), folder, stop_at)
        while crew:
            for connection in wait([worker.connection for worker in crew]):
                worker = next(w for w in crew if w.connection is connection)
                result = worker.answer(folder)
                if not worker.process.is_alive():
                    crew.remove(worker)
                    if waiting:
                        worker = _Worker.started(threads)
                        crew.append(worker)
                if waiting:
                    worker.give(waiting.popleft(), folder, stop_at)
                elif worker in crew:
                    crew.remove(worker)
                    worker.dismiss()
                yield result
    finally:
        for worker in crew:
            worker.process.terminate()
        for worker in crew:
            worker.process.join()


@dataclass
class _Worker:
    """A process, the line to it, and what it is at."""

    process: Any
    connection: Connection[Any, Any]
    spec: RunSpec | None = None

    @classmethod
    def started(cls, threads: int) -> _Worker:
        context = multiprocessing.get_context("spawn")  # a fork would copy locks held by threads of this process
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, threads), daemon=True)
        process.start()
        theirs.close()
        return cls(process, ours)

    def give(self, spec: RunSpec, folder: Path, stop_at: float | None) -> None:
        self.spec = spec
        with suppress(OSError):  # it died: the answer says so
            self.connection.send((spec, folder, stop_at))

    def answer(self, folder: Path) -> RunResult:
        assert self.spec is not None
        try:
            result: RunResult = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            return RunResult(self.spec.name, folder / self.spec.name, "failed", _ended(self.process.exitcode))
        return result

    def dismiss(self) -> None:
        with suppress(OSError):
            self.connection.send(None)
        self.process.join()


def _ended(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", as the system does when memory runs out; try fewer --jobs" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended with exit code {code}"


def _serve(connection: Connection[Any, Any], threads: int) -> None:
    """What a worker does until it is told to stop or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            order = connection.recv()
        except (EOFError, OSError):
            return
        if order is None:
            return
        spec, folder, stop_at = order
        connection.send(run_one(spec, folder, threads, stop_at))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
