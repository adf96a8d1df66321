"""Where the time of a run goes: imports, each task, waiting and computing, and the functions that take most.

``python -m benchmarks.frame.profiled [CONFIG] [--set k=v]... [--cold]`` trains into a folder that is removed
afterwards, with the user's own caches, or with empty ones where it says ``--cold``.
"""
from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.frame.figures import markdown


class Watch:
    """Takes the time of every task that a verb reports, the time between them, and what it says of the feature bank."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, float]] = []
        self.said: list[str] = []
        self._open: list[tuple[str, float]] = []
        self._mark = time.perf_counter()

    def start(self, task: str, total: int | None = None) -> None:
        """A task begins."""
        now = time.perf_counter()
        if not self._open:
            self.tasks.append((f"before: {task}", now - self._mark))
        self._open.append((task, now))

    def advance(self, steps: int = 1) -> None:
        """Nothing."""

    def finish(self) -> None:
        """The innermost task ends."""
        if self._open:
            task, began = self._open.pop()
            self.tasks.append(("  " * len(self._open) + task, time.perf_counter() - began))
            self._mark = time.perf_counter()

    def say(self, line: str) -> None:
        """Keeps what belongs to speed."""
        if line.startswith(("feature bank", "device")):
            self.said.append(line)


def imports() -> tuple[tuple[str, ...], ...]:
    """The packages whose import costs most, by a fresh interpreter: own and all of it."""
    code = "import medtl.api, medtl.api.training, medtl.training.engine"
    told = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, list[float]] = {}
    for line in told.stderr.splitlines():
        own, whole, name = line.removeprefix("import time:").split("|")
        if own.strip().isdigit():
            package = name.strip().partition(".")[0]
            entry = found.setdefault(package, [0.0, 0.0])
            entry[0] += int(own) / 1e6
            entry[1] = max(entry[1], int(whole) / 1e6)
    largest = sorted(found.items(), key=lambda item: -item[1][0])[:8]
    return tuple((name, f"{own:.2f}", f"{whole:.2f}") for name, (own, whole) in largest)


def functions(profile: cProfile.Profile, count: int = 25) -> tuple[tuple[str, ...], ...]:
    """The functions that took most time themselves."""
    stats: Any = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    rows = sorted(((own, whole, calls, where) for where, (_, calls, own, whole, _) in stats.items()), reverse=True)
    chosen = rows[:count]
    return tuple((f"{own:.2f}", f"{whole:.2f}", str(calls), _named(*place)) for own, whole, calls, place in chosen)


def _named(file: str, line: int, name: str) -> str:
    place = Path(file)
    return name if file == "~" else f"{place.parent.name}/{place.name}:{line} {name}"


def epochs(log: Path) -> tuple[tuple[str, ...], ...]:
    """Per stage: epochs, and the seconds of waiting, of steps, and of all else."""
    sums: dict[str, list[float]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        entry = sums.setdefault(record["stage"], [0, 0.0, 0.0, 0.0])
        waited, computed = record["wait_seconds"], record["compute_seconds"]
        for i, value in enumerate((1, waited, computed, record["seconds"] - waited - computed)):
            entry[i] += value
    return tuple((stage, f"{n:.0f}", f"{w:.2f}", f"{c:.2f}", f"{r:.2f}") for stage, (n, w, c, r) in sums.items())


def main(words: Iterable[str] | None = None) -> int:
    """Profiles one run and prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frame.profiled", description=__doc__)
    parser.add_argument("config", nargs="?", default="chest_ct.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="k=v")
    parser.add_argument("--cold", action="store_true", help="begin with empty caches")
    asked = parser.parse_args(None if words is None else list(words))
    print("## Imports\n\n" + markdown(("package", "own seconds", "with what it imports"), imports()), end="\n\n")
    from medtl.api.training import train
    from medtl.config.load import load_config

    with tempfile.TemporaryDirectory(prefix="medtl-profile-") as made:
        if asked.cold:
            os.environ["MEDTL_CACHE"] = str(Path(made) / "cache")
        watch, profile = Watch(), cProfile.Profile()
        config = load_config(asked.config, asked.set)
        began = time.perf_counter()
        profile.enable()
        run = train(config, name="profile", out=Path(made), progress=watch)
        profile.disable()
        seconds = time.perf_counter() - began
        print(f"## A run of {asked.config}: {seconds:.1f} s under the profiler\n")
        print("\n".join(watch.said), end="\n\n")
        print(markdown(("task", "seconds"), tuple((t, f"{s:.2f}") for t, s in watch.tasks if s >= 0.005)), end="\n\n")
        for log in sorted(run.path.glob("**/log.jsonl")):
            head = ("stage", "epochs", "waiting", "steps", "scoring, checkpoints")
            print(f"{log.parent.relative_to(Path(made))}\n\n{markdown(head, epochs(log))}", end="\n\n")
        print("## Functions\n\n" + markdown(("own seconds", "with calls", "calls", "function"), functions(profile)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
