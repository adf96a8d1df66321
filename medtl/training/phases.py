"""Stretches of epochs behind one boundary: where a front thaws part by part, the boundary moves, the bank with it."""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from medtl.models.front import boundary_of
from medtl.models.model import Model
from medtl.training.moves import BEHIND_ENCODER


@dataclass(frozen=True)
class Phase:
    """Epochs during which a front stands still.

    Attributes:
        start: first epoch.
        stop: the epoch after the last.
        still: its parts, front to back.
        boundary: of :func:`medtl.models.front.boundary_of`.
    """

    start: int
    stop: int
    still: tuple[str, ...]
    boundary: str


def phases(
    model: Model, plan: Sequence[Mapping[str, float]], frozen: Collection[nn.Module] = (), read: Collection[str] = ()
) -> list[Phase]:
    """Cuts a fit into stretches so that most forwards of parts are saved.

    A stretch of n epochs behind k parts computes these once in place of n times, so it saves k (n - 1); a front that
    moves in one of its epochs is no front of it. The best cuts are found over all, by dynamic programming.

    Args:
        model: the fitted network.
        plan: pace per part, for every epoch.
        frozen: modules that the stage keeps still throughout.
        read: layers whose activations penalties ask for: no front reaches beyond the first of them, still or not.

    Returns:
        Those stretches that save something, in order.
    """
    names = [name for name in model.parts if name not in BEHIND_ENCODER]
    held = _held(model, frozen)
    deepest = min((names.index(layer) for layer in read if layer in names), default=len(names))
    depth = [min(deepest, _leading(names, pace, held)) for pace in plan]
    epochs = len(plan)
    saved, cut = [0] * (epochs + 1), [0] * (epochs + 1)
    for stop in range(1, epochs + 1):
        least = depth[stop - 1]
        saved[stop], cut[stop] = saved[stop - 1], stop - 1
        for start in range(stop - 1, -1, -1):
            least = min(least, depth[start])
            value = saved[start] + least * (stop - start - 1)
            if value > saved[stop]:
                saved[stop], cut[stop] = value, start
    found: list[Phase] = []
    stop = epochs
    while stop:
        start = cut[stop]
        still = tuple(names[:min(depth[start:stop])])
        boundary = boundary_of(model, still)
        if boundary is not None and stop - start > 1:
            found.insert(0, Phase(start, stop, still, boundary))
        stop = start
    return found


def _leading(names: Sequence[str], pace: Mapping[str, float], held: Collection[str]) -> int:
    """How many of the encoder's parts, counted from the front, stand still."""
    return next((k for k, name in enumerate(names) if pace[name] != 0 and name not in held), len(names))


def _held(model: Model, frozen: Collection[nn.Module]) -> set[str]:
    """Parts that lie wholly within modules that the stage keeps still."""
    inside = {id(t) for module in frozen for t in (*module.parameters(), *module.buffers())}
    return {
        name for name, part in model.parts.items()
        if all(id(t) in inside for t in (*part.parameters(), *part.buffers()))
    }
