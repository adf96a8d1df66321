"""Steps without a network: features of two domains, as a penalty sees them."""
from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from medtl.data.batches import Batch, Pair
from medtl.methods.base import Setting, Step
from medtl.models.model import Outputs


def _batch(rows: int, domain: int) -> Batch:
    return Batch(
        torch.zeros(rows, 1, 1, 2, 2), torch.zeros(rows, 1), torch.zeros(rows, 1, dtype=torch.bool), torch.ones(rows),
        torch.full((rows,), domain), torch.arange(rows),
    )


@pytest.fixture
def step_of() -> Callable[..., Step]:
    """Makes a step from the features of both domains."""

    def make(source: Tensor, target: Tensor, *, own: Any = None, progress: float = 0.5) -> Step:
        def said(features: Tensor) -> Outputs:
            return Outputs(features, {"features": features, "outputs": features[:, :2]}, features[:, :2])

        pair = Pair(_batch(len(source), 0), _batch(len(target), 1))
        return Step(pair, said(source), said(target), progress, 2, own, None, None)  # type: ignore[arg-type]

    return make


@pytest.fixture
def setting_of() -> Callable[..., Setting]:
    """Makes a setting whose model only knows its width."""

    def make(width: int, domains: tuple[str, ...] = ("a", "b")) -> Setting:
        return Setting(
            SimpleNamespace(feature_width=width), None, domains[:1], domains[1:], domains, False, 1,  # type: ignore[arg-type]
            lambda *names: sum(map(ord, str(names))), lambda: None,  # type: ignore[arg-type, return-value]
        )

    return make
