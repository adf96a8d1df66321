"""Draws the toy shift of each method's page: features of two domains, learned without and with the method.

Two classes in two dimensions; the target is stretched and moved, along the line that tells the classes apart too. A
small network maps both to two features, so that what a method does to them can be seen. ``mscsc`` learns what pictures
are made of, so it gets pictures: fine and coarse stripes, in the target paler, smoother and noisier. Both of its panels
show its network, without and with banks learned beforehand, by two principal components of the features.
``python docs/figures/toy_shift.py [METHOD ...]`` writes the pictures here.
"""
from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medtl import registry
from medtl.config.sections import TrainSection
from medtl.data.loaders import PairLoader
from medtl.data.prepared import Prepared
from medtl.functional.transferability.proxy_distance import proxy_a_distance
from medtl.methods.base import Method
from medtl.methods.mapping import CORAL
from medtl.models.backbones.sparse_coding import SparseCodingNet
from medtl.models.build import assemble
from medtl.models.model import Model
from medtl.models.predict import predict
from medtl.tasks.classification import Classification
from medtl.training.engine import run_plan
from medtl.training.setting import make_setting
from medtl.types import Catalogue, Cohort, Item, Split

HERE = Path(__file__).resolve().parent
TASK = Classification(label="class")
TRAIN = TrainSection(epochs=60, batch_size=32, lr=5e-3, seed=0, selection="last", device="cpu", precision="float32")
SPREAD = 8.0
"""Coordinates from -4 to 4 become grey values from 0 to 1."""
OPTIONS: dict[str, dict[str, Any]] = {
    "tca": {"components": 2}, "dah": {"bits": 2, "codes": 8}, "coral": {"weight": 10.0}, "deep_jdot": {"features": 0.1},
    "mscsc": {"bank_epochs": 8, "patch": 17, "iterations": 5},
}
"""What differs from the defaults, so that two features are left to draw, or that the penalty can be seen."""
SIDE, GAP, HEAD = 230, 20, 40
COLOURS = ("#0b5ea8", "#c04a00")


class ToyNet(nn.Module):
    """The mean of a picture's left and right half through three full layers to two features."""

    num_features = 2

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(2, 16), nn.ReLU())
        self.second = nn.Sequential(nn.Linear(16, 16), nn.ReLU())
        self.last = nn.Linear(16, 2)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, 2, 2) to (n, 2)."""
        return self.last(self.second(self.first(images[:, 0].mean(dim=1))))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Toy:
    """Two domains and what learns on them.

    Attributes:
        prepared: the pictures.
        cohort: whose they are; target labels are hidden.
        net: the network at its start.
        std: of the pictures' values.
        train: how it learns.
    """

    prepared: Prepared
    cohort: Cohort
    net: Callable[[], nn.Module]
    std: float
    train: TrainSection


def point(draw: np.random.Generator, label: int, moved: bool) -> np.ndarray:
    """A point of the plane as a picture of 2 x 2 pixels."""
    at = draw.normal([2.0 * label - 1.0, 0.0], [0.35, 0.6])
    if moved:
        at = at * [0.9, 1.3] + [0.9, 1.2]
    return np.tile((0.5 + at / SPREAD).astype(np.float32), (1, 1, 2, 1))


def texture(draw: np.random.Generator, label: int, moved: bool) -> np.ndarray:
    """Stripes in any direction, 4 or 6 pixels from one to the next, on 24 x 24 pixels."""
    angle, phase = draw.uniform(0, np.pi), draw.uniform(0, 2 * np.pi)
    down, right = np.mgrid[:24, :24]
    wave = np.sin((down * np.sin(angle) + right * np.cos(angle)) * 2 * np.pi / (6 if label else 4) + phase)
    grey = 0.65 + 0.08 * wave if moved else 0.4 + 0.2 * np.sign(wave)
    return np.clip(grey + draw.normal(0, 0.1 if moved else 0.05, wave.shape), 0, 1).astype(np.float32)[None, None]


def toy(
    of: Callable[[np.random.Generator, int, bool], np.ndarray], net: Callable[[], nn.Module], std: float, each: int,
    train: TrainSection,
) -> Toy:
    """Both domains, so many studies each, half of them of either class."""
    draw = np.random.default_rng(0)
    items, arrays, split = [], {}, []
    for site in ("source", "target"):
        for k in range(each):
            arrays[len(items)] = of(draw, k % 2, site == "target")
            items.append(Item(len(items) + 1, f"{site}{k}", f"{site}{k}", site, "", Path("x"), (float(k % 2),)))
            parts: tuple[Split, ...] = ("train", "train", "val", "test") if site == "source" else ("adapt", "test")
            split.append(parts[k // 2 % len(parts)])
    catalogue = Catalogue(tuple(items), ("class",), Path("."), simulated=True)
    hidden = np.arange(len(items)) >= each
    cohort = Cohort(catalogue, ("source",) * each + ("target",) * each, tuple(split), hidden)
    return Toy(Prepared.in_memory(catalogue, arrays), cohort, net, std, train)


def network(of: Toy) -> Model:
    """The network at its start."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net = of.net()
    return assemble(net, {
        "backbone": "toy", "mean": [0.5] * 3, "std": [of.std] * 3, "pooling": "mean", "adaptation": 0,
        "bn": "joint", "head": "linear", "outputs": TASK.outputs, "weights": {"loaded": 0}}, 0)


def learned(methods: list[Method], of: Toy) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, predicted classes and positions of the test rows of both domains."""
    loader, cohort = PairLoader(of.prepared, of.cohort, batch_size=of.train.batch_size, seed=0), of.cohort
    with tempfile.TemporaryDirectory() as folder:
        model = run_plan(methods, make_setting(network(of), TASK, loader, of.train), loader, of.train,
                         Path(folder) / "stages", Path(folder) / "log.jsonl")
    rows = np.concatenate([cohort.rows("source", "val", "test"), cohort.rows("target", "test")])
    said = predict(model, loader.scan(rows), features=True)
    assert said.features is not None
    return said.features, said.logits.argmax(axis=1), said.rows


def picture(name: str, panels: list[tuple[str, np.ndarray, np.ndarray, np.ndarray]], cohort: Cohort) -> str:
    """Two panels: circles are the source, triangles the target; colours are the classes."""
    parts = []
    labels = cohort.catalogue.labels[:, 0].astype(int)
    for column, (title, features, called, rows) in enumerate(panels):
        left = column * (SIDE + GAP)
        there = np.array([cohort.role[row] == "target" for row in rows])
        right = (called == labels[rows])[there].mean()
        of_source, of_target = [str(row) for row in rows[~there]], [str(row) for row in rows[there]]
        apart = proxy_a_distance(features[~there], features[there], of_source, of_target, bootstrap=0)
        if features.shape[1] > 2:
            centred = features - features.mean(axis=0)
            features = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
        low, high = features.min(axis=0), features.max(axis=0)
        place = (features - low) / np.where(high > low, high - low, 1.0) * (SIDE - 16) + 8
        parts.append(f'<text x="{left + 2}" y="14" font-weight="bold">{title}</text>')
        parts.append(f'<text x="{left + 2}" y="31">target {right:.0%} right, A-distance {apart.value:.1f}</text>')
        parts.append(f'<rect x="{left}" y="{HEAD}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#5b6570"/>')
        for kind, colour in enumerate(COLOURS):
            steps = ""
            for k in np.flatnonzero(labels[rows] == kind):
                x, y = left + place[k, 0], HEAD + SIDE - place[k, 1]
                circle = f"M{x - 2:.0f} {y:.0f}a2 2 0 1 0 4 0a2 2 0 1 0 -4 0"
                steps += f"M{x - 3:.0f} {y + 3:.0f}h6l-3 -6z" if there[k] else circle
            parts.append(f'<path d="{steps}" fill="{colour}" fill-opacity=".75"/>')
    width, height = 2 * SIDE + GAP, HEAD + SIDE
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 0 {width + 2} {height + 1}" width="{width + 2}" '
            f'height="{height + 1}" role="img" aria-label="Features of a toy shift without and with {name}" '
            f'font-family="sans-serif" font-size="12" fill="#1b1f24">{"".join(parts)}</svg>\n')


def main(names: list[str]) -> None:
    """Draws these methods, or all of the families mapping and adversarial."""
    torch.set_num_threads(1)
    points = toy(point, ToyNet, 1.0 / SPREAD, 160, TRAIN)
    textures = toy(texture, SparseCodingNet, 0.5, 64, replace(TRAIN, epochs=20, batch_size=16))
    known = [entry.name for entry in registry.entries("methods") if entry.family in ("mapping", "adversarial")]
    plain: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    for name in names or known:
        of = textures if name == "mscsc" else points
        if id(of) not in plain:
            plain[id(of)] = learned([], of)
        method = registry.load("methods", name)(**OPTIONS.get(name, {}))
        features, called, rows = learned([method], of)
        if name == "feature_coral":  # the network is as it was: its new head was fitted on mapped source features
            there = np.array([of.cohort.role[row] == "target" for row in rows])
            source, target = features[~there], features[there]
            ridge = 0.5 * float(source.var(axis=0).mean() + target.var(axis=0).mean())
            mapped = CORAL(ridge, means=True).fit(source, target).transform(source)
            features = np.concatenate([mapped, target.astype(mapped.dtype)])
        drawn = picture(name, [("source_only", *plain[id(of)]), (name, features, called, rows)], of.cohort)
        (HERE / f"{name}.svg").write_text(drawn, encoding="utf-8")
        print(name, len(drawn), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
