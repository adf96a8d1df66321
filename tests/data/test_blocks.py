"""Contiguous blocks and the gaps between them."""
from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtl.data.blocks import carved_blocks, sequences, source_blocks, target_blocks


def least_distance(splits: list[str]) -> float:
    """Between units of different splits, by looking at all pairs."""
    used = [(i, s) for i, s in enumerate(splits) if s != "unused"]
    return min((abs(i - j) for i, a in used for j, b in used if a != b), default=np.inf)


@settings(max_examples=40, deadline=None)
@given(st.integers(60, 250), st.integers(3, 8), st.integers(0, 9), st.integers(0, 12))
def test_no_two_splits_are_nearer_than_the_guard(length: int, blocks: int, turn: int, guard: int) -> None:
    assert least_distance(source_blocks(length, blocks, turn, guard)) > guard
    assert least_distance(target_blocks(length, blocks, np.random.default_rng(turn), guard)) > guard


def test_the_test_block_is_whole_and_contiguous_and_turns_are_the_folds() -> None:
    seen = []
    for turn in range(5):
        splits = source_blocks(737, 5, turn, 10)
        test = [i for i, s in enumerate(splits) if s == "test"]
        assert all(b == a + 1 for a, b in pairwise(test))
        seen += test
    assert sorted(seen) == list(range(737))


def test_guard_rows_are_taken_from_training_only_where_training_meets_test() -> None:
    splits = source_blocks(500, 5, 2, 10)  # blocks: train train test val train
    assert splits[190:200] == ["unused"] * 10
    assert splits[200:300] == ["test"] * 100
    assert splits[300:310] == ["unused"] * 10
    assert splits[310:400] == ["val"] * 90
    assert splits[400:410] == ["unused"] * 10
    assert splits.count("unused") == 30


def test_target_halves_hold_one_of_each_pair_of_blocks() -> None:
    splits = target_blocks(1000, 5, np.random.default_rng(0), 0)
    for pair in range(5):
        part = splits[200 * pair: 200 * (pair + 1)]
        assert sorted((part[0], part[-1])) == ["adapt", "test"]
        assert part.count("adapt") == 100


def test_default_guard_leaves_most_of_a_small_file() -> None:
    splits = source_blocks(40, 5, 0, None)
    assert {"train", "val", "test"} <= set(splits)
    assert splits.count("unused") <= 8


def test_carved_blocks_hold_one_part_and_training() -> None:
    splits = carved_blocks(100, 5, 1, 3, "val")
    assert splits[20:40] == ["val"] * 20
    assert splits.count("unused") == 6
    assert splits.count("train") == 74


@pytest.mark.parametrize(("classes", "within", "runs"), [
    ("0011", "auto", 2), ("0101", "auto", 1), ("0101", "class", 2), ("0011", "file", 1), ("0000", "auto", 1),
])
def test_runs_follow_classes_where_the_file_is_sorted_by_class(classes: str, within: str, runs: int) -> None:
    found = sequences(classes, within)
    assert len(found) == runs
    assert sorted(i for run in found for i in run) == list(range(len(classes)))
