"""From the config's model section to the network, deterministic by seed and without touching anybody's random state."""
from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import timm
import torch
from torch import nn

from medtl.config.sections import ModelSection
from medtl.models import bn
from medtl.models.backbones.base import Encoder, find
from medtl.models.behind import behind, build_layer
from medtl.models.harmonize import harmonizing
from medtl.models.model import Model
from medtl.models.patched import Patched
from medtl.models.pooling import build_pooling
from medtl.models.tapped import retap
from medtl.models.values import ValueHead
from medtl.models.weights import LoadReport, Say, load_weights, to_stderr
from medtl.tasks.base import Task

ADAPTATION_WIDTH = 256
"""Width of the adaptation layer where a method needs one and the config does not say."""


def build_model(
    section: ModelSection, *, task: Task, seed: int, needs_adaptation: bool = False, say: Say = to_stderr
) -> Model:
    """Builds the network that a config describes.

    The adaptation layer is ``Linear(d, width)`` and ReLU. Each component draws from a stream of its own, so that a
    change of one leaves the start of the others as it was.

    Args:
        section: backbone, weights, pooling, adaptation, bn, head.
        task: gives the number of outputs.
        seed: of every random start.
        needs_adaptation: whether a method aligns features: then the adaptation layer is on unless the section says 0.
        say: receives what is said before downloads and of partial loads.

    Returns:
        The network, in eval mode, on the CPU.

    Raises:
        ConfigError: no such backbone.
        WeightsError: its weights cannot be had.
    """
    width = section.adaptation if section.adaptation is not None else (ADAPTATION_WIDTH if needs_adaptation else 0)
    backbone = find(section.backbone).suited(section.weights)
    with _stream(seed, "encoder"):
        net = backbone.network()
    report = load_weights(net, backbone, section.weights, section.sha256, say)
    description: dict[str, Any] = {
        "backbone": backbone.name or section.backbone,
        "timm_name": backbone.timm_name,
        "timm": timm.__version__,
        "mean": list(backbone.mean),
        "std": list(backbone.std),
        "pooling": section.pooling,
        "adaptation": width,
        "bn": section.bn,
        "head": "value" if task.kind == "regression" else section.head,
        "outputs": task.outputs,
        "task": {"kind": task.kind, "labels": list(task.label_names), "scores": list(task.score_names)},
        "weights": {
            "source": report.source,
            "sha256": report.sha256,
            "loaded": len(report.loaded),
            "fresh": len(report.fresh),
        },
    }
    model = assemble(net, description, seed)
    if isinstance(model.head, ValueHead):
        model.head.mean.fill_(task.mean)
        model.head.scale.fill_(task.scale)
    return model


def assemble(net: nn.Module, description: dict[str, Any], seed: int) -> Model:
    """Puts pooling, adaptation layer and head on a backbone's network, as a description says."""
    encoder = Encoder(net, tuple(description["mean"]), tuple(description["std"]))
    bn.treat(encoder, description["bn"])
    if "tap" in description:  # a method reads layers within
        encoder = retap(encoder, description["tap"])
    if "patches" in description:
        encoder = Patched(encoder, description["patches"])
    width = int(description["adaptation"])
    with _stream(seed, "pooling"):
        pooling = harmonizing(build_pooling(description["pooling"], encoder.width), description.get("harmonize"))
    with _stream(seed, "adaptation"):
        adaptation = nn.Sequential(nn.Linear(encoder.width, width), nn.ReLU()) if width else None
    layers = [build_layer(spec) for spec in description.get("behind", ())]  # of a method, numbers to be loaded
    features = int(layers[-1].width if layers else width or encoder.width)  # type: ignore[arg-type]
    with _stream(seed, "head"):
        head = _head(description["head"], features, int(description["outputs"]))
    model = Model(
        encoder, pooling, behind(adaptation, layers), head, description["bn"],
        {**description, "encoder_width": encoder.width, "feature_width": features},
    )
    return model.eval()


def _head(kind: str | dict[str, Any], features: int, outputs: int) -> nn.Module:
    if kind == "value":
        return ValueHead(features, outputs)
    return nn.Linear(features, outputs) if isinstance(kind, str) else build_layer(kind)


@contextmanager
def _stream(seed: int, name: str) -> Iterator[None]:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(digest[:7], "big"))
        yield


__all__ = ["ADAPTATION_WIDTH", "LoadReport", "assemble", "build_model"]
