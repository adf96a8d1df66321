"""Low-rank adapters on a frozen backbone."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch.nn.modules.batchnorm import _BatchNorm

from medtl.methods.base import OPTIONS, Fit, Method, Setting, Stages, Tell
from medtl.methods.fronts import encoder_parts
from medtl.models.lowrank import adaptable, add, merge
from medtl.models.model import Model
from medtl.types import nearest


@dataclass(frozen=True, config=OPTIONS)
class Lora(Method):
    """Adds low-rank matrices to the frozen weights of linear layers and convolutions, trains those and what follows
    the encoder, and merges them into the weights at the end: W + (alpha / rank) B A, with B = 0 at the start.

    Every other number of the encoder is frozen, batch normalisation stands in eval mode, and layers for which the
    addition would not be smaller than the weight (depthwise convolutions among them) are left alone. The network that
    comes out has the shape of the one that went in.

    Args:
        rank: of each addition.
        alpha: its scale is alpha / rank.
        layers: parts of the encoder; all if none.
        rate: factor of the encoder's learning rate, which is `train.lr_backbone` of `train.lr`: additions are fresh.

    Reference:
        Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1; on convolutions the weight is
        taken as a matrix of output channels against all else, which is ours.
    """

    rank: Annotated[int, Field(ge=1)] = 4
    alpha: Annotated[float, Field(gt=0)] = 8.0
    layers: tuple[str, ...] = ()
    rate: Annotated[float, Field(gt=0)] = 10.0

    def check(self, model: Model) -> Sequence[str]:
        """Layers that are there, and something to add to."""
        parts = encoder_parts(model)
        lines = []
        for layer in self.layers:
            if layer not in parts:
                hint = nearest(layer, parts)
                lines.append(f"lora.layers: {layer!r} is no layer of this network's encoder"
                             + (f"; did you mean {hint!r}?" if hint else ".") + f" Layers: {', '.join(parts)}")
        if not lines and not self.learns(model):
            lines.append(f"lora.rank: {self.rank} is too large for every layer of this network; choose a smaller one")
        return lines

    def learns(self, model: Model) -> Mapping[str, int]:
        """Numbers that learn in each part that is adapted."""
        found = {}
        for name in self.layers or encoder_parts(model):
            weights = [m.weight for m in adaptable(model.parts[name], self.rank)]
            count = sum(self.rank * (w.shape[0] + w[0].numel()) for w in weights if isinstance(w, torch.Tensor))
            if count:
                found[name] = count
        return found

    def pace(self, model: Model, progress: float) -> Mapping[str, float]:
        """Parts with an addition at `rate`, the others not at all."""
        adapted = self.learns(model)
        return {name: self.rate if name in adapted else 0.0 for name in encoder_parts(model)}

    def stages(self, setting: Setting) -> Stages:
        """Add, fit, merge."""
        model = setting.model
        before = sum(p.numel() for name in encoder_parts(model) for p in model.parts[name].parameters())
        counts = self.learns(model)
        modules = [m for name in counts for m in adaptable(model.parts[name], self.rank)]
        learned = {p: p.requires_grad for p in model.encoder.parameters()}
        still = tuple(m for m in model.encoder.modules() if isinstance(m, _BatchNorm))
        model.encoder.requires_grad_(False)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setting.rng("lora") % 2**63)
            learning = add(modules, self.rank, self.alpha / self.rank)
        count = sum(p.numel() for p in learning)
        yield Tell(
            "lora",
            (f"lora: {len(modules)} layers of {len(counts)} parts get additions of rank {self.rank}: {count:,} numbers "
             f"learn in place of {before:,}; batch normalisation stands still",),
            {"rank": self.rank, "alpha": self.alpha, "layers": len(modules), "learning": count, "encoder": before,
             "parts": dict(counts)},
        )
        yield Fit("fit", model, frozen=still)
        merge(modules)
        for parameter in model.encoder.parameters():
            parameter.requires_grad_(learned.get(parameter, True))
        return model
