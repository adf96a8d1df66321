"""Predictions and run folders of made-up hospitals, written as a run writes them."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medtl.predictions import Predictions, write_predictions

SITES = (("north", "source", 1.8), ("east", "source", 1.6), ("south", "target", 1.0), ("west", "target", 0.7))
CLASSES = {"binary": ("no", "nodule"), "multiclass": ("none", "benign", "malignant"), "multilabel": ("fluid", "mass")}
PredictionsOf = Callable[..., Predictions]


def make_predictions(
    kind: str = "binary", *, n: int = 60, seed: int = 0, one_class: str = "", unknown: float = 0.0, gain: float = 1.2,
    models: tuple[str, ...] = ("adapted", "baseline"), nameless: bool = False,
) -> Predictions:
    rng = np.random.default_rng(seed)
    classes, rows = CLASSES[kind], []
    for site, role, reach in SITES:
        for split in ("train", "val", "test") if role == "source" else ("adapt", "test"):
            for i in range(n):
                label = _label(kind, rng, site == one_class)
                told = [-1 if rng.random() < unknown else value for value in label]
                base = rng.normal(size=len(classes))
                for model in models:
                    shift = reach * (gain if model == "adapted" else 1.0)
                    z = base + 0.3 * rng.normal(size=len(classes))
                    z = z + shift * (np.array(label) if kind == "multilabel" else np.eye(len(classes))[label[0]])
                    score = 1 / (1 + np.exp(-z)) if kind == "multilabel" else np.exp(z) / np.exp(z).sum()
                    patient = "" if nameless else f"p{split}{i // 2}"
                    rows.append((f"s{split}{i}", patient, site, f"{site}-ct", role, split, model, told, score, z))
    columns = list(zip(*rows, strict=True))
    text = [np.array(column, dtype=np.str_) for column in columns[:7]]
    return Predictions(
        *text, kind=kind, classes=classes, labels=np.array(columns[7]),  # type: ignore[arg-type]
        scores=np.array(columns[8]), logits=np.array(columns[9]),
    )


def _label(kind: str, rng: np.random.Generator, constant: bool) -> list[int]:
    if kind == "multilabel":
        return [0 if constant else int(rng.random() < 0.4) for _ in range(2)]
    if constant:
        return [0]
    return [int(rng.random() < 0.35) if kind == "binary" else int(rng.integers(3))]


@pytest.fixture
def predictions_of() -> PredictionsOf:
    return make_predictions


def make_run(folder: Path, predictions: Predictions, *, hostile: str = "") -> Path:
    """A run folder with everything that a report reads; `hostile` is planted wherever a user's text can stand."""
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(folder / "predictions.csv", predictions)
    (folder / "config.yaml").write_text(
        "task: {name: classification, label: nodule}\n"
        "sites: {source: [north, east], target: [south, west], target_labels: none, transductive: false}\n"
        "model: {backbone: efficientnet_lite0, weights: imagenet}\n"
        "transfer: {network: [{method: freeze, until: blocks.3}], mapping: [{method: dan, weight: 1.0}],"
        " adversarial: [], instances: []}\n"
        "train: {epochs: 4, seed: 0, selection: source_validation}\nevaluate: {bootstrap: 100, threshold: youden}\n"
    )
    provenance = {"medtl": "0.1.0", "python": "3.11", "device": "cpu", "seed": 0, "simulated": True,
                  "selection": "source_validation", "notes": ["south: patients unknown" + hostile],
                  "command": ["medtl", "train", "--config", "x.yaml" + hostile], "seconds": 12.5}
    (folder / "provenance.json").write_text(json.dumps(provenance))
    counts = [
        {"site": site, "role": role, "split": split, "class": name, "studies": 30,
         "patients": 15 if site != "west" else None}
        for site, role, _ in SITES for split in (("train", "val", "test") if role == "source" else ("adapt", "test"))
        for name in predictions.classes
    ]
    (folder / "split.json").write_text(json.dumps(counts))
    (folder / "refused.csv").write_text(
        f'row,study,site,reasons,detail\n7,ab12,north{hostile.replace(",", "")},corrupt_pixels,'
        '"the compressed pixel data cannot be decoded"\n'
    )
    (folder / "catalogue.csv").write_text(
        "row,study,patient,site,scanner,role,split,hidden,refused\n"
        + "".join(f"{i},s,p,north,,source,train,0,\n" for i in range(9))
    )
    lines = [
        {"stage": "00-fit", "epoch": e, "progress": e / 4,
         "losses": {"task": 0.7 / (e + 1), "dan" + hostile: 0.1 + 0.02 * e},
         "selection": {"rule": "source_validation", "value": 0.6 + 0.1 * e, "best_epoch": e}, "seconds": 1.0}
        for e in range(4)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"stage": "00-f')
    return folder


@pytest.fixture
def run_of() -> Callable[..., Path]:
    return make_run
