"""Freeze: which parts, and what a wrong name gets told."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from medtl.methods.network.freeze import Freeze


def network(*names: str) -> Any:
    return SimpleNamespace(parts=dict.fromkeys(names))


PARTS = network("conv1", "blocks.0", "blocks.1", "pooling", "adaptation", "head")


@pytest.mark.parametrize(
    ("until", "frozen"),
    [
        ("conv1", {"conv1"}),
        ("blocks.0", {"conv1", "blocks.0"}),
        ("all", {"conv1", "blocks.0", "blocks.1"}),
        ("adaptation", {"conv1", "blocks.0", "blocks.1", "pooling", "adaptation"}),
    ],
)
def test_everything_up_to_the_named_part_stands_still(until: str, frozen: set[str]) -> None:
    method = Freeze(until=until)
    assert not method.check(PARTS)
    for progress in (0.0, 0.5, 0.99):
        assert method.pace(PARTS, progress) == dict.fromkeys(frozen, 0.0)


@pytest.mark.parametrize("until", ["block.0", "Blocks.0", "head", "blocks.7"])
def test_an_unknown_part_is_told_with_the_nearest_and_all(until: str) -> None:
    (line,) = Freeze(until=until).check(PARTS)
    assert repr(until) in line
    assert "blocks.1, pooling, adaptation" in line
    if until != "head":
        assert "did you mean 'blocks." in line
