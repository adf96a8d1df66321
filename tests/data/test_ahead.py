"""Batches made ahead are the same batches."""
from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from medtl.data.ahead import ahead


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_order_and_number_stay(depth: int) -> None:
    assert list(ahead(range(50), depth)) == list(range(50))


def test_no_more_than_depth_and_one_are_made_before_they_are_asked_for() -> None:
    made = []

    def things() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    iterator = ahead(things(), 2)
    next(iterator)
    time.sleep(0.3)
    assert len(made) <= 5
    iterator.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("depth", [0, 2])
def test_an_error_is_raised_where_the_thing_was_due(depth: int) -> None:
    def things() -> Iterator[int]:
        yield 1
        raise OSError("disk")

    iterator = ahead(things(), depth)
    assert next(iterator) == 1
    with pytest.raises(OSError, match="disk"):
        next(iterator)


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()
    for thing in ahead(iter(int, 1), 2):
        assert thing == 0
        break
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() == before
