"""MK-MMD with five kernels, forward and backward, on float32 features.

At n = 64 studies a domain and d = 1024, against an implementation that broadcasts all differences for each kernel. At
n = 256 and d = 2048, against the forward and backward of the bare distance matrix, which any discrepancy of this kind
needs. Memory is the peak of what one forward and backward allocates beyond its inputs, in units of one matrix of
(2n)² float32: gradients and the centred copy of the features are of the inputs' own size, and counted.
"""
from __future__ import annotations

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.frame.figures import Ratio, Row, Table
from benchmarks.frame.timing import in_turns
from medtl.functional.discrepancy import mk_mmd2, mmd2
from medtl.functional.kernels import BANDWIDTHS, kernel_weights


def broadcast_kernel(rows: Tensor, width: float) -> Tensor:
    """One Gaussian kernel matrix by broadcasting, as it is usually written."""
    squared = (rows[:, None, :] - rows[None, :, :]).square().sum(dim=2)
    count = len(rows)
    scale = squared.detach().sum() / (count * (count - 1))
    return torch.exp(-squared / (2 * width * scale))


def broadcast_mk_mmd2(source: Tensor, target: Tensor) -> Tensor:
    """The same quantity as ``mk_mmd2``, kernel by kernel."""
    n, m, pairs = len(source), len(target), min(len(source), len(target)) // 2
    rows, values, terms = torch.cat([source, target]), [], []
    for width in BANDWIDTHS:
        kernel = broadcast_kernel(rows, width)
        within_source = (kernel[:n, :n].sum() - n) / (n * (n - 1))
        within_target = (kernel[n:, n:].sum() - m) / (m * (m - 1))
        values.append(within_source + within_target - 2 * kernel[:n, n:].mean())
        first = torch.arange(pairs) * 2
        terms.append(kernel[first, first + 1] + kernel[n + first, n + first + 1] - kernel[first, n + first + 1]
                     - kernel[first + 1, n + first])
    stacked = torch.stack(values)
    return (kernel_weights(stacked, torch.cov(torch.stack(terms).detach())) * stacked).sum()


def bare_distances(source: Tensor, target: Tensor) -> Tensor:
    """The matrix of squared distances by one product, summed up."""
    rows = torch.cat([source, target])
    norms = rows.square().sum(dim=1)
    return (norms[:, None] + norms[None, :] - 2 * rows @ rows.T).sum()


def features(n: int, d: int) -> tuple[Tensor, Tensor]:
    """Two domains that differ by a shift."""
    made = torch.Generator().manual_seed(0)
    source, target = torch.randn(n, d, generator=made), torch.randn(n, d, generator=made) + 0.1
    return source.requires_grad_(), target.requires_grad_()


def step(distance: object, source: Tensor, target: Tensor) -> Tensor:
    """Forward and backward; returns the gradient of the source."""
    source.grad = target.grad = None
    distance(source, target).backward()  # type: ignore[operator]
    assert source.grad is not None
    return source.grad


def peak_bytes(distance: object, n: int, d: int) -> int:
    """Peak of what one forward and backward allocates."""
    source, target = features(n, d)
    step(distance, source, target)
    source.grad = target.grad = None
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        step(distance, source, target)
    raw = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(raw, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def run(quick: bool = False) -> list[Row]:
    """Compares values and gradients, then times and weighs them."""
    small, large, rounds = ((16, 64), (32, 128), 3) if quick else ((64, 1024), (256, 2048), 15)
    one, two = features(*small)
    expected = step(broadcast_mk_mmd2, one, two).clone()
    apart = float((step(mk_mmd2, one, two) - expected).abs().max() / expected.abs().max())
    assert apart < 1e-2, apart
    fast = in_turns({"medtl": lambda: step(mk_mmd2, one, two)}, 10 * rounds, warm=5)["medtl"]
    slow = in_turns({"broadcast": lambda: step(broadcast_mk_mmd2, one, two)}, rounds)["broadcast"]
    three, four = features(*large)
    wide = in_turns({
        "mk_mmd2": lambda: step(mk_mmd2, three, four), "mmd2": lambda: step(mmd2, three, four),
        "bare": lambda: step(bare_distances, three, four)}, 2 * rounds, warm=3)
    sizes = [(64, 256), small, (256, 256), large] if not quick else [small, large]
    memory = []
    for n, d in dict.fromkeys(sizes):
        ours, unit = peak_bytes(mk_mmd2, n, d), 4 * (2 * n) ** 2
        inputs = 4 * 2 * n * d
        memory.append((f"{n}", f"{d}", f"{ours / 2**20:.2f}", f"{ours / unit:.1f}", f"{(ours - 3 * inputs) / unit:.1f}",
                       f"{unit * d / 2**20:.0f}"))
    broad = peak_bytes(broadcast_mk_mmd2, *small)
    held = peak_bytes(mk_mmd2, *small)
    return [
        Ratio(f"broadcast per kernel / medtl, seconds, n = {small[0]}, d = {small[1]}", slow.best / fast.best,
              fast.text(), slow.text(), 50),
        Ratio(f"medtl / bare distance matrix, seconds, n = {large[0]}, d = {large[1]}",
              wide["mk_mmd2"].best / wide["bare"].best, wide["mk_mmd2"].text(), wide["bare"].text(), at_most=3),
        Ratio("the same with equal weights (mmd2)", wide["mmd2"].best / wide["bare"].best, wide["mmd2"].text(),
              wide["bare"].text(), at_most=3),
        Ratio(f"broadcast per kernel / medtl, peak memory, n = {small[0]}, d = {small[1]}", broad / held,
              f"{held / 2**20:.1f} MiB", f"{broad / 2**20:.0f} MiB"),
        Table("Peak memory of one forward and backward",
              ("n", "d", "MiB", "in (2n)² floats", "less 3 copies of the inputs", "one (2n)² d array, MiB"),
              tuple(memory)),
        Table("Agreement", ("largest difference of gradients, relative",), ((f"{apart:.1e}",),)),
    ]
