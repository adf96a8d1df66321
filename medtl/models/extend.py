"""A network with more behind its features: the same encoder, a further layer, and a head of the new width."""
from __future__ import annotations

import torch
from torch import nn

from medtl.models.behind import Affine, CodeHead, Hash, KernelProjection, behind
from medtl.models.model import Model
from medtl.models.values import ValueHead, fresh_values


def extend(
    model: Model, layer: Affine | KernelProjection | Hash, *, head: CodeHead | None = None, seed: int | None = None
) -> Model:
    """Puts a layer between the features and the head.

    Encoder, pooling and adaptation layer are shared with the given network, not copied.

    Args:
        model: left as it is.
        layer: from the features to new ones.
        head: takes the new features; if None, a linear one does.
        seed: of a fresh linear head; if None, the model's own head is kept.

    Returns:
        A new network whose features are the layer's.

    Raises:
        ValueError: the head that is kept does not fit the layer's width.
    """
    description = model.describe()
    description.pop("branch")
    width = layer.width
    new: nn.Module
    if head is not None:
        new, description["head"] = head, head.spec
    elif seed is None:
        if width != model.feature_width:
            raise ValueError(f"the head takes {model.feature_width} features, the layer gives {width}")
        new = model.head
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            new = nn.Linear(width, int(description["outputs"]))
            if isinstance(model.head, ValueHead):
                new = fresh_values(model.head, width)
        description["head"] = "value" if isinstance(new, ValueHead) else "linear"
    description["behind"] = [*description.get("behind", ()), layer.spec]
    description["feature_width"] = width
    adaptation = behind(model.adaptation, (layer,))
    device = next(model.parameters()).device
    extended = Model(model.encoder, model.pooling, adaptation, new, model.treatment, description).to(device)
    return extended.eval()
