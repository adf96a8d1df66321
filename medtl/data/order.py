"""Which rows stand in which batch: equal shares of every domain, each row once before any row twice."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from medtl.data.seeds import generator

Strata = Sequence[NDArray[np.int64]]
"""Rows of one domain, in the groups that take turns: one group, or one per class."""


def steps_needed(domains: Sequence[Strata], batch_size: int) -> int:
    """Batches until every row of every domain has been drawn.

    Args:
        domains: rows per domain and group.
        batch_size: rows of all domains in a batch.

    Returns:
        The least number; 0 without rows.
    """
    needs = [len(rows) * len(strata) * len(domains) / batch_size for strata in domains for rows in strata]
    return ceil(max(needs, default=0.0) - 1e-9)


def batches(
    domains: Mapping[str, Strata], batch_size: int, steps: int, *names: str | int
) -> Iterator[NDArray[np.int64]]:
    """Rows of each batch.

    A batch has an equal share of every domain; where the size does not divide, the domains take turns with one more.
    Smaller domains, and all of them when an epoch goes on, begin again in another order.

    Args:
        domains: rows per domain and group; the groups of a domain take turns.
        batch_size: rows per batch, the same for all.
        steps: batches.
        names: what the order is for, such as (seed, stage, epoch).

    Returns:
        Batches of positions, int64, (batch_size,).
    """
    streams = [_turns(strata, domain, names) for domain, strata in domains.items()]
    count = len(streams)
    share, extra = divmod(batch_size, count)
    first = 0
    for _ in range(steps):
        more = {(first + i) % count for i in range(extra)}
        first = (first + extra) % count
        chosen = [  # interleaved, so that parts of a batch are balanced too
            next(stream) for turn in range(share + 1) for i, stream in enumerate(streams) if turn < share or i in more
        ]
        yield np.array(chosen, dtype=np.int64)


def _turns(strata: Strata, domain: str, names: Sequence[str | int]) -> Iterator[int]:
    streams = [_cycles(rows, (*names, domain, group)) for group, rows in enumerate(strata)]
    while True:
        for stream in streams:
            yield next(stream)


def _cycles(rows: NDArray[np.int64], names: Sequence[str | int]) -> Iterator[int]:
    cycle = 0
    while True:
        yield from (int(row) for row in generator(*names, cycle).permutation(rows))
        cycle += 1
