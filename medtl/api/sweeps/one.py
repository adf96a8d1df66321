"""One run of a sweep, wherever it is executed: the same threads everywhere, and an answer instead of an exception."""
from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medtl.api.sweeps.spec import RunResult, RunSpec
from medtl.config.dump import differences, resolved
from medtl.errors import MedtlError
from medtl.progress import QUIET, Progress
from medtl.run import RunFolder, new_run


class OutOfTime(Exception):
    """The sweep's time is up; the run that is interrupted by it can be resumed."""


class Timed:
    """Passes progress on until a moment, and interrupts the run at the first report after it.

    Args:
        progress: where to report to.
        stop_at: seconds of ``time.time``.
    """

    def __init__(self, progress: Progress, stop_at: float) -> None:
        self._progress, self._stop_at = progress, stop_at

    def start(self, task: str, total: int | None = None) -> None:
        """Passes on."""
        self._check()
        self._progress.start(task, total)

    def advance(self, steps: int = 1) -> None:
        """Passes on."""
        self._check()
        self._progress.advance(steps)

    def finish(self) -> None:
        """Passes on."""
        self._progress.finish()

    def say(self, line: str) -> None:
        """Passes on."""
        self._progress.say(line)

    def _check(self) -> None:
        if time.time() >= self._stop_at:
            raise OutOfTime


@contextmanager
def fixed_threads(threads: int) -> Iterator[None]:
    """Within it, torch and linear algebra use so many threads: the last bits of a sum depend on their number."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)


def found(spec: RunSpec, runs: Path) -> RunResult | None:
    """The result of a run that is finished already, or None.

    Args:
        spec: the run.
        runs: the folder of runs.

    Raises:
        ConfigError: a name that cannot be a folder's.
        RunStateError: the folder holds a run of another config.
    """
    folder = new_run(spec.config, spec.name, runs)
    if not (folder.path / "config.yaml").is_file():
        return None
    if differences(folder.config_as_written(), resolved(spec.config)):
        folder.open_for_training(spec.config)  # says what differs
    return RunResult(spec.name, folder.path, "done", seconds=_took(folder), fresh=False) if folder.is_finished else None


def run_one(
    spec: RunSpec, runs: Path, threads: int, stop_at: float | None = None, progress: Progress = QUIET
) -> RunResult:
    """Trains and judges one run; an error of its own is its result.

    Args:
        spec: the run.
        runs: the folder of runs.
        threads: that computations use.
        stop_at: seconds of ``time.time`` after which it is interrupted, or None.
        progress: where it reports to.

    Returns:
        How it ended.
    """
    from medtl.api.training import train

    begun = time.time()
    path = runs / spec.name
    reported = progress if stop_at is None else Timed(progress, stop_at)
    try:
        with fixed_threads(threads):
            train(spec.config, name=spec.name, out=runs, progress=reported)
    except OutOfTime:
        return RunResult(spec.name, path, "stopped", "time was up", time.time() - begun)
    except MedtlError as error:
        return RunResult(spec.name, path, "failed", "; ".join(error.lines), time.time() - begun)
    except Exception as error:  # one run's fault, whatever it is, must not end the others
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return RunResult(spec.name, path, "failed", f"a fault of medtl: {what}", time.time() - begun)
    return RunResult(spec.name, path, "done", seconds=time.time() - begun)


def _took(folder: RunFolder) -> float:
    told = folder.read_json("provenance.json")
    return float(told.get("seconds", 0.0)) if isinstance(told, dict) else 0.0
