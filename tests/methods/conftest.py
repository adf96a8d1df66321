"""Steps without a network: features of two domains, as a penalty sees them."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from medtl.data.batches import Batch, Pair
from medtl.methods.base import Setting, Step
from medtl.models.model import Outputs
from medtl.tasks.classification import Classification


def _batch(rows: int, domain: int) -> Batch:
    return Batch(
        torch.zeros(rows, 1, 1, 2, 2), torch.zeros(rows, 1), torch.zeros(rows, 1, dtype=torch.bool), torch.ones(rows),
        torch.full((rows,), domain), torch.arange(rows),
    )


def labelled(batch: Batch, labels: list[float] | None) -> Batch:
    """The same batch with these labels known."""
    if labels is None:
        return batch
    return replace(batch, labels=torch.tensor(labels)[:, None], known=torch.ones(len(labels), 1, dtype=torch.bool))


TASK = Classification(label="nodule")


@pytest.fixture
def full_step() -> Callable[..., Step]:
    """Makes a step of a binary task from features, logits and labels of both domains."""

    def make(
        source: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor], *, labels: list[float] | None = None,
        target_labels: list[float] | None = None, own: Any = None, progress: float = 0.5, task: Any = TASK,
    ) -> Step:
        def said(features: Tensor, logits: Tensor) -> Outputs:
            return Outputs(features, {"features": features, "outputs": logits}, logits)

        pair = Pair(
            labelled(_batch(len(source[0]), 0), labels), labelled(_batch(len(target[0]), 1), target_labels)
        )
        return Step(pair, said(*source), said(*target), progress, 2, own, None, task)  # type: ignore[arg-type]

    return make


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
            SimpleNamespace(feature_width=width), TASK, domains[:1], domains[1:], domains, False, 1,  # type: ignore[arg-type]
            lambda *names: sum(map(ord, str(names))), lambda: None,  # type: ignore[arg-type, return-value]
        )

    return make
