"""Progress: what is shown, in which order, and that nothing is left running."""
from __future__ import annotations

import io

import pytest
from rich.console import Console

from medtl.progress import QUIET, Bars, Lines, Progress, doing, duration, each, terminal_progress


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_report_each_task_at_its_end_and_long_ones_before() -> None:
    out, clock = io.StringIO(), Clock()
    lines = Lines(out, every=20.0, clock=clock)
    lines.start("reading scans", 100)
    for _ in range(50):
        clock.now += 1.0
        lines.advance()
    lines.finish()
    assert out.getvalue().splitlines() == [
        "reading scans: 20/100, about 1 min 20 s left",
        "reading scans: 40/100, about 1 min 00 s left",
        "reading scans: 50/100, 50 s",
    ]


def test_tasks_nest_and_the_innermost_is_advanced() -> None:
    out, clock = io.StringIO(), Clock()
    lines = Lines(out, clock=clock)
    with doing(lines, "epochs", 2) as shown:
        assert list(each(lines, "batches", [1, 2, 3])) == [1, 2, 3]
        shown.advance()
    assert out.getvalue().splitlines() == ["batches: 3/3, 0.0 s", "epochs: 1/2, 0.0 s"]


def test_a_task_ends_on_errors_too() -> None:
    out = io.StringIO()
    lines = Lines(out)
    with pytest.raises(RuntimeError), doing(lines, "epochs", 2):
        raise RuntimeError
    assert out.getvalue().startswith("epochs: 0/2")
    lines.advance()  # nothing runs: nothing happens
    lines.finish()


def test_bars_print_facts_without_reading_them_as_markup() -> None:
    out = io.StringIO()
    bars = Bars(Console(file=out, force_terminal=False, width=60))
    with doing(bars, "reading [scans]", 3) as shown:
        shown.advance(2)
        bars.say("refused [3]: truncated")
    assert "refused [3]: truncated" in out.getvalue()
    assert bars._bars is None


def test_an_interrupted_display_is_put_away() -> None:
    out = io.StringIO()
    bars = Bars(Console(file=out, force_terminal=True, width=60))
    bars.start("training", None)
    bars.start("epochs", 3)
    bars.close()
    assert bars._bars is None
    assert out.getvalue().count("\x1b[?25h") >= 1  # the cursor is shown again
    with terminal_progress() as shown:
        assert isinstance(shown, Lines)  # pytest's stderr is no terminal


def test_quiet_is_a_progress() -> None:
    quiet: Progress = QUIET
    with doing(None, "anything") as shown:
        assert shown is quiet


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1.0, "0.0 s"), (0.44, "0.4 s"), (12.2, "12 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations_read_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words
