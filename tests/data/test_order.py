"""Equal shares of every domain, each row once before any row twice."""
from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from medtl.data.order import batches, steps_needed

DOMAINS = {"a": [np.arange(50)], "b": [np.arange(100, 120)], "c": [np.arange(200, 207)]}


def domain(row: int) -> str:
    return "abc"[row // 100]


@pytest.mark.parametrize("size", [6, 16, 7, 2])
def test_shares_are_equal_over_a_batch_or_over_turns(size: int) -> None:
    drawn = list(batches(DOMAINS, size, 30, 0, "fit", 1))
    assert {len(batch) for batch in drawn} == {size}
    for batch in drawn:
        counts = Counter(map(domain, batch))
        assert max(counts.values()) - min(counts.get(name, 0) for name in "abc") <= 1
    total = Counter(domain(row) for batch in drawn for row in batch)
    assert max(total.values()) - min(total.values()) <= 1


def test_steps_cover_every_row_of_the_largest_domain_once_and_smaller_ones_evenly() -> None:
    steps = steps_needed(list(DOMAINS.values()), 12)
    assert steps == 13  # 50 rows at 4 a batch
    counts = Counter(int(row) for batch in batches(DOMAINS, 12, steps, 0) for row in batch)
    for (rows,) in DOMAINS.values():
        drawn = [counts[int(row)] for row in rows]
        assert min(drawn) >= 1
        assert max(drawn) - min(drawn) <= 1


def test_classes_of_a_domain_take_turns() -> None:
    strata = {"a": [np.arange(40), np.arange(100, 105)]}
    assert steps_needed(list(strata.values()), 8) == 10
    for batch in batches(strata, 8, 10, 0):
        assert sum(row >= 100 for row in batch) == 4


def test_order_depends_on_its_names_alone() -> None:
    one, same, other = (np.stack(list(batches(DOMAINS, 9, 5, *names))) for names in ((0, "x"), (0, "x"), (0, "y")))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_longer_epoch_begins_like_a_shorter_one() -> None:
    short, long = (np.stack(list(batches(DOMAINS, 9, steps, 0))) for steps in (3, 20))
    np.testing.assert_array_equal(short, long[:3])
