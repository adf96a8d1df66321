"""Who moves in a turn, and how fast: optimizers, learning rates and clipping."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from medtl.config.sections import TrainSection
from medtl.methods.base import Turn
from medtl.models.model import Model
from medtl.training.device import Device
from medtl.training.moves import part_rates

CLIP_NORM = 10.0
"""Largest gradient norm, of the network's parameters and of all others apart."""


class Mover:
    """One turn's optimizer: a group per part of the network, and one for parameters outside of it.

    Weight decay applies to matrices and kernels, not to biases and scales.

    Args:
        turn: whose moves it makes.
        model: the network that is fitted.
        outside: modules that move along with the main turn; others name their own.
        train: the config's section.
        device: where the gradients are taken.
    """

    def __init__(
        self, turn: Turn, model: Model, outside: Sequence[nn.Module], train: TrainSection, device: Device
    ) -> None:
        self.turn, self.train, self.device = turn, train, device
        part_of = {p: name for name, part in model.parts.items() for p in part.parameters()}
        rates = part_rates(model, train)
        moving = turn.moves if turn.loss is not None else (model, *outside)
        grouped: dict[tuple[str, bool], list[Tensor]] = {}
        for parameter in dict.fromkeys(p for module in moving for p in module.parameters()):
            grouped.setdefault((part_of.get(parameter, ""), parameter.ndim > 1), []).append(parameter)
        groups: list[dict[str, Any]] = [
            {
                "params": parameters,
                "part": part,
                "rate": turn.rate * (rates[part] if part else train.lr),
                "weight_decay": train.weight_decay if decays else 0.0,
            }
            for (part, decays), parameters in grouped.items()
        ]
        self.optimizer = _optimizer(groups, train, device)
        self.of_model = [p for (part, _), ps in grouped.items() for p in ps if part]
        self.others = [p for (part, _), ps in grouped.items() for p in ps if not part]

    def move(self, loss: Tensor, pace: dict[str, float], progress: float) -> None:
        """One step downhill."""
        shape = schedule(self.train, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * shape * (pace[group["part"]] if group["part"] else 1.0)
        self.optimizer.zero_grad(set_to_none=True)
        self.device.backward(loss, [p for p in (*self.of_model, *self.others) if p.requires_grad])
        for parameters in (self.of_model, self.others):
            nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def schedule(train: TrainSection, progress: float) -> float:
    """Factor of all learning rates.

    `cosine` falls from 1 to 0 over the fit, `inverse` is (1 + 10 p)^-0.75 as in Ganin et al. 2016.

    Args:
        train: names the schedule.
        progress: in [0, 1).
    """
    if train.schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * progress))
    return float((1.0 + 10.0 * progress) ** -0.75) if train.schedule == "inverse" else 1.0


def _optimizer(groups: list[dict[str, Any]], train: TrainSection, device: Device) -> torch.optim.Optimizer:
    fused = device.torch.type in {"cpu", "cuda"}
    if train.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=train.lr, momentum=0.9, fused=fused)
    return torch.optim.AdamW(groups, lr=train.lr, fused=fused)
