"""Layers that start to move one after the other, from the back."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.methods.base import OPTIONS, Method
from medtl.methods.fronts import encoder_parts
from medtl.models.model import Model


@dataclass(frozen=True, config=OPTIONS)
class GradualUnfreeze(Method):
    """Opens the encoder from the back to the front, so that fresh layers settle before pretrained ones move.

    What follows the encoder moves from the start. Of n encoder parts, the k-th from the back joins at the first epoch
    whose progress is at least `over` * k / n; before that it has no gradient and is in eval mode.

    Args:
        over: fraction of the run after which the frontmost part moves too, in (0, 1); a run must have epochs left then.

    Reference:
        Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", section 3.3.
    """

    over: Annotated[float, Field(gt=0, lt=1)] = 0.5

    def pace(self, model: Model, progress: float) -> Mapping[str, float]:
        """0 for the encoder parts whose turn has not come."""
        parts = encoder_parts(model)
        count = len(parts)
        return {
            name: 0.0
            for k, name in enumerate(reversed(parts), start=1)
            if progress < self.over * k / count - 1e-9  # an epoch's progress is a quotient, as exact as floats are
        }
