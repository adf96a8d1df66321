"""Axes: where points fall, round ticks, and escaped words."""
from __future__ import annotations

import pytest

from medtl.evaluation.report.svg import Axes, ticks


def test_corners_of_the_range_are_corners_of_the_box() -> None:
    axes = Axes(200, 100, (0, 10), (-1, 1), left=20, bottom=30, top=5, right=10)
    assert axes.at(0, -1) == (20, 70)
    assert axes.at(10, 1) == (190, 5)
    assert axes.at(5, 0) == pytest.approx((105, 37.5))
    assert axes.at(99, -9) == (190, 70)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.37, 0.92), (-3.0, 4000.0), (2.0, 2.0), (1e-9, 3e-9)])
def test_ticks_are_round_and_within(low: float, high: float) -> None:
    found = ticks(low, high)
    assert all(low - 1e-9 * abs(low) <= tick <= high + 1e-9 * abs(high) or low == high for tick in found)
    assert 1 <= len(found) <= 8


def test_words_are_escaped() -> None:
    axes = Axes(200, 100, (0, 1), (0, 1))
    drawn = axes.svg([axes.frame("<x>", "a & b", [0], [0])], 'a "title"')
    assert "<x>" not in drawn
    assert "&lt;x&gt;" in drawn
    assert "a &amp; b" in drawn
    assert "&#34;title&#34;" in drawn
