"""Messages stay short."""
from __future__ import annotations

from medtl.sources.base import at_most_ten


def test_few_lines_stay_and_many_are_counted() -> None:
    assert at_most_ten(["x"] * 10) == ("x",) * 10
    assert at_most_ten([str(i) for i in range(13)]) == (*map(str, range(9)), "and 4 more")
