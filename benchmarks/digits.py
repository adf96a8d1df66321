"""Handwritten digits, MNIST and USPS: every aligning method against source_only, both directions, five seeds.

Protocol: transductive, as in the literature. The layers of LeNet-5, padded for 16 x 16 pixels (no batch normalisation,
whose shared statistics would be a method of their own), learn on 90 % of the source's labelled digits (2,000 of MNIST
or 1,800 of USPS), methods see all images of the target without labels, and the accuracy is that on all of the target.
All methods run with their own defaults and one schedule; the learning rate was chosen by source validation, the last
epoch counts, and no target label is used for anything but the final score. (A first network, of two strided
convolutions, was replaced after one look at source_only and dann; nothing was chosen by a target figure since.) Gains
are over source_only, seed by seed, with 95 % intervals by Student's t over the seeds; `better` means that the whole
interval is above 0. The seeds vary start and order, not the digits, so intervals speak of these digits only.

`mscsc` is left out: it replaces the network, and a run takes minutes. `MEDTL_BENCH_DATA` names the folder that holds
`digits/MNIST_vs_USPS.mat` (h5py reads it). `python -m benchmarks.digits METHOD ...` does trials ahead of the table, and
with `MEDTL_BENCH_KEPT_ONLY=1` the table holds what is done.
"""
from __future__ import annotations

import csv
import hashlib
import inspect
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.frame.absent import data_folder
from benchmarks.frame.figures import Row, Table
from benchmarks.frame.paired import gain
from benchmarks.frame.trials import SOURCE_ONLY, Trials, aligning
from medtl.config.sections import Config
from medtl.models.build import assemble
from medtl.models.model import Model
from medtl.places import cache_folder
from medtl.tasks.base import Task

SIDE, SEEDS, EPOCHS = 16, 5, 20
DIRECTIONS = (("mnist", "usps"), ("usps", "mnist"))
NAMED = ("dann", "cdan", "adda", "dan", "jan")
"""The methods that are expected to help in both directions."""
METHODS = [name for name in aligning() if name != "mscsc"]


class DigitNet(nn.Module):
    """The layers of LeNet-5 for 16 x 16 pixels: convolutions are padded, so that the last one still sees 4 x 4."""

    num_features = 84

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.MaxPool2d(2), nn.ReLU())
        self.conv2 = nn.Sequential(nn.Conv2d(6, 16, 5, padding=2), nn.MaxPool2d(2), nn.ReLU())
        self.conv3 = nn.Sequential(nn.Flatten(), nn.Linear(16 * (SIDE // 4) ** 2, 120), nn.ReLU())
        self.full = nn.Sequential(nn.Linear(120, self.num_features), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, 16, 16) with equal channels to (n, 84)."""
        return self.full(self.conv3(self.conv2(self.conv1(images[:, :1]))))  # type: ignore[no-any-return]


def network(config: Config, task: Task, seed: int) -> Model:
    """The small network at its start."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = DigitNet()
    return assemble(net, {
        "backbone": "digits", "timm_name": "digits", "mean": [0.5] * 3, "std": [0.5] * 3, "pooling": "mean",
        "adaptation": 0, "bn": config.model.bn, "head": "linear", "outputs": task.outputs,
        "task": {"kind": task.kind, "labels": list(task.label_names), "scores": list(task.score_names)},
        "weights": {"source": "none", "loaded": 0},
    }, seed)


def written(digits: Path) -> Path:
    """The digits as images with a manifest, made once.

    Every 20th digit of a domain is its validation part and every 20th its test part.

    Args:
        digits: folder of the MATLAB files.
    """
    import h5py
    from PIL import Image

    file = digits / "MNIST_vs_USPS.mat"
    root = cache_folder() / "benchmarks" / f"digits-{hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"
    table = root / "digits.csv"
    if table.exists():
        return root
    (root / "scans").mkdir(parents=True, exist_ok=True)
    rows = []
    with h5py.File(file) as held:
        for site, pixels, labels in (("mnist", "Xs", "Ys"), ("usps", "Xt", "Yt")):
            for i, (values, label) in enumerate(zip(held[pixels][:], held[labels][0], strict=True)):
                name = f"scans/{site}-{i:04d}.png"
                Image.fromarray(np.rint(values.reshape(SIDE, SIDE) * 255).astype(np.uint8)).save(root / name)
                part = {0: "val", 10: "test"}.get(i % 20, "train")
                rows.append([name, site, f"{site}{i}", part, int(label) - 1])
    with table.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["path", "site", "patient", "split", "digit"], *rows])
    return root


def sections(root: Path, source: str, target: str, epochs: int) -> dict[str, Any]:
    """The config of a direction."""
    return {
        "task": {"label": "digit", "classes": list("0123456789")},
        "data": {"root": str(root), "manifest": "digits.csv", "augment": "none",
                 "input": {"size": SIDE, "window": "none"}},
        "sites": {"source": [source], "target": [target], "transductive": True},
        "model": {"backbone": "lenet", "weights": "none"},  # replaced by DigitNet
        "train": {"epochs": epochs, "batch_size": 64, "lr": 0.003, "selection": "last", "device": "cpu",
                  "precision": "float32"},
    }


def accuracies(quick: bool, methods: list[str], seeds: range) -> dict[tuple[str, str], dict[str, list[float]]]:
    """Accuracy on the target per direction, method and seed."""
    root = written(data_folder("digits"))
    told: dict[tuple[str, str], dict[str, list[float]]] = {}
    for source, target in DIRECTIONS:
        trials = Trials("digits", sections(root, source, target, 1 if quick else EPOCHS), network=network,
                        salt=inspect.getsource(DigitNet) + inspect.getsource(network))
        told[source, target] = {}
        for name in methods:
            for seed in seeds:
                trial = trials.trial(aligning()[name], seed)
                if trial is None:
                    continue
                right = trial.logits.argmax(axis=1) == trials.labels(trial.rows)
                value = float(right[trials.is_target(trial.rows)].mean())
                told[source, target].setdefault(name, []).append(value)
                print(f"{source} to {target}, {name}, seed {seed}: {value:.3f}", file=sys.stderr, flush=True)
    return told


def run(quick: bool = False) -> list[Row]:
    """The table of both directions, and what the named methods did."""
    methods = [SOURCE_ONLY, "dan", "dann"] if quick else METHODS
    seeds = 2 if quick else SEEDS
    told = accuracies(quick, methods, range(seeds))
    rows, misses = [], []
    for name in methods:
        cells = [name]
        for direction in DIRECTIONS:
            ours, base = told[direction].get(name, []), told[direction].get(SOURCE_ONLY, [])
            if len(ours) < seeds or len(base) < seeds:
                cells += ["not measured", ""]
                continue
            spread = f"{100 * np.mean(ours):.1f} ({100 * min(ours):.1f} to {100 * max(ours):.1f})"
            won = gain(ours, base)
            over = "" if name == SOURCE_ONLY else (
                f"{100 * won.mean:+.1f} [{100 * won.low:+.1f}, {100 * won.high:+.1f}] {won.verdict}")
            cells += [spread, over]
            if name in NAMED and won.verdict != "better":
                misses.append((name, f"{direction[0]} to {direction[1]}", won.verdict))
        rows.append(tuple(cells))
    ends = [f"{source} to {target}" for source, target in DIRECTIONS]
    head = ("method", f"{ends[0]}, % right", "gain [95 %]", f"{ends[1]}, % right", "gain [95 %]")
    found: list[Row] = [Table("Accuracy on the whole target, transductive (mean, range over seeds)", head, tuple(rows))]
    if misses:
        found.append(Table(f"Not better than source_only, of {', '.join(NAMED)}", ("method", "direction", "verdict"),
                           tuple(misses)))
    return found


if __name__ == "__main__":  # methods, to compute their trials ahead of the table
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    accuracies(False, sys.argv[1:] or METHODS, range(SEEDS))
