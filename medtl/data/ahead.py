"""The next batches are made while the present one is trained on."""
from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def ahead(things: Iterable[T], depth: int) -> Iterator[T]:
    """Iterates in a background thread, in the same order.

    Args:
        things: made one after the other by the thread.
        depth: how many may wait; 0 makes them in the caller's own thread.

    Returns:
        The things. An error in the thread is raised here; closing the iterator ends the thread.
    """
    if depth <= 0:
        yield from things
        return
    waiting: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(depth)
    stop = threading.Event()

    def put(entry: tuple[T | None, BaseException | None, bool]) -> bool:
        while not stop.is_set():
            try:
                waiting.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for thing in things:
                if not put((thing, None, True)):
                    return
            put((None, None, False))
        except BaseException as error:  # carried over to the consumer
            put((None, error, False))

    thread = threading.Thread(target=work, name="medtl-ahead", daemon=True)
    thread.start()
    try:
        while True:
            thing, error, more = waiting.get()
            if error is not None:
                raise error
            if not more:
                return
            yield thing  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()
