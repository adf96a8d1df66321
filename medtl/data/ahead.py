"""The next batches are made while the present one is trained on."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def made_ahead(tasks: Iterable[Callable[[], T]], depth: int, workers: int = 1) -> Iterator[T]:
    """Runs tasks in background threads and gives their results in order.

    Args:
        tasks: independent of one another; asked for from the caller's thread.
        depth: how many may be under way or waiting; 0 runs each when it is asked for.
        workers: threads.

    Returns:
        The results. An error of a task is raised at its place; closing the iterator drops tasks that have not begun.
    """
    if depth <= 0:
        for task in tasks:
            yield task()
        return
    left = iter(tasks)
    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="medtl-ahead")
    try:
        waiting: deque[Future[T]] = deque(pool.submit(task) for task in islice(left, depth))
        while waiting:
            done = waiting.popleft()
            result = done.result()
            waiting.extend(pool.submit(task) for task in islice(left, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
