"""Shares of a stratified draw."""
from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from medtl.data.stratify import stratify

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 200), st.integers(3, 200), st.integers(0, 10))
def test_every_class_is_divided_in_the_same_shares(negatives: int, positives: int, seed: int) -> None:
    strata = [0] * negatives + [1] * positives
    splits = stratify(strata, SHARES, np.random.default_rng(seed))
    for value, total in ((0, negatives), (1, positives)):
        counts = Counter(s for s, label in zip(splits, strata, strict=True) if label == value)
        assert all(counts[part] >= 1 for part in SHARES)
        assert all(abs(counts[part] - share * total) < 2 for part, share in SHARES.items())
    if min(negatives, positives) >= 5:
        total = Counter(splits)
        assert all(abs(total[part] - share * len(strata)) <= 1 for part, share in SHARES.items())


def test_strata_too_small_to_divide_are_pooled() -> None:
    splits = stratify([("rare", i) for i in range(20)], SHARES, np.random.default_rng(0))
    assert Counter(splits) == {"train": 12, "val": 4, "test": 4}


def test_only_positions_and_strata_matter() -> None:
    one = stratify(["x"] * 9 + ["y"] * 9, SHARES, np.random.default_rng(1))
    assert one == stratify(["x"] * 9 + ["y"] * 9, SHARES, np.random.default_rng(1))
    assert one != stratify(["x"] * 9 + ["y"] * 9, SHARES, np.random.default_rng(2))
