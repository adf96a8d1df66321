"""A sweep: the same numbers however it is done, nothing done twice, and one run's end not the others'."""
from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medtl.api.sweeps import RunSpec, sweep
from medtl.errors import ConfigError, RunStateError

Runs = Callable[..., list[RunSpec]]
NUMBERS = ("predictions.csv", "model.safetensors")


def numbers(folder: Path) -> dict[str, bytes]:
    return {f"{run.name}/{name}": (run / name).read_bytes()
            for run in sorted((folder / "runs").iterdir()) for name in NUMBERS}


def test_nothing_is_done_twice(work: Path, runs: Runs) -> None:
    first = sweep(runs(0, 1), work / "s", jobs=1)
    assert [(r.name, r.status, r.fresh) for r in first] == [("seed-0", "done", True), ("seed-1", "done", True)]
    before = {path: path.stat().st_mtime_ns for path in (work / "s" / "runs").rglob("*") if path.is_file()}
    assert [r.fresh for r in sweep(runs(0, 1, 2), work / "s", jobs=1)] == [False, False, True]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_run_that_cannot_work_fails_alone_and_is_tried_again(work: Path, runs: Runs) -> None:
    first, second = runs(0, 1)
    manifest = work / "data" / "manifest.csv"
    rows = manifest.read_text()
    wrong = replace(first.config, sites=replace(first.config.sites, source=("nowhere",)))
    results = sweep([RunSpec("odd", wrong), second], work / "s", jobs=1)
    assert [r.status for r in results] == ["failed", "done"]
    assert "no site 'nowhere'" in results[0].reason
    manifest.write_text(rows.replace(",north,", ",nowhere,"))
    assert [(r.status, r.fresh) for r in sweep([RunSpec("odd", wrong)], work / "s", jobs=1)] == [("done", True)]


def test_two_processes_one_of_them_killed_give_the_same_bytes_as_one_process(work: Path, runs: Runs) -> None:
    specs = runs(0, 1, 2, epochs=4)
    killed: list[str] = []

    def kill() -> None:
        begun = work / "s" / "runs" / "seed-0" / "log.jsonl"
        until = time.monotonic() + 300
        while not begun.exists() and time.monotonic() < until:
            time.sleep(0.002)
        holder = int((begun.parent / ".lock").read_text())
        if holder in {child.pid for child in multiprocessing.active_children()}:
            os.kill(holder, signal.SIGKILL)
            killed.append("seed-0")

    thread = threading.Thread(target=kill)
    thread.start()
    results = sweep(specs, work / "s", jobs=2)
    thread.join()
    assert killed == ["seed-0"]
    assert [r.status for r in results] == ["failed", "done", "done"]
    assert "SIGKILL" in results[0].reason
    again = sweep(specs, work / "s", jobs=1)
    assert [(r.status, r.fresh) for r in again] == [("done", True), ("done", False), ("done", False)]
    sweep(specs, work / "whole", jobs=1)
    assert numbers(work / "s") == numbers(work / "whole")


def test_time_that_is_up_stops_a_run_and_it_can_go_on(work: Path, runs: Runs) -> None:
    specs = runs(0, 1)
    stopped = sweep(specs, work / "s", jobs=1, stop_at=time.time())
    assert [r.status for r in stopped] == ["stopped", "stopped"]
    assert [r.status for r in sweep(specs, work / "s", jobs=1)] == ["done", "done"]


def test_what_a_folder_holds_is_not_mixed_with_other_configs_or_threads(work: Path, runs: Runs) -> None:
    specs = runs(0)
    sweep(specs, work / "s", jobs=1)
    other = replace(specs[0], config=replace(specs[0].config, train=replace(specs[0].config.train, epochs=2)))
    with pytest.raises(RunStateError, match=r"train\.epochs: was 1, now 2"):
        sweep([other], work / "s", jobs=1)
    with pytest.raises(RunStateError, match="begun with 1 threads"):
        sweep(specs, work / "s", jobs=1, threads=2)
    with pytest.raises(ConfigError, match="seed-0 stand more than once"):
        sweep([*specs, *specs], work / "s", jobs=1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_ray_gives_the_same_bytes(work: Path, runs: Runs) -> None:
    pytest.importorskip("ray")
    specs = runs(0, 1, 2)
    sweep(specs, work / "one", jobs=1)
    results = sweep(specs, work / "ray", jobs=2, engine="ray")
    assert [(r.status, r.reason) for r in results] == [("done", "")] * 3
    assert numbers(work / "one") == numbers(work / "ray")
