from __future__ import annotations

from medtl.functional.patients import numbered


def test_numbers_follow_the_rows_and_not_the_names() -> None:
    assert numbered(["b", "a", "b", "c"]).tolist() == [0, 1, 0, 2]
    assert numbered(["x", "y", "x", "a"]).tolist() == [0, 1, 0, 2]
    assert numbered([]).tolist() == []
