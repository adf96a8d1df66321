"""Stretches of epochs behind one boundary."""
from __future__ import annotations

from itertools import pairwise

import pytest
from toy_cohort import small_model

from medtl.methods.network.gradual_unfreeze import GradualUnfreeze
from medtl.training.moves import paces
from medtl.training.phases import phases

ENCODER = ("conv1", "bn1", "blocks.0", "blocks.1", "conv_head")


def stretches(plan: list[dict[str, float]]) -> list[tuple[int, int, int]]:
    return [(one.start, one.stop, len(one.still)) for one in phases(small_model(), plan)]


def frozen(count: int) -> dict[str, float]:
    return {name: float(name not in ENCODER[:count]) for name in small_model().parts}


@pytest.mark.parametrize(("depths", "expected"), [
    ([5, 5, 5], [(0, 3, 5)]),
    ([0, 0, 0], []),
    ([5], []),  # nothing is computed twice within one epoch
    ([5, 4, 3, 2, 1, 0, 0], [(0, 3, 3), (3, 5, 1)]),  # 3 * 2 + 1 * 1, against 5 * 0 + 4 * 0 + ... or 4 + 2
    ([5, 5, 1, 1], [(0, 2, 5), (2, 4, 1)]),
    ([0, 4, 4], [(1, 3, 4)]),  # frozen later: what stands still then
])
def test_the_cuts_that_save_most_are_found(depths: list[int], expected: list[tuple[int, int, int]]) -> None:
    found = stretches([frozen(depth) for depth in depths])
    saved = [sum(depth * (stop - start - 1) for start, stop, depth in which) for which in (found, expected)]
    assert saved[0] == saved[1]
    assert len(depths) != 3 or found == expected


def test_a_front_that_thaws_moves_the_boundary_forward() -> None:
    model = small_model()
    found = phases(model, paces([GradualUnfreeze(over=0.9)], model, 12))
    assert len(found) > 2
    counts = [len(one.still) for one in found]
    assert counts == sorted(counts, reverse=True)
    assert all(one.stop <= two.start for one, two in pairwise(found))


def test_modules_that_a_stage_keeps_still_count() -> None:
    model = small_model()
    free = paces([], model, 3)
    assert phases(model, free) == []
    (one,) = phases(model, free, (model.encoder,))
    assert one.boundary == "encoder"
