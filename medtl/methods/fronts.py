"""The pretrained front of a network."""
from __future__ import annotations

from medtl.models.model import Model

BEHIND = ("pooling", "adaptation", "head")
"""Parts that follow the encoder, always fresh."""


def encoder_parts(model: Model) -> list[str]:
    """Names of the encoder's parts, front to back."""
    return [name for name in model.parts if name not in BEHIND]
