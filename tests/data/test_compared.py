"""Values are computed once, and are those of the function."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medtl.data.compared import Remembered, RememberedPairs


def test_a_value_is_made_once_until_too_much_is_held() -> None:
    made: list[int] = []
    held: Remembered[int] = Remembered(3)
    for key in (1, 2, 1, 3, 2, 1):
        assert held.of(key, lambda key=key: made.append(key) or 10 * key) == 10 * key  # type: ignore[misc]
    assert made == [1, 2, 3]
    held.of(4, lambda: 40)
    assert held.of(1, lambda: made.append(1) or 10) == 10  # type: ignore[func-returns-value]
    assert made == [1, 2, 3, 1]


def test_pairs_are_computed_where_they_are_missing_and_order_counts() -> None:
    asked: list[int] = []
    held = RememberedPairs(100)
    names = [f"scan {i}" for i in range(8)]
    draw = np.random.default_rng(0)
    for _ in range(5):
        ends = np.unique(draw.integers(0, 8, (12, 2)), axis=0)  # pairs come once in a call

        def make(chosen: NDArray[np.int64], ends: NDArray[np.int64] = ends) -> NDArray[np.float64]:
            asked.extend(ends[chosen, 0] * 100 + ends[chosen, 1])
            return ends[chosen, 0] - 0.5 * ends[chosen, 1]

        found = held.of([names[i] for i in ends[:, 0]], [names[i] for i in ends[:, 1]], make)
        np.testing.assert_array_equal(found, ends[:, 0] - 0.5 * ends[:, 1])
    assert len(asked) == len(set(asked))
    small = RememberedPairs(2)
    for _ in range(2):
        values = small.of(names[:4], names[1:5], lambda chosen: chosen.astype(np.float64))
        np.testing.assert_array_equal(values, np.arange(4.0))
