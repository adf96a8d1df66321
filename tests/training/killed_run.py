"""A run that is killed by SIGKILL at a stated moment, in a process of its own.

It takes a JSON list of attempts: folder, plan, epochs, moment (``step``, ``stage`` or ``write``), and how often that
moment passes before the end; or, with passes of -1, an attempt that is not killed and counts how often. Each attempt is
a child of this process, which has the imports behind it. Nothing of the run is replaced: the kill is added before or in
the middle of what really happens.
"""
from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from toy_cohort import QUICK, cohort_of, plan, run, task_of

from medtl.atomic import atomic
from medtl.training import engine, files, log, movers

COUNTED = [0]
"""How often the moment passed in this process."""


def countdown(passes: int) -> Callable[[], bool]:
    def passed() -> bool:
        COUNTED[0] += 1
        return 0 <= passes < COUNTED[0]

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
    over, write = countdown(passes), files.write_bytes

    def writing(path: Path, content: bytes) -> None:
        if over():
            with atomic(path) as temporary:
                temporary.write_bytes(content[: len(content) // 2])
                die()
        write(path, content)

    files.write_bytes = writing
    log.write_bytes = writing


def attempt(folder: str, name: str, epochs: int, moment: str, passes: int) -> int:
    """Runs in a child; its exit status, negative for the signal that ended it, or how often the moment passed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        KILLS[moment](passes)
        run(Path(folder), plan(name), train=replace(QUICK, epochs=epochs), of=cohort_of(name), task=task_of(name))
        os.write(writing, b"%d" % COUNTED[0])
        os._exit(0)
    os.close(writing)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(reading) as told:
        counted = told.read()
    return int(counted) if passes < 0 and status == 0 else status


KILLS = {"step": kill_within_an_epoch, "stage": kill_between_stages, "write": kill_during_a_write}

if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps([attempt(*arguments) for arguments in json.loads(sys.argv[1])]))
