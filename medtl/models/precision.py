"""Within a context, every network's forward passes are computed at another precision and answer in float32.

Losses, discrepancies and statistics of batch normalisation stay outside: they see float32 (torch's autocast keeps
running statistics in float32 by itself).
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch
from torch import Tensor

Autocast = Callable[[], AbstractContextManager[None]]

_FORWARD: ContextVar[Autocast] = ContextVar("medtl_forward", default=nullcontext)


@contextmanager
def forwards_in(autocast: Autocast) -> Iterator[None]:
    """Within it, every :class:`medtl.models.model.Model` runs its layers in this context.

    Args:
        autocast: makes the context of one forward pass.
    """
    token = _FORWARD.set(autocast)
    try:
        yield
    finally:
        _FORWARD.reset(token)


def forward_context() -> AbstractContextManager[None]:
    """The context that a forward pass runs in now."""
    return _FORWARD.get()()


def widened(value: Tensor) -> Tensor:
    """The tensor in float32 where it is held in 16 bits; as it is otherwise."""
    return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
