"""What an answer rests on, by covering the image piece by piece: a coarse map that any network gives."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medtl.models.model import Model

CELLS = 7
"""Squares along each side of the map."""
CHUNK = 16
"""Covered images that go through the network at once."""
AGREES = 1e-3
"""Largest difference of logits between the network and its two halves, up to which slices are taken one by one."""


@dataclass(frozen=True, eq=False)
class Occlusion:
    """How far the evidence for one answer falls when parts of an image are covered.

    Attributes:
        slice: index of the slice that was covered: the one whose loss changes the evidence most.
        slices: how many there are.
        evidence: of the whole image: log odds of the class or label, in nats.
        falls: float64, (cells, cells), evidence of the whole less that of the covered image; above 0 where the square
            speaks for the answer.
    """

    slice: int
    slices: int
    evidence: float
    falls: NDArray[np.float64]


def occlude(
    model: Model, image: NDArray[np.float32], question: int, kind: Literal["binary", "multiclass", "multilabel"], *,
    cells: int = CELLS, device: torch.device | str = "cpu",
) -> Occlusion:
    """Covers one slice of a scan, square by square, with the slice's mean grey.

    Each patch is two cells wide, so that neighbours overlap. Where the network takes slices one by one, only the
    covered slice goes through it again.

    Args:
        model: moved to the device; its modes are put back.
        image: float32 in [0, 1], (slices, channels, height, width).
        question: index of the class or label.
        kind: of the task.
        cells: squares along each side, at least 1.
        device: where it runs.

    Returns:
        The map.

    Reference:
        Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.to(device).eval()
    try:
        with torch.inference_mode():
            return _occlude(model, torch.from_numpy(np.array(image)).to(device), question, kind, cells)
    finally:
        for module, mode in modes:
            module.training = mode


def _occlude(model: Model, image: Tensor, question: int, kind: str, cells: int) -> Occlusion:
    whole = model.full(image[None]).outputs  # also routes domain-wise normalisation
    evidence = _evidence(whole, question, kind)[0]
    apart = _taken_apart(model, image, whole)

    def without(number: int, covered: Tensor) -> Tensor:
        """Evidence with each of these pictures, (n, channels, height, width), in the place of one slice."""
        found = []
        for part in torch.split(covered, CHUNK):
            if apart is None:
                stacks = image[None].repeat(len(part), 1, 1, 1, 1)
                stacks[:, number] = part
                logits = model.full(stacks).outputs
            else:
                features = apart.repeat(len(part), 1, 1)
                features[:, number] = model.slice_features(part[:, None])[:, 0]
                logits = model.finish(features).outputs
            found.append(_evidence(logits, question, kind))
        return torch.cat(found)

    slices = image.shape[0]
    grey = image.mean(dim=(1, 2, 3))
    number = 0
    if slices > 1:
        loss = torch.cat([without(k, grey[k].expand(image[k].shape)[None]) for k in range(slices)])
        number = int((evidence - loss).abs().argmax())
    falls = evidence - without(number, _covered(image[number], float(grey[number]), cells))
    return Occlusion(number, slices, float(evidence), falls.double().cpu().numpy().reshape(cells, cells))


def _taken_apart(model: Model, image: Tensor, whole: Tensor) -> Tensor | None:
    """Features per slice, (1, slices, d), if the network is those features and what follows; else None."""
    try:
        features = model.slice_features(image[None])
        same = torch.allclose(model.finish(features).outputs, whole, atol=AGREES, rtol=AGREES)
    except (RuntimeError, AttributeError, TypeError):
        return None
    return features if same and features.shape[1] == image.shape[0] else None


def _covered(picture: Tensor, grey: float, cells: int) -> Tensor:
    """(channels, height, width) to (cells², channels, height, width), row by row of the map."""
    height, width = picture.shape[-2:]
    out = picture[None].repeat(cells * cells, 1, 1, 1)
    for row in range(cells):
        for column in range(cells):
            top, bottom = _ends(row, cells, height)
            left, right = _ends(column, cells, width)
            out[row * cells + column, :, top:bottom, left:right] = grey
    return out


def _ends(cell: int, cells: int, length: int) -> tuple[int, int]:
    size = length / cells
    return max(0, round((cell - 0.5) * size)), min(length, round((cell + 1.5) * size))


def _evidence(logits: Tensor, question: int, kind: str) -> Tensor:
    """Log odds of the class against all others, or of the label, (n,)."""
    logits = logits.float()
    if kind == "multilabel":
        return logits[:, question]
    others = [k for k in range(logits.shape[1]) if k != question]
    return logits[:, question] - torch.logsumexp(logits[:, others], dim=1)
