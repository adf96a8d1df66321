"""First and second moments of two domains: how far apart they are, and the map that makes them equal."""
from __future__ import annotations

import torch
from torch import Tensor


def mean_distance(source: Tensor, target: Tensor) -> Tensor:
    """Norm of the difference of the feature means: the maximum mean discrepancy of the linear kernel, biased.

    Args:
        source: (n, d).
        target: (m, d).

    Returns:
        Scalar, float32, at least 0; its gradient is 0 where the means agree.

    Reference:
        Tzeng et al. 2014, "Deep Domain Confusion: Maximizing for Domain Invariance".
    """
    with torch.autocast(source.device.type, enabled=False):
        gap: Tensor = source.float().mean(dim=0) - target.float().mean(dim=0)
        norm: Tensor = gap.norm()
        return norm


def standardised_mean_distance(source: Tensor, target: Tensor) -> Tensor:
    """:func:`mean_distance` over the spread within the domains, so that layers of any width and scale compare.

    Args:
        source: (n, d).
        target: (m, d).

    Returns:
        Scalar, float32, at least 0: 1 where the means are as far apart as a study is from its own domain's mean.
    """
    with torch.autocast(source.device.type, enabled=False):
        within = [rows.float().var(dim=0, correction=0).sum() for rows in (source, target)]
        spread = (0.5 * (within[0] + within[1])).clamp_min(torch.finfo(torch.float32).tiny).sqrt()
        return mean_distance(source, target) / spread


def covariance(rows: Tensor) -> Tensor:
    """Unbiased covariance (over n - 1).

    Args:
        rows: (n, d), n at least 2.

    Returns:
        float32 (float64 stays), (d, d).

    Raises:
        ValueError: fewer than two rows.
    """
    if len(rows) < 2:
        raise ValueError(f"a covariance needs at least two studies, got {len(rows)}")
    with torch.autocast(rows.device.type, enabled=False):
        rows = rows if rows.dtype == torch.float64 else rows.float()
        centred = rows - rows.mean(dim=0)
        return centred.T @ centred / (len(rows) - 1)


def coral_distance(source: Tensor, target: Tensor) -> Tensor:
    r"""Squared Frobenius distance of the covariances, :math:`\lVert C_S - C_T \rVert_F^2 / (4 d^2)`.

    Args:
        source: (n, d).
        target: (m, d); n and m may differ.

    Returns:
        Scalar, float32, at least 0.

    Raises:
        ValueError: fewer than two rows in a batch.

    Reference:
        Sun & Saenko 2016, "Deep CORAL: Correlation Alignment for Deep Domain Adaptation", eq. 1.
    """
    gap = covariance(source) - covariance(target)
    return gap.square().sum() / (4 * source.shape[1] ** 2)


def coral_map(moving: Tensor, fixed: Tensor, ridge: float = 1.0, means: bool = False) -> tuple[Tensor, Tensor]:
    r"""The affine map that whitens one domain and colours it like the other.

    .. math:: A = (C_f + \epsilon I)^{1/2} (C_m + \epsilon I)^{-1/2}, \quad x \mapsto A (x - \bar m) + \bar m

    Without a ridge the covariance of the mapped rows is exactly that of the fixed ones.

    Args:
        moving: rows of the domain that is mapped, (n, d).
        fixed: rows of the domain that it shall look like, (m, d).
        ridge: ε, at least 0; above 0 where there are fewer studies than features.
        means: whether the mapped domain also takes the other's mean; else it keeps its own.

    Returns:
        Matrix A, (d, d), symmetric factors multiplied, and offset, (d,): rows map to ``x @ A.T + offset``. float64.

    Raises:
        ValueError: fewer than two rows, or a singular covariance with ``ridge`` 0.

    Reference:
        Sun, Feng & Saenko 2016, "Return of Frustratingly Easy Domain Adaptation", algorithm 1 (ε = 1).
    """
    moving, fixed = moving.double(), fixed.double()
    eye = torch.eye(moving.shape[1], dtype=torch.float64, device=moving.device)
    matrix = _power(covariance(fixed) + ridge * eye, 0.5) @ _power(covariance(moving) + ridge * eye, -0.5)
    own = moving.mean(dim=0)
    onto = fixed.mean(dim=0) if means else own
    return matrix, onto - matrix @ own


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    floor = values[-1] * len(values) * torch.finfo(values.dtype).eps
    if exponent < 0 and bool(values[0] <= floor):
        raise ValueError("the covariance is singular: fewer studies than features, or constant features; use a ridge")
    powered: Tensor = (vectors * values.clamp_min(0.0) ** exponent) @ vectors.T
    return powered
