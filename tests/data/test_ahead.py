"""Batches made ahead are the same batches."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from medtl.data.ahead import made_ahead


def tasks(count: int, made: list[int] | None = None, pause: float = 0.0) -> Iterator[Callable[[], int]]:
    def one(i: int) -> int:
        time.sleep(pause * (i % 3))
        if made is not None:
            made.append(i)
        return i

    return (partial(one, i) for i in range(count))


@pytest.mark.parametrize(("depth", "workers"), [(0, 1), (1, 1), (3, 1), (4, 4)])
def test_order_and_number_stay(depth: int, workers: int) -> None:
    assert list(made_ahead(tasks(50, pause=0.001), depth, workers)) == list(range(50))


def test_several_workers_make_several_at_once() -> None:
    together = threading.Barrier(3, timeout=5)
    assert len(list(made_ahead((together.wait for _ in range(6)), 3, 3))) == 6


def test_no_more_than_depth_and_one_are_made_before_they_are_asked_for() -> None:
    made: list[int] = []
    iterator = made_ahead(tasks(100, made), 2)
    next(iterator)
    time.sleep(0.3)
    assert len(made) <= 3
    iterator.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("depth", [0, 2])
def test_an_error_is_raised_where_the_thing_was_due(depth: int) -> None:
    def fails() -> int:
        raise OSError("disk")

    iterator = made_ahead([lambda: 1, fails, lambda: 2], depth)
    assert next(iterator) == 1
    with pytest.raises(OSError, match="disk"):
        next(iterator)


def test_leaving_early_ends_the_threads() -> None:
    before = threading.active_count()
    for thing in made_ahead(tasks(10**6), 2):
        assert thing == 0
        break
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() == before
