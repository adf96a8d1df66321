"""A linear probe first, then fine-tuning from where it stands."""
from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.methods.base import OPTIONS, Fit, Method, Setting, Stages, Turn


@dataclass(frozen=True, config=OPTIONS)
class LpFt(Method):
    """Two stages: what follows the encoder is fitted on frozen features; then everything is fine-tuned.

    A fresh head pulls pretrained features out of shape while it is still wrong; one that fits them already does not. In
    the first stage the encoder has no gradient and is in eval mode. Each stage keeps the epoch that `train.selection`
    chooses, and the second starts from the first's.

    Args:
        probe_epochs: of the first stage; the run's if left out.
        rate: factor of all learning rates in the second stage.

    Reference:
        Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution".
    """

    probe_epochs: Annotated[int, Field(gt=0)] | None = None
    rate: Annotated[float, Field(gt=0)] = 1.0

    def stages(self, setting: Setting) -> Stages:
        """Probe, then fine-tune."""
        model = setting.model
        yield Fit("probe", model, frozen=(model.encoder,), epochs=self.probe_epochs)
        yield Fit("finetune", model, turns=(Turn("model", rate=self.rate),))
        return model
