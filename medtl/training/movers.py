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


class Mover:
    """One turn's optimizer: a group per part of the network, and one for parameters outside of it.

    Weight decay applies to matrices and kernels, not to biases and scales. With ``train.accumulate`` above 1, gradients
    of so many losses are averaged before a move; at an epoch's end, of those that are left. ``train.clip_norm`` bounds
    the gradient's norm, of the network's parameters and of all others apart.

    Args:
        turn: whose moves it makes.
        model: the network that is fitted.
        outside: modules that move along with the main turn; others name their own.
        train: the config's section.
        device: where the gradients are taken.
        losses: of this turn in an epoch.
    """

    def __init__(
        self, turn: Turn, model: Model, outside: Sequence[nn.Module], train: TrainSection, device: Device,
        losses: int = 1,
    ) -> None:
        self._losses = losses
        self._held: dict[Tensor, Tensor | None] = {}
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

    def move(self, loss: Tensor, pace: dict[str, float], progress: float, number: int = 0) -> bool:
        """Takes a loss's gradient, and goes one step downhill where enough of them are gathered.

        Args:
            loss: a scalar.
            pace: per part.
            progress: of the fit, in [0, 1).
            number: of the loss within its epoch, from 0.

        Returns:
            Whether it moved.
        """
        group = self.train.accumulate
        first = number // group * group
        gathered = min(group, self._losses - first) if group > 1 else 1
        inputs = [p for p in (*self.of_model, *self.others) if p.requires_grad]
        self.optimizer.zero_grad(set_to_none=True)
        if number > first:
            for parameter in inputs:  # another turn may have moved the same parameters since
                parameter.grad = self._held.pop(parameter, None)
        self.device.backward(loss / gathered if gathered > 1 else loss, inputs)
        if number < first + gathered - 1:
            self._held = {parameter: parameter.grad for parameter in inputs}
            self.optimizer.zero_grad(set_to_none=True)
            return False
        shape = schedule(self.train, progress)
        for rates in self.optimizer.param_groups:
            rates["lr"] = rates["rate"] * shape * (pace[rates["part"]] if rates["part"] else 1.0)
        if self.train.clip_norm is not None:
            for parameters in (self.of_model, self.others):
                nn.utils.clip_grad_norm_(parameters, self.train.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return True


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
