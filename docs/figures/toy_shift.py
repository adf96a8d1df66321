"""Draws the toy shift of each method's page: features of two domains, learned without and with the method.

Two classes in two dimensions; the target is stretched and moved, along the line that tells the classes apart too. A
small network maps both to two features, so that what a method does to them can be seen.
``python docs/figures/toy_shift.py [METHOD ...]`` writes the pictures here.
"""
from __future__ import annotations

import sys
import tempfile
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
from medtl.models.build import assemble
from medtl.models.model import Model
from medtl.models.predict import predict
from medtl.tasks.classification import Classification
from medtl.training.engine import run_plan
from medtl.training.setting import make_setting
from medtl.types import Catalogue, Cohort, Item

HERE = Path(__file__).resolve().parent
TASK = Classification(label="class")
TRAIN = TrainSection(epochs=60, batch_size=32, lr=5e-3, seed=0, selection="last", device="cpu", precision="float32")
EACH = 160
SPREAD = 8.0
"""Coordinates from -4 to 4 become grey values from 0 to 1."""
OPTIONS: dict[str, dict[str, Any]] = {
    "tca": {"components": 2}, "dah": {"bits": 2, "codes": 8}, "coral": {"weight": 10.0},
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


def domains() -> tuple[Prepared, Cohort]:
    """Both domains as pictures of 2 x 2 pixels."""
    draw = np.random.default_rng(0)
    items, role, split, arrays = [], [], [], {}
    for site in ("source", "target"):
        for k in range(EACH):
            label = k % 2
            point = draw.normal([2.0 * label - 1.0, 0.0], [0.35, 0.6])
            if site == "target":
                point = point * [0.9, 1.3] + [0.9, 1.2]
            arrays[len(items)] = np.tile((0.5 + point / SPREAD).astype(np.float32), (1, 1, 2, 1))
            items.append(Item(len(items) + 1, f"{site}{k}", f"{site}{k}", site, "", Path("x"), (float(label),)))
            role.append(site)
            part = ("train", "train", "val", "test")[k // 2 % 4] if site == "source" else ("adapt", "test")[k // 2 % 2]
            split.append(part)
    catalogue = Catalogue(tuple(items), ("class",), Path("."), simulated=True)
    hidden = np.array([one == "target" for one in role])
    cohort = Cohort(catalogue, tuple(role), tuple(split), hidden)  # type: ignore[arg-type]
    return Prepared.in_memory(catalogue, arrays), cohort


def network() -> Model:
    """The network at its start."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net = ToyNet()
    return assemble(net, {
        "backbone": "toy", "mean": [0.5] * 3, "std": [1.0 / SPREAD] * 3, "pooling": "mean", "adaptation": 0,
        "bn": "joint", "head": "linear", "outputs": TASK.outputs, "weights": {"loaded": 0}}, 0)


def learned(methods: list[Method], prepared: Prepared, cohort: Cohort) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, predicted classes and positions of the test rows of both domains."""
    loader = PairLoader(prepared, cohort, batch_size=TRAIN.batch_size, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        model = run_plan(methods, make_setting(network(), TASK, loader, TRAIN), loader, TRAIN, Path(folder) / "stages",
                         Path(folder) / "log.jsonl")
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
    """Draws these methods, or all of the families mapping and adversarial that keep the network."""
    torch.set_num_threads(1)
    prepared, cohort = domains()
    known = [entry.name for entry in registry.entries("methods")
             if entry.family in ("mapping", "adversarial") and entry.name != "mscsc"]
    plain = learned([], prepared, cohort)
    for name in names or known:
        method = registry.load("methods", name)(**OPTIONS.get(name, {}))
        drawn = picture(name, [("source_only", *plain), (name, *learned([method], prepared, cohort))], cohort)
        (HERE / f"{name}.svg").write_text(drawn, encoding="utf-8")
        print(name, len(drawn), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
