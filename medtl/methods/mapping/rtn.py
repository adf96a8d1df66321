"""Residual transfer network: the source classifier is the target's plus a small learned difference."""
from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from medtl.functional.entropy import prediction_entropy
from medtl.functional.joint import tensor_mmd2
from medtl.functional.kernels import BANDWIDTHS
from medtl.methods.base import OPTIONS, Method, Setting, Step
from medtl.methods.kinds import only_for
from medtl.methods.mapping._between import Domains, between
from medtl.models.model import Model


@dataclass(frozen=True, config=OPTIONS)
class RTN(Method):
    """Lets the classifiers of both domains differ: f_S = f_T + residual(f_T), on logits, the residual starting at 0.

    The network's head is f_T and answers for every site, the source included; source labels are learned through f_S.
    Further terms: the entropy of f_T on the target, and the discrepancy of the outer product of the layers.
    The penalty replaces the task loss of the source by that through f_S, to the degree `weight`: 0 is plain training,
    1 is the paper.

    Args:
        weight: factor of everything that this method changes, at least 0.
        mmd: factor of the tensor discrepancy.
        entropy: factor of the entropy of target predictions.
        hidden: units of the residual's hidden layer.
        layers: whose outer product is compared: `features`, `outputs` (read as scores), or parts of the network.
        bandwidths: kernel widths as multiples of the pooled mean squared distance.
        domains: `pooled` for source against target, `pairwise` for every site or scanner against every other.

    Reference:
        Long et al. 2016, "Unsupervised Domain Adaptation with Residual Transfer Networks".
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    mmd: Annotated[float, Field(ge=0)] = 0.3
    entropy: Annotated[float, Field(ge=0)] = 0.3
    hidden: Annotated[int, Field(gt=0)] = 32
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("features", "outputs")
    bandwidths: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=10)] = BANDWIDTHS
    domains: Domains = "pooled"

    needs_target_images: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The layers of the product, and the outputs."""
        return tuple(dict.fromkeys((*self.layers, "outputs")))

    def check(self, model: Model) -> tuple[str, ...]:
        """A regression has no entropy."""
        return only_for("rtn", ("binary", "multiclass", "multilabel"), model)

    def build(self, setting: Setting) -> nn.Module:
        """The residual."""
        return Residual(setting.task.outputs, self.hidden, setting.rng("rtn"))

    def penalty(self, step: Step) -> Tensor:
        """What the paper's objective has more than the task loss through f_T."""
        assert step.own is not None
        assert step.pair.target is not None
        batches = (step.pair.source, step.pair.target)
        labels, known, weights = (
            torch.cat([getattr(batch, name) for batch in batches]) for name in ("labels", "known", "weights")
        )
        of_source, of_target = step.source.outputs.float(), step.target.outputs.float()
        through_source = torch.cat([of_source + step.own(of_source), of_target])
        task = step.task
        exchanged = task.loss(through_source, labels, known, weights) - task.loss(
            torch.cat([of_source, of_target]), labels, known, weights
        )

        def distance(source: list[Tensor], target: list[Tensor]) -> Tensor:
            return tensor_mmd2(source, target, self.bandwidths)

        discrepancy = between(step, self.layers, distance, self.domains, scores=True)
        uncertain = prediction_entropy(of_target, task.kind).mean()
        return self.weight * (exchanged + self.mmd * discrepancy + self.entropy * uncertain)

    def diagnose(self, step: Step) -> dict[str, Tensor]:
        """Root mean square of the residual on source logits."""
        assert step.own is not None
        return {"residual": step.own(step.source.outputs.float()).square().mean().sqrt()}


class Residual(nn.Module):
    """Logits to what the source's classifier adds to them, zero at first.

    Args:
        outputs: number of logits.
        hidden: units.
        seed: of the first layer.
    """

    def __init__(self, outputs: int, hidden: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.first, self.last = nn.Linear(outputs, hidden), nn.Linear(hidden, outputs)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, logits: Tensor) -> Tensor:
        """(n, K) to (n, K), float32."""
        with torch.autocast(logits.device.type, enabled=False):
            added: Tensor = self.last(torch.relu(self.first(logits.float())))
        return added
