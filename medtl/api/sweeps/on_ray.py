"""Runs on a Ray cluster; the sweep's folder lies on a file system that all its machines share."""
from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from medtl.api.sweeps.one import run_one
from medtl.api.sweeps.spec import RunResult, RunSpec
from medtl.errors import ConfigError


def on_ray(
    runs: Sequence[RunSpec], folder: Path, jobs: int | None, threads: int, stop_at: float | None
) -> Iterator[RunResult]:
    """Does the runs as Ray tasks.

    A cluster that this process is connected to is used; else the one that ``RAY_ADDRESS`` names; else a local one is
    started, and stopped in the end.

    Args:
        runs: in the order in which they are begun.
        folder: of the runs, an absolute path that means the same on every machine.
        jobs: CPUs of a local cluster that is started here; all if None.
        threads: of each run, which are the CPUs that Ray reserves for it.
        stop_at: seconds of ``time.time`` after which running ones are interrupted, or None.

    Yields:
        Each run's result as it ends.

    Raises:
        ConfigError: Ray is not installed, or the cluster cannot be reached.
    """
    ray = _imported()
    own = not ray.is_initialized()
    if own:
        _connect(ray, None if jobs is None else jobs * threads)
    try:
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        task = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=0)(_task)
        pending = {task.remote(spec, str(folder), threads, stop_at, _surroundings()): spec for spec in runs}
        while pending:
            (ready, *_), _ = ray.wait(list(pending), num_returns=1)
            spec = pending.pop(ready)
            try:
                result = ray.get(ready)
            except ray.exceptions.RayError as error:
                reason = f"its Ray worker was lost: {' '.join(str(error).split())[:300]}"
                result = RunResult(spec.name, folder / spec.name, "failed", reason)
            yield result
    finally:
        if own:
            ray.shutdown()


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--engine ray: Ray is not installed; `pip install medtl[ray]`, or --engine local") from error
    return ray


def _connect(ray: Any, cpus: int | None) -> None:
    address = os.environ.get("RAY_ADDRESS")
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
    try:
        if address:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        else:
            ray.init(num_cpus=cpus, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(f"--engine ray: no cluster at {address or 'this machine'}: {error}") from error


def _surroundings() -> tuple[str, dict[str, str]]:
    """What a task must have from here: the working folder, and medtl's own settings."""
    return str(Path.cwd()), {name: value for name, value in os.environ.items() if name.startswith("MEDTL_")}


def _task(
    spec: RunSpec, folder: str, threads: int, stop_at: float | None, around: tuple[str, dict[str, str]]
) -> RunResult:
    here, settings = around
    with suppress(OSError):  # a machine that lacks the folder reads the user's own salt
        os.chdir(here)
    os.environ.update(settings)
    return run_one(spec, Path(folder), threads, stop_at)
