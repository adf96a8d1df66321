"""A plain PyTorch training loop as a good practitioner writes it, for `training` to compare with.

A Dataset that reads a picture with PIL, resizes it and keeps the result in memory after the first time; DataLoaders
that shuffle; a frozen backbone in eval mode and under no_grad; an adaptation layer and a linear head behind it; cross
entropy plus a multi-kernel MMD between the domains; AdamW; cosine schedule. Not a benchmark of its own: `run` shows
one epoch.
"""
from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.frame.figures import Row, Table

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Pictures(Dataset[tuple[Tensor, int]]):
    """Grey pictures in memory, as float32 in [0, 1].

    Args:
        files: of the pictures.
        labels: one per picture.
        size: side in pixels.
    """

    def __init__(self, files: Sequence[Path], labels: Sequence[int], size: int) -> None:
        self.files, self.labels, self.size = files, labels, size
        self._kept: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        if i not in self._kept:
            with Image.open(self.files[i]) as picture:
                grey = picture.convert("L").resize((self.size, self.size), Image.Resampling.BILINEAR)
            self._kept[i] = torch.from_numpy(np.asarray(grey, dtype=np.float32) / 255.0)[None]
        return self._kept[i], self.labels[i]


class Network(nn.Module):
    """A backbone, an adaptation layer and a head.

    Args:
        backbone: name in timm.
        frozen: whether the backbone stays as it is.
        weights: of the backbone, or None for a random start.
        width: of the adaptation layer.
    """

    def __init__(self, backbone: str, frozen: bool, weights: dict[str, Tensor] | None = None, width: int = 256) -> None:
        super().__init__()
        self.backbone = timm.create_model(backbone, pretrained=False, num_classes=0)
        if weights is not None:
            self.backbone.load_state_dict(weights)
        self.backbone.requires_grad_(not frozen)
        self.frozen = frozen
        self.adaptation = nn.Sequential(nn.Linear(self.backbone.num_features, width), nn.ReLU())
        self.head = nn.Linear(width, 2)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def train(self, mode: bool = True) -> Network:
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        rgb = (images.expand(-1, 3, -1, -1) - self.mean) / self.std
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            deep = self.backbone(rgb)
        features = self.adaptation(deep)
        return features, self.head(features)


def mk_mmd(source: Tensor, target: Tensor) -> Tensor:
    """Squared MMD of five Gaussian kernels, one distance matrix."""
    rows = torch.cat([source, target])
    squared = torch.cdist(rows, rows).square()
    n = len(rows)
    scale = squared.detach().sum() / (n * (n - 1))
    kernel = sum(torch.exp(-squared / (2 * width * scale)) for width in (0.25, 0.5, 1.0, 2.0, 4.0)) / 5
    assert isinstance(kernel, Tensor)
    m = len(source)
    return kernel[:m, :m].mean() + kernel[m:, m:].mean() - 2 * kernel[:m, m:].mean()


@dataclass
class Looped:
    """What a loop took and gave.

    Attributes:
        epochs: seconds of each, validation and test prediction included.
        scores: of the positive class, (n test,).
    """

    epochs: list[float] = field(default_factory=list)
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))


def loop(
    network: Network, source: Pictures, target: Pictures | None, scored: Sequence[Pictures], *, epochs: int, of: int,
    batch: int, lr: float, seed: int = 0,
) -> Looped:
    """Trains and predicts all ``scored`` pictures after each epoch, as medtl does.

    Args:
        network: to train.
        source: labelled pictures.
        target: pictures whose labels are not read, or None for no alignment.
        scored: sets to predict; the last one's scores are returned.
        epochs: that are run.
        of: that the schedule is made for.
        batch: pictures of each domain in a step.
        lr: learning rate.
        seed: of the order.
    """
    torch.manual_seed(seed)
    steps = math.ceil(max(len(source), len(target) if target else 0) / batch)
    moving = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(moving, lr=lr, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, of * steps)
    first = DataLoader(source, batch, shuffle=True, drop_last=True)
    second = DataLoader(target, batch, shuffle=True, drop_last=True) if target is not None else None
    done = Looped()
    for _ in range(epochs):
        began = time.perf_counter()
        network.train()
        one, two = iter(first), iter(second) if second is not None else None
        for _ in range(steps):
            try:
                images, labels = next(one)
            except StopIteration:
                one = iter(first)
                images, labels = next(one)
            if second is None or two is None:
                _, logits = network(images)
                loss = nn.functional.cross_entropy(logits, labels)
            else:
                try:
                    others, _ = next(two)
                except StopIteration:
                    two = iter(second)
                    others, _ = next(two)
                features, logits = network(torch.cat([images, others]))
                loss = nn.functional.cross_entropy(logits[:batch], labels) + mk_mmd(features[:batch], features[batch:])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        network.eval()
        with torch.inference_mode():
            for pictures in scored:
                said = [network(images)[1].softmax(1)[:, 1] for images, _ in DataLoader(pictures, batch)]
                done.scores = torch.cat(said).numpy()
        done.epochs.append(time.perf_counter() - began)
    return done


def run(quick: bool = False) -> list[Row]:
    """One epoch on random pictures, so that the loop can be seen at work by itself."""
    made = np.random.default_rng(0)
    pictures = Pictures([Path(str(i)) for i in range(32)], [int(i % 2) for i in range(32)], 64)
    pictures._kept = {i: torch.from_numpy(made.random((1, 64, 64), dtype=np.float32)) for i in range(32)}
    network = Network("resnet18", frozen=True)
    took = loop(network, pictures, pictures, [pictures], epochs=2, of=2, batch=8, lr=1e-3).epochs
    return [Table("Frozen ResNet-18, 32 random pictures of 64 x 64", ("epoch", "seconds"),
                  tuple((str(i + 1), f"{seconds:.2f}") for i, seconds in enumerate(took)))]
