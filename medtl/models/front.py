"""The front of a network computed apart, and the rest run on what it gave.

Works for any backbone whose parts are called one after another, each on what the one before gave; :func:`splits_at`
finds out by trying, so that a network of another kind is never cut wrongly.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from medtl.models.model import Model

WHOLE = "encoder"
"""The boundary behind the last part of the encoder: what is kept then are the features of each slice."""
_BEHIND = ("pooling", "adaptation", "head")


class _Reached(Exception):
    pass


def boundary_of(model: Model, still: tuple[str, ...]) -> str | None:
    """The last part of the longest front of which nothing moves; None where the first part moves already.

    Args:
        model: the network.
        still: names of the parts that never move.

    Returns:
        A part's name, or :data:`WHOLE` where the whole encoder stands still.
    """
    names = [name for name in model.parts if name not in _BEHIND]
    count = next((k for k, name in enumerate(names) if name not in still), len(names))
    if count == len(names):
        return WHOLE
    return names[count - 1] if count else None


def front(model: Model, images: Tensor, boundary: str) -> Tensor:
    """Runs a network up to a boundary.

    Args:
        model: the front in eval mode.
        images: float32 in [0, 1], (n, slices, channels, height, width).
        boundary: of :func:`boundary_of`.

    Returns:
        The activation there, (n, slices, ...).
    """
    n, slices = images.shape[:2]
    if boundary == WHOLE:
        return model.slice_features(images)
    kept: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Tensor) -> None:
        kept.append(output)
        raise _Reached

    handle = model.parts[boundary].register_forward_hook(keep)
    try:
        model.slice_features(images)
    except _Reached:
        pass
    finally:
        handle.remove()
    return kept[0].reshape(n, 1 if model.encoder.volume else slices, *kept[0].shape[1:])


@contextmanager
def started_at(
    model: Model, boundary: str, memory_format: torch.memory_format = torch.preserve_format
) -> Iterator[None]:
    """Within it, the network takes activations of :func:`front` where it took images.

    Args:
        model: changed back on leaving.
        boundary: where those activations are from.
        memory_format: in which the front gives them, where they were kept in another one: the last bits of batch
            statistics depend on it.
    """
    patched: list[nn.Module] = []

    def patch(module: nn.Module, forward: Any) -> None:
        module.forward = forward
        patched.append(module)

    given: list[Tensor] = []
    net = model.encoder.net

    def from_boundary(activations: Tensor) -> Any:
        plain = memory_format is torch.preserve_format
        given[:] = [activations if plain else activations.contiguous(memory_format=memory_format)]
        sides = (2, 2, 2) if model.encoder.volume else (2, 2)
        return net(activations.new_zeros(len(activations), 3, *sides))  # what the skipped parts pass on is never used

    try:
        if boundary == WHOLE:
            patch(model.encoder, lambda features: features)
        else:
            patch(model.encoder, from_boundary)
            for name, part in model.parts.items():
                if name == boundary:
                    patch(part, lambda *_, **__: given[0])
                    break
                patch(part, lambda x, *_, **__: x)
        yield
    finally:
        for module in patched:
            del module.forward


def format_of(activations: Tensor) -> torch.memory_format:
    """In which memory format a front gave its activations.

    Args:
        activations: (n, slices, ...), as :func:`front` gives them.
    """
    flat = activations.flatten(0, 1)
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(flat.ndim)
    if last is None or flat.is_contiguous() or not flat.is_contiguous(memory_format=last):
        return torch.preserve_format
    return last


@torch.no_grad()
def splits_at(model: Model, images: Tensor, boundary: str) -> bool:
    """Whether the rest of the network, run on what its front gives, equals the whole bit for bit.

    Args:
        model: in any mode; put into eval mode and back.
        images: a batch to try with.
        boundary: to try.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        if boundary != WHOLE and any(_is_random(module) for module in _between(model)):
            return False
        whole = model.full(images)
        activations = front(model, images, boundary)
        with started_at(model, boundary):
            rest = model.full(activations)
        return torch.equal(whole.features, rest.features) and torch.equal(whole.outputs, rest.outputs)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError):
        return False  # not called one after another: this backbone cannot be cut here
    finally:
        for module, mode in modes:
            module.training = mode


def _between(model: Model) -> Iterator[nn.Module]:
    """Modules of the encoder that are in no part."""
    inside = {module for part in model.parts.values() for module in part.modules()}
    return (module for module in model.encoder.modules() if module not in inside)


def _is_random(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0
