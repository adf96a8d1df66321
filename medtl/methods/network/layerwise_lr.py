"""Slower learning the nearer a layer is to the images."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.methods.base import OPTIONS, Method
from medtl.methods.fronts import encoder_parts
from medtl.models.model import Model


@dataclass(frozen=True, config=OPTIONS)
class LayerwiseLr(Method):
    """Learning rates that shrink by a factor per part, from the back of the encoder to its front.

    The k-th encoder part from the back learns at `decay` ** k of its rate, on top of `train.lr_backbone`; what follows
    the encoder keeps its own.

    Args:
        decay: factor per part, in (0, 1]; 1 changes nothing.

    Reference:
        Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", section 3.2 (there 1/2.6
        per layer).
    """

    decay: Annotated[float, Field(gt=0, le=1)] = 0.8

    def pace(self, model: Model, progress: float) -> Mapping[str, float]:
        """The same at any time."""
        return {name: self.decay**k for k, name in enumerate(reversed(encoder_parts(model)), start=1)}
