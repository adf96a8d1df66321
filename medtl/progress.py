"""What a long verb tells its user: what it is doing, how far it is, and when it will end.

Whoever works calls :class:`Progress`; whoever called decides what is shown: nothing (:class:`Quiet`), lines for a log
file (:class:`Lines`), or bars in a terminal (:class:`Bars`). Tasks nest: what is started last is advanced and finished
first.
"""
from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, Protocol, TextIO, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Where a verb reports to."""

    def start(self, task: str, total: int | None = None) -> None:
        """Begins a task, such as "reading scans", of so many steps (None: unknown)."""

    def advance(self, steps: int = 1) -> None:
        """So many more steps of the innermost task are done."""

    def finish(self) -> None:
        """Ends the innermost task."""

    def say(self, line: str) -> None:
        """Tells the user one fact, in one line."""


class Quiet:
    """Shows nothing."""

    def start(self, task: str, total: int | None = None) -> None:
        """Nothing."""

    def advance(self, steps: int = 1) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """Nothing."""


QUIET = Quiet()
"""The default of every verb of the Python API."""


class Lines:
    """Plain lines, for log files and pipes: each task at its end, and once in a while before.

    Args:
        out: where to; the process's stderr if None.
        every: seconds between two lines about one task.
        clock: seconds, monotonic.
    """

    def __init__(
        self, out: TextIO | None = None, every: float = 20.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out
        self._every = every
        self._clock = clock
        self._tasks: list[_Task] = []

    def start(self, task: str, total: int | None = None) -> None:
        """Remembers the task; its line comes when it ends, or after a while."""
        now = self._clock()
        self._tasks.append(_Task(task, total, now, now))

    def advance(self, steps: int = 1) -> None:
        """Counts, and prints a line if the last one is long ago."""
        if not self._tasks:
            return
        task = self._tasks[-1]
        task.done += steps
        now = self._clock()
        if now - task.said >= self._every:
            task.said = now
            self.say(task.line(now))

    def finish(self) -> None:
        """Prints what was done and how long it took."""
        if self._tasks:
            task = self._tasks.pop()
            count = f"{task.done}/{task.total}, " if task.total else (f"{task.done}, " if task.done else "")
            self.say(f"{task.name}: {count}{duration(self._clock() - task.begun)}")

    def say(self, line: str) -> None:
        """Prints the line."""
        print(line, file=self._out or sys.stderr, flush=True)


class _Task:
    def __init__(self, name: str, total: int | None, begun: float, said: float) -> None:
        self.name, self.total, self.begun, self.said, self.done = name, total, begun, said, 0

    def line(self, now: float) -> str:
        if not self.total:
            return f"{self.name}: {self.done}"
        left = (now - self.begun) / max(self.done, 1) * (self.total - self.done)
        return f"{self.name}: {self.done}/{self.total}, about {duration(left)} left"


class Bars:
    """Bars in a terminal, one per running task, each with the time that is left.

    Args:
        console: a ``rich.console.Console``; one on stderr if None.
    """

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console

        self._console = console or Console(stderr=True)
        self._bars: Any = None
        self._tasks: list[Any] = []

    def start(self, task: str, total: int | None = None) -> None:
        """Adds a bar under those that run."""
        if self._bars is None:
            self._bars = self._display()
            self._bars.start()
        self._tasks.append(self._bars.add_task(_escape(task), total=total))

    def _display(self) -> Any:
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        )
        return RichProgress(*columns, console=self._console, transient=True)

    def advance(self, steps: int = 1) -> None:
        """Moves the innermost bar."""
        if self._tasks:
            self._bars.advance(self._tasks[-1], steps)

    def finish(self) -> None:
        """Removes the innermost bar."""
        if self._tasks:
            self._bars.remove_task(self._tasks.pop())
        if not self._tasks and self._bars is not None:
            self._bars.stop()
            self._bars = None

    def close(self) -> None:
        """Ends whatever still runs."""
        while self._tasks:
            self.finish()

    def say(self, line: str) -> None:
        """Prints the line above the bars."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


@contextmanager
def doing(progress: Progress | None, task: str, total: int | None = None) -> Iterator[Progress]:
    """A task for the length of a ``with`` block; it ends on errors too. None is :data:`QUIET`."""
    shown = progress or QUIET
    shown.start(task, total)
    try:
        yield shown
    finally:
        shown.finish()


def each(progress: Progress | None, task: str, things: Iterable[T], total: int | None = None) -> Iterator[T]:
    """The things one by one, as the steps of a task; ``total`` is needed only if they have no length."""
    count = len(things) if total is None and isinstance(things, Sized) else total
    with doing(progress, task, count) as shown:
        for thing in things:
            yield thing
            shown.advance()


def duration(seconds: float) -> str:
    """A time span for people: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


@contextmanager
def terminal_progress() -> Iterator[Progress]:
    """Bars if stderr is a terminal, else lines; however the block ends, the terminal is left as it was."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    bars = Bars()
    try:
        yield bars
    finally:
        bars.close()
