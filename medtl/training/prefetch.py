"""Pairs on the device before they are asked for: the next one is copied while the present one is computed on."""
from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from medtl.data.batches import Batch, Pair


def on_device(pairs: Iterable[Pair], device: torch.device) -> Iterator[Pair]:
    """Moves pairs to a device; on CUDA one ahead, on a stream of its own, which overlaps where memory is pinned.

    Args:
        pairs: of a loader or a bank.
        device: where the network is.

    Returns:
        The same pairs there, in order.
    """
    if device.type != "cuda":
        for pair in pairs:
            yield _moved(pair, device)
        return
    copies = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    ahead: tuple[Pair, torch.cuda.Event] | None = None
    for pair in pairs:
        with torch.cuda.stream(copies):
            moved = _moved(pair, device)
            done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            done.record(copies)
        if ahead is not None:
            yield _ready(*ahead)
        ahead = moved, done
    if ahead is not None:
        yield _ready(*ahead)


def _ready(pair: Pair, done: torch.cuda.Event) -> Pair:
    """Lets the computing stream wait for the copy, and keeps the memory until it has computed."""
    stream = torch.cuda.current_stream()
    stream.wait_event(done)
    for batch in (pair.source, pair.target):
        for name in Batch.__dataclass_fields__ if batch is not None else ():
            getattr(batch, name).record_stream(stream)
    return pair


def _moved(pair: Pair, device: torch.device) -> Pair:
    if device.type == "cpu":
        return pair
    return Pair(pair.source.to(device), None if pair.target is None else pair.target.to(device))
