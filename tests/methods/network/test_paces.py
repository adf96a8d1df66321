"""Gradual unfreezing and layer-wise rates: who moves when, and how fast."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from medtl.methods.network.gradual_unfreeze import GradualUnfreeze
from medtl.methods.network.layerwise_lr import LayerwiseLr

PARTS: Any = SimpleNamespace(parts=dict.fromkeys(("conv1", "blocks.0", "blocks.1", "conv_head", "adaptation", "head")))


def test_parts_join_from_the_back_at_equal_steps_of_progress() -> None:
    method = GradualUnfreeze(over=0.8)
    still = {epoch: set(method.pace(PARTS, epoch / 10)) for epoch in range(10)}
    front = {"conv1", "blocks.0", "blocks.1"}
    assert still[0] == still[1] == {*front, "conv_head"}
    assert still[2] == still[3] == front
    assert still[4] == still[5] == {"conv1", "blocks.0"}
    assert still[6] == still[7] == {"conv1"}
    assert still[8] == still[9] == set()


def test_a_part_that_joined_never_stops_again_and_the_head_always_moves() -> None:
    method = GradualUnfreeze()
    before = set(PARTS.parts)
    for epoch in range(37):
        now = set(method.pace(PARTS, epoch / 37))
        assert now <= before
        assert not now & {"adaptation", "head"}
        before = now
    assert not before


def test_rates_shrink_by_the_same_factor_from_part_to_part() -> None:
    pace = LayerwiseLr(decay=0.5).pace(PARTS, 0.3)
    assert pace == {"conv_head": 0.5, "blocks.1": 0.25, "blocks.0": 0.125, "conv1": 0.0625}
    assert set(LayerwiseLr(decay=1.0).pace(PARTS, 0.0).values()) == {1.0}


@pytest.mark.parametrize("wrong", [0.0, 1.0, -1.0])
def test_options_out_of_range_are_refused(wrong: float) -> None:
    with pytest.raises(ValidationError):
        GradualUnfreeze(over=wrong)
    with pytest.raises(ValidationError):
        LayerwiseLr(decay=wrong if wrong < 1 else 1.5)
