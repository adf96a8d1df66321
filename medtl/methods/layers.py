"""How wide the layers of a network are."""
from __future__ import annotations

from collections.abc import Sequence

import torch

from medtl.methods.base import Setting

PROBE_PX = 64


def layer_widths(setting: Setting, layers: Sequence[str]) -> list[int]:
    """Widths of the pooled activations of layers; parts are measured on one empty image.

    Args:
        setting: of the run.
        layers: ``features``, ``outputs`` or parts of the network.
    """
    known = {"features": setting.model.feature_width, "outputs": setting.task.outputs}
    parts = [layer for layer in layers if layer not in known]
    if parts:
        model = setting.model
        modes = [(module, module.training) for module in model.modules()]
        device = next(model.parameters()).device
        model.eval()
        with torch.no_grad():
            taps = model.full(torch.zeros(1, 1, 1, PROBE_PX, PROBE_PX, device=device), taps=parts).taps
        for module, mode in modes:
            module.training = mode
        known |= {part: taps[part].shape[1] for part in parts}
    return [known[layer] for layer in layers]
