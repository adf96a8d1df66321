"""Published splits."""
from __future__ import annotations

import pytest

from medtl.data.policy import SplitPolicy
from medtl.data.published import mapped, without_crossings
from medtl.errors import DataError

ROWS = [("a", "p", 0.0), ("a", "p", 1.0), ("a", "q", 0.0), ("a", "r", 1.0), ("a", "r", 1.0)]


def test_the_cards_mapping_is_applied_and_outsiders_are_noted(make_catalogue) -> None:
    notes: list[str] = []
    catalogue = make_catalogue(ROWS, splits=["train", "val", "test", "", "train"])
    policy = SplitPolicy("published", {"train": "train", "val": "test"})
    assert mapped(catalogue, "a", range(5), policy, notes) == {0: "train", 1: "test", 4: "train"}
    assert notes == ["a: 2 scans outside the published split are not used"]


def test_auto_uses_it_only_where_there_is_one_and_patient_never(make_catalogue) -> None:
    plain, split = make_catalogue(ROWS), make_catalogue(ROWS, splits=["train"] * 5)
    assert mapped(plain, "a", range(5), SplitPolicy(), []) is None
    assert mapped(split, "a", range(5), SplitPolicy(), []) is not None
    assert mapped(split, "a", range(5), SplitPolicy("patient"), []) is None


def test_a_card_that_asks_for_a_split_that_is_not_there_is_told(make_catalogue) -> None:
    with pytest.raises(DataError, match="split column is blank"):
        mapped(make_catalogue(ROWS), "a", range(5), SplitPolicy("published"), [])
    with pytest.raises(DataError, match="no train part"):
        mapped(make_catalogue(ROWS, splits=["test"] * 5), "a", range(5), SplitPolicy(), [])


def test_patients_on_both_sides_leave_the_weaker_one(make_catalogue) -> None:
    catalogue = make_catalogue(ROWS)
    split = ["train", "test", "train", "val", "train"]
    notes = without_crossings(catalogue, "a", range(5), split)
    assert split == ["unused", "test", "train", "val", "unused"]
    (note,) = notes
    assert note.startswith("a: 2 patients are on both sides of the published split; 2 of their scans were moved out")
