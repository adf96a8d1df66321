"""Weights that are held near those they started from."""
from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from medtl.methods.base import OPTIONS, Method, Setting, Step
from medtl.methods.fronts import encoder_parts
from medtl.models.model import Model


@dataclass(frozen=True, config=OPTIONS)
class L2SP(Method):
    r"""Penalises the distance of the encoder's weights to the start: weight / 2 · ‖w − w₀‖² + fresh / 2 · ‖v‖².

    w are all trainable parameters of the encoder, scales and biases of batch normalisation included, its running
    statistics not; w₀ is where the run starts. v is what follows the encoder (attention pooling, adaptation layer,
    head): it is fresh, has no start worth keeping, and is excluded from the first term. It looks at weights only, so it
    needs no target site, and on its own it shows the network no target scan, not even to joint batch normalisation.

    Args:
        weight: factor of the distance, at least 0 (α of the paper).
        fresh: factor of the squared norm of the fresh layers, at least 0 (β of the paper), beside `train.weight_decay`.

    Reference:
        Li, Grandvalet & Davoine 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks".
    """

    weight: Annotated[float, Field(ge=0)] = 0.1
    fresh: Annotated[float, Field(ge=0)] = 0.0

    @property
    def reads(self) -> tuple[str, ...]:
        """No layer: it looks at weights."""
        return ()

    def build(self, setting: Setting) -> nn.Module:
        """The start."""
        return Start(setting.model)

    def penalty(self, step: Step) -> Tensor:
        """Half the weighted squared distances, float32."""
        assert isinstance(step.own, Start)
        return 0.5 * (self.weight * step.own.squared_distance(step.model) + self.fresh * _fresh_norm(step.model))

    def diagnose(self, step: Step) -> dict[str, Tensor]:
        """How far the encoder has come."""
        assert isinstance(step.own, Start)
        return {"distance": step.own.squared_distance(step.model).sqrt()}


class Start(nn.Module):
    """The encoder's parameters as they were.

    Args:
        model: at its start.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        for name, parameter in _of_encoder(model).items():
            self.register_buffer(_key(name), parameter.detach().clone())

    def squared_distance(self, model: Model) -> Tensor:
        """Sum of squared differences over what moves, scalar, float32."""
        terms = [
            (parameter.float() - self.get_buffer(_key(name)).float()).square().sum()
            for name, parameter in _of_encoder(model).items()
            if parameter.requires_grad
        ]
        return torch.stack(terms).sum() if terms else next(model.parameters()).new_zeros(())


def _of_encoder(model: Model) -> dict[str, nn.Parameter]:
    parts = model.parts
    return {
        f"{part}/{name}": parameter
        for part in encoder_parts(model)
        for name, parameter in parts[part].named_parameters()
    }


def _fresh_norm(model: Model) -> Tensor:
    front = set(encoder_parts(model))
    terms = [
        parameter.float().square().sum()
        for part, module in model.parts.items()
        if part not in front
        for parameter in module.parameters()
    ]
    return torch.stack(terms).sum()


def _key(name: str) -> str:
    return name.replace(".", "-")
