"""A network that answers from layers within: its encoder up to them, their moments standardised, and a small head."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from medtl.models.behind import KernelProjection, Standardise, behind
from medtl.models.model import Model
from medtl.models.pooling import build_pooling
from medtl.models.tapped import Statistic, tap


def probed(
    model: Model,
    layers: Sequence[str],
    statistics: Sequence[Statistic],
    standardise: Standardise | None = None,
    head: nn.Linear | KernelProjection | None = None,
) -> Model:
    """A network over moments of layers; attention over slices has nothing to learn from here and becomes their mean.

    Args:
        model: left as it is; its pretrained front is copied, its adaptation layer and head are left out.
        layers: of the encoder, whose moments are the features.
        statistics: of each layer.
        standardise: what the features pass next, or None.
        head: takes them; a linear one of zeros if None, for networks that only give features.

    Raises:
        ValueError: a layer that is not there or gives no activation.
    """
    encoder = tap(model.encoder, layers, statistics)
    description = model.describe()
    description.pop("branch")
    description.pop("behind", None)
    pooling: Literal["mean", "max"] = "max" if description["pooling"] == "max" else "mean"
    if head is None:
        head = nn.Linear(encoder.width, int(description["outputs"]))
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
    description |= {
        "tap": encoder.spec, "pooling": pooling, "adaptation": 0, "encoder_width": encoder.width,
        "feature_width": encoder.width, "head": "linear" if isinstance(head, nn.Linear) else head.spec,
    }
    if standardise is not None:
        description["behind"] = [standardise.spec]
    adaptation = behind(None, () if standardise is None else (standardise,))
    device = model.encoder.mean.device
    with torch.random.fork_rng(devices=[]):
        made = Model(
            encoder, build_pooling(pooling, encoder.width), adaptation, head, model.treatment, description
        )
    return made.to(device).eval()
