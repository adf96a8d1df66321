"""A run that is killed by SIGKILL at a stated moment, in a process of its own.

Arguments: folder, plan, epochs, moment (``step``, ``stage``, ``write`` or ``never``), and how often the moment passes
before the end. Nothing of the run is replaced: the kill is added before or in the middle of what really happens.
"""
from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from toy_cohort import QUICK, plan, run

from medtl.training import engine, files, log, movers


def countdown(passes: int) -> Callable[[], bool]:
    left = [passes]

    def passed() -> bool:
        left[0] -= 1
        return left[0] < 0

    return passed


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_within_an_epoch(passes: int) -> None:
    over, move = countdown(passes), movers.Mover.move

    def moving(self: Any, *args: Any) -> None:
        move(self, *args)
        if over():
            die()

    movers.Mover.move = moving  # type: ignore[method-assign]


def kill_between_stages(passes: int) -> None:
    over, answer = countdown(passes), engine._answer

    def answering(*args: Any) -> Any:
        if over():
            die()
        reply = answer(*args)
        if over():
            die()
        return reply

    engine._answer = answering


def kill_during_a_write(passes: int) -> None:
    over, write = countdown(passes), files.write_atomically

    def writing(path: Path, content: bytes) -> None:
        if over():
            path.with_name(path.name + files.UNFINISHED).write_bytes(content[: len(content) // 2])
            die()
        write(path, content)

    files.write_atomically = writing
    log.write_atomically = writing


if __name__ == "__main__":
    folder, name, epochs, moment, passes = sys.argv[1:]
    torch.set_num_threads(1)
    kills = {"step": kill_within_an_epoch, "stage": kill_between_stages, "write": kill_during_a_write}
    if moment in kills:
        kills[moment](int(passes))
    run(Path(folder), plan(name), train=replace(QUICK, epochs=int(epochs)))
