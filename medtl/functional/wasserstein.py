"""Wasserstein distances by a critic and by slices."""
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def critic_gap(source: Tensor, target: Tensor) -> Tensor:
    """Mean score of the source minus mean score of the target: the distance, once the critic is the best 1-Lipschitz.

    Args:
        source: scores, (n, 1).
        target: scores, (m, 1).

    Reference:
        Shen et al. 2018, "Wasserstein Distance Guided Representation Learning for Domain Adaptation".
    """
    return source.mean() - target.mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    r"""Mean of :math:`(\lVert \nabla_h f(h) \rVert_2 - 1)^2` over features h.

    Args:
        critic: features (n, d) to scores (n, 1), each row by itself.
        points: features, (n, d); the gradient is taken there and does not flow further down.

    Returns:
        Scalar, float32, differentiable by the critic's parameters.

    Reference:
        Shen et al. 2018, "Wasserstein Distance Guided Representation Learning for Domain Adaptation".
    """
    points = points.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    # The root's own slope is infinite at 0, where a critic that is flat begins.
    return ((slope.float().square().sum(dim=1) + 1e-12).sqrt() - 1.0).square().mean()


def points_between(source: Tensor, target: Tensor, share: Tensor) -> Tensor:
    """Source, target, and a point on the line between each source row and its target row.

    Args:
        source: (n, d).
        target: (m, d).
        share: of the way from target to source, in [0, 1], (min(n, m), 1).

    Returns:
        (n + m + min(n, m), d), without gradient.
    """
    count = min(len(source), len(target))
    source, target = source.detach(), target.detach()
    return torch.cat([source, target, share * source[:count] + (1.0 - share) * target[:count]])


def sliced_wasserstein2(source: Tensor, target: Tensor, directions: Tensor) -> Tensor:
    r"""Mean over directions of the squared 2-Wasserstein distance of the projections.

    On a line the optimal plan joins equal quantiles; for n and m rows they change at multiples of 1/n and 1/m.

    Args:
        source: (n, d).
        target: (m, d).
        directions: (d, k); columns are brought to length 1.

    Returns:
        Scalar, float32, at least 0.

    Reference:
        Bonneel et al. 2015, "Sliced and Radon Wasserstein Barycenters of Measures"; Lee et al. 2019, "Sliced
        Wasserstein Discrepancy for Unsupervised Domain Adaptation".
    """
    n, m = len(source), len(target)
    with torch.autocast(source.device.type, enabled=False):
        along = directions.float() / torch.linalg.vector_norm(directions.float(), dim=0).clamp_min(1e-12)
        s = (source.float() @ along).sort(dim=0).values  # (n, k)
        t = (target.float() @ along).sort(dim=0).values  # (m, k)
        if n == m:
            equal: Tensor = (s - t).square().mean()
            return equal
        ends = torch.tensor(sorted({*range(m, n * m + 1, m), *range(n, n * m + 1, n)}))  # in units of 1 / (n m)
        mass = (ends - torch.cat([ends.new_zeros(1), ends[:-1]])).float().to(s.device) / (n * m)
        of_source, of_target = ((ends - 1) // m).to(s.device), ((ends - 1) // n).to(s.device)
        gaps: Tensor = (s[of_source] - t[of_target]).square()
        return (gaps * mass[:, None]).sum(dim=0).mean()
