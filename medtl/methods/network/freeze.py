"""Reuse of the front layers as they are."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic.dataclasses import dataclass

from medtl.methods.base import OPTIONS, Method
from medtl.models.model import Model
from medtl.types import nearest

BEHIND = ("pooling", "adaptation", "head")
"""Parts that follow the encoder."""


@dataclass(frozen=True, config=OPTIONS)
class Freeze(Method):
    """Front layers keep their pretrained weights: no gradient, and eval mode, so that batch statistics stay too.

    `until: blocks.3` freezes from the input to that part, inclusive. `until: all` freezes the whole encoder: what
    follows it (attention pooling, adaptation layer, head) still learns, and with a mean or maximum over slices and no
    adaptation layer that is a linear probe.

    Args:
        until: name of the last frozen part, or `all`.

    Reference:
        Yosinski et al. 2014, "How transferable are features in deep neural networks?"; the network-based family of Tan
        et al. 2018, "A Survey on Deep Transfer Learning".
    """

    until: str

    def check(self, model: Model) -> Sequence[str]:
        """Whether `until` names a part in front of the head."""
        names = [name for name in model.parts if name != "head"]
        if self.until == "all" or self.until in names:
            return ()
        hint = nearest(self.until, [*names, "all"])
        return (
            f"freeze.until: {self.until!r} is no part of this network in front of its head"
            + (f"; did you mean {hint!r}?" if hint else ".")
            + f" Parts: all, {', '.join(names)}",
        )

    def pace(self, model: Model, progress: float) -> Mapping[str, float]:
        """0 for the frozen parts, at any time."""
        names = list(model.parts)
        if self.until == "all":
            return {name: 0.0 for name in names if name not in BEHIND}
        return dict.fromkeys(names[: names.index(self.until) + 1], 0.0)
