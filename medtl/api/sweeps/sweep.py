"""The sweep itself: what is finished is kept, the rest is done in any order, and each end is written down."""
from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from medtl.api.sweeps.one import found, run_one
from medtl.api.sweeps.spec import RunResult, RunSpec
from medtl.atomic import write_json
from medtl.config.dump import config_digest, resolved
from medtl.errors import ConfigError, MedtlError, RunStateError
from medtl.progress import QUIET, Progress, doing, duration
from medtl.run import RunFolder

Engine: TypeAlias = Literal["local", "ray"]
RUNS = "runs"
"""The folder of runs within the sweep's."""
STATE = "sweep.json"


def sweep(
    runs: Sequence[RunSpec],
    folder: Path,
    jobs: int | None = None,
    engine: Engine = "local",
    *,
    threads: int = 1,
    stop_at: float | None = None,
    progress: Progress | None = None,
) -> tuple[RunResult, ...]:
    """Does independent runs, each an ordinary run folder under ``folder/runs``; the same call goes on where it stopped.

    A run that is finished is never done again, one that was cut off resumes, one that failed is tried again. The
    numbers do not depend on the engine or on the number of jobs, since every run computes with the same threads.

    Args:
        runs: the runs, with names of their own.
        folder: of the sweep; created if missing.
        jobs: processes at once; the CPUs divided by the threads if None, one where there is a GPU. One job works in
            this process.
        engine: local processes, or a Ray cluster.
        threads: of each run.
        stop_at: seconds of ``time.time`` at which whatever still runs is interrupted, or None.
        progress: where it reports to.

    Returns:
        A result per run, in the order of ``runs``.

    Raises:
        ConfigError: two runs of one name, or an engine that is not there.
        RunStateError: the folder holds another sweep's runs, was begun with other threads, or is in use.
    """
    progress = progress or QUIET
    names = [spec.name for spec in runs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"sweep: the runs {', '.join(twice)} stand more than once; each needs a name of its own")
    place = RunFolder(folder.resolve())
    below = place.path / RUNS
    with place.locked():
        _same_threads(place, threads)
        done = {spec.name: result for spec in runs if (result := found(spec, below)) is not None}
        waiting = [spec for spec in runs if spec.name not in done]
        _note(place, runs, threads, done)
        if done and waiting:
            progress.say(f"{len(done)} of {len(runs)} runs are finished already")
        with doing(progress, "runs", len(runs)):
            progress.advance(len(done))
            for result in _results(waiting, below, jobs, engine, threads, stop_at, progress):
                done[result.name] = result
                progress.advance()
                progress.say(f"{len(done)}/{len(runs)} {in_words(result)}")
                _note(place, runs, threads, done)
    return tuple(done[name] for name in names)


def in_words(result: RunResult) -> str:
    """How a run ended, in one line."""
    if result.status == "done":
        return f"{result.name}: {duration(result.seconds)}"
    return f"{result.name}: {result.status}: {result.reason}"


def default_jobs(threads: int) -> int:
    """As many processes as this one's CPUs carry; one where a GPU is there, which runs would have to share."""
    import torch

    if torch.cuda.is_available():
        return 1
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cpus // threads)


def _results(
    waiting: Sequence[RunSpec], folder: Path, jobs: int | None, engine: Engine, threads: int, stop_at: float | None,
    progress: Progress,
) -> Iterator[RunResult]:
    if not waiting:
        return
    if engine == "ray":
        from medtl.api.sweeps.on_ray import on_ray

        yield from on_ray(waiting, folder, jobs, threads, stop_at)
        return
    count = min(jobs or default_jobs(threads), len(waiting))
    if count == 1:
        for spec in waiting:
            if stop_at is not None and time.time() >= stop_at:
                yield RunResult(spec.name, folder / spec.name, "stopped", "time was up")
            else:
                yield run_one(spec, folder, threads, stop_at)
        return
    from medtl.api.sweeps.local import in_processes

    _warm(waiting, progress)
    yield from in_processes(waiting, folder, count, threads, stop_at)


def _warm(waiting: Sequence[RunSpec], progress: Progress) -> None:
    """Fills the cache with the scans that the runs read, so that no two processes simulate or decode the same ones."""
    from medtl.api.assemble import assemble

    seen: list[Any] = []
    for spec in waiting:
        key = (resolved(spec.config)["data"], spec.config.data.root)
        if key not in seen:
            seen.append(key)
            try:
                with doing(progress, "reading the scans once for all runs"):
                    assemble(spec.config, QUIET)
            except MedtlError:
                continue  # the run that meets it says so


def _same_threads(place: RunFolder, threads: int) -> None:
    if (place.path / STATE).is_file():
        before = place.read_json(STATE).get("threads")
        if before != threads:
            raise RunStateError(f"{place.path}: begun with {before} threads per run, now {threads}; the numbers would "
                                f"not be the same, so go on with {before} or take another folder")


def _note(place: RunFolder, runs: Sequence[RunSpec], threads: int, done: dict[str, RunResult]) -> None:
    write_json(place.path / STATE, {
        "format": 1, "threads": threads,
        "runs": [{**(done[spec.name].as_json() if spec.name in done else {"name": spec.name, "status": "waiting"}),
                  "config_digest": config_digest(spec.config)} for spec in runs],
    })
