"""Batch normalisation over domains: joint, split, domain-specific, AdaBN or frozen, for BatchNorm 1d, 2d and 3d.

=========  ==========================================  =========================================================
treatment  a training step with a target batch         statistics used at inference
=========  ==========================================  =========================================================
joint      one forward of source and target together   running, over the mixed batches
split      source, then target, each by its own batch  running, updated by both
dsbn       source, then target, each in its branch     the target's branch; the source's where no target was seen
adabn      as split, running statistics by source only  the target's pooled moments, set by :func:`adapt_statistics`
frozen     the running statistics of the checkpoint    the same; scale and shift do not train either
=========  ==========================================  =========================================================

Reference:
    Chang et al. 2019, "Domain-specific batch normalization for unsupervised domain adaptation"; Li et al. 2016,
    "Revisiting batch normalization for practical domain adaptation".
"""
from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Treatment = Literal["joint", "split", "dsbn", "adabn", "frozen"]
BRANCHES = ("source", "target")


class DomainBatchNorm(nn.Module):
    """One batch normalisation per role; rows are routed by :func:`route` before the forward.

    Args:
        norm: the layer whose weights and statistics every branch starts from.
    """

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList([copy.deepcopy(norm) for _ in BRANCHES])
        for branch in self.branches:
            if isinstance(branch, _BatchNorm) and branch.num_batches_tracked is not None:
                branch.num_batches_tracked.zero_()
        self.active: int | Tensor = 0

    def forward(self, x: Tensor) -> Tensor:
        """Normalises every row (dimension 0) in its own branch."""
        if isinstance(self.active, int):
            return self.branches[self.active](x)  # type: ignore[no-any-return]
        domain = self.active.repeat_interleave(x.shape[0] // self.active.shape[0])
        parts = [(domain == number).nonzero().squeeze(1) for number in range(len(BRANCHES))]
        done = [branch(x[rows]) for branch, rows in zip(self.branches, parts, strict=True) if len(rows)]
        order = torch.cat([rows for rows in parts if len(rows)]).argsort()
        return torch.cat(done)[order]


@cache
def _frozen_class(kind: type[nn.Module]) -> type[nn.Module]:
    def train(self: Any, mode: bool = True) -> Any:
        return kind.train(self, False)

    return type(f"Frozen{kind.__name__}", (kind,), {"train": train})


def treat(module: nn.Module, treatment: Treatment) -> None:
    """Prepares the batch normalisations below a module for a treatment, in place.

    Args:
        module: the network, with BatchNorm layers anywhere below it.
        treatment: ``dsbn`` replaces each layer by a :class:`DomainBatchNorm`; ``frozen`` turns its scale and shift into
            buffers and keeps it in eval mode whatever ``train()`` says; the others change nothing here.
    """
    if treatment == "dsbn":
        for name, child in list(module.named_children()):
            if isinstance(child, _BatchNorm):
                setattr(module, name, DomainBatchNorm(child))
            else:
                treat(child, treatment)
    elif treatment == "frozen":
        for norm in layers(module):
            for name in ("weight", "bias"):
                parameter = norm._parameters.pop(name, None)
                if parameter is not None:
                    norm.register_buffer(name, parameter.detach().clone())
            norm.__class__ = _frozen_class(type(norm))  # type: ignore[assignment, arg-type]
            norm.eval()


def layers(module: nn.Module) -> tuple[_BatchNorm, ...]:
    """Every batch normalisation below a module, branches included, in order of definition."""
    return tuple(m for m in module.modules() if isinstance(m, _BatchNorm))


def route(module: nn.Module, domain: Tensor | int) -> None:
    """Sends the rows of the next forward to branches.

    Args:
        module: the network.
        domain: a branch for all rows, or int64 (n,) with a branch per study: 0 source, 1 target.
    """
    for m in module.modules():
        if isinstance(m, DomainBatchNorm):
            m.active = domain


def inference_branch(module: nn.Module) -> int | None:
    """Number of the branch that answers at inference: the target's once it saw a batch; None without branches."""
    norms = [m for m in module.modules() if isinstance(m, DomainBatchNorm)]
    if not norms:
        return None
    return int(any(int(m.branches[1].num_batches_tracked) > 0 for m in norms))  # type: ignore[arg-type]


def resolve(module: nn.Module) -> None:
    """Replaces every :class:`DomainBatchNorm` by the branch that answers at inference, in place, for export."""
    branch = inference_branch(module)
    if branch is None:
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, DomainBatchNorm):
                setattr(parent, name, child.branches[branch])


@contextmanager
def untracked(module: nn.Module) -> Iterator[None]:
    """Within it, a training forward normalises by its batch and leaves the running statistics alone."""
    tracking = [norm for norm in layers(module) if norm.track_running_stats]
    for norm in tracking:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in tracking:
            norm.track_running_stats = True


class _Reached(Exception):
    pass


@torch.no_grad()
def adapt_statistics(
    module: nn.Module, forward: Callable[[Tensor], object], batches: Callable[[], Iterable[Tensor]]
) -> None:
    """AdaBN: sets each layer's running mean and variance to those of its input over a whole data set.

    Layers are done front to back, each on what the layers before it give with their new statistics. So the
    network in eval mode then gives what it gives in train mode for one batch of the whole set (variance over n, not
    n - 1), for any order and batch size of the passes. It costs one partial pass per layer.

    Args:
        module: the network; put into eval mode and back.
        forward: runs the network on one batch.
        batches: starts a pass over the images of the target.

    Raises:
        ValueError: the pass is empty.

    Reference:
        Li et al. 2016, "Revisiting batch normalization for practical domain adaptation"; moments merged pairwise as
        Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance".
    """
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        for norm in _call_order(module, forward, batches):
            moments = _Moments()

            def collect(_: nn.Module, args: tuple[Tensor, ...], moments: _Moments = moments) -> None:
                moments.add(args[0])
                raise _Reached

            handle = norm.register_forward_pre_hook(collect)
            try:
                for images in batches():
                    try:
                        forward(images)
                    except _Reached:
                        continue
            finally:
                handle.remove()
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_(moments.mean)
            norm.running_var.copy_(moments.m2 / moments.count)
    finally:
        for m, mode in modes:
            m.training = mode


def _call_order(
    module: nn.Module, forward: Callable[[Tensor], object], batches: Callable[[], Iterable[Tensor]]
) -> tuple[_BatchNorm, ...]:
    order: dict[_BatchNorm, None] = {}
    handles = [
        norm.register_forward_pre_hook(lambda m, _: order.setdefault(m))
        for norm in layers(module) if norm.track_running_stats
    ]
    try:
        first = next(iter(batches()), None)
        if first is None:
            raise ValueError("AdaBN needs at least one batch of the target")
        forward(first)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(order)


class _Moments:
    """Mean and sum of squared deviations per channel, merged batch by batch."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self.m2 = torch.zeros(())

    def add(self, x: Tensor) -> None:
        wide = torch.float32 if x.device.type == "mps" else torch.float64  # mps has no float64
        flat = x.detach().transpose(0, 1).flatten(1).to(wide)  # (channels, rows * positions)
        count, mean = flat.shape[1], flat.mean(dim=1)
        m2 = (flat - mean[:, None]).square().sum(dim=1)
        if self.count == 0:
            self.count, self.mean, self.m2 = count, mean, m2
            return
        total, gap = self.count + count, mean - self.mean
        self.mean = self.mean + gap * (count / total)
        self.m2 = self.m2 + m2 + gap.square() * (self.count * count / total)
        self.count = total
