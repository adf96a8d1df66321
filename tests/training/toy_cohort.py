"""Three small hospitals whose scanners differ, and a small network with every kind of part, for tests of training.

A plain module, so that a test may run it in a process of its own and kill that.
"""
from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medtl import registry
from medtl.config.sections import ModelSection, TrainSection
from medtl.data.loaders import PairLoader
from medtl.data.prepared import Prepared
from medtl.methods.base import Method, Setting
from medtl.models.build import assemble, build_model
from medtl.models.model import Model
from medtl.tasks.base import Task
from medtl.tasks.classification import Classification
from medtl.tasks.regression import Regression
from medtl.training.engine import run_plan
from medtl.training.setting import make_setting
from medtl.types import Catalogue, Cohort, Item

TASK = Classification(label="nodule")
VALUES = Regression("nodule")
"""The same labels as numbers, for methods that are for regressions."""
QUICK = TrainSection(epochs=2, batch_size=6, lr=3e-3, lr_backbone=1.0, seed=3, device="cpu", precision="float32")
SITES = {"north": ("source", 0.0, 1.0), "east": ("source", 0.1, 0.9), "south": ("target", 0.3, 0.6)}
SIDE = 16


class SmallNet(nn.Module):
    """A convolution, two blocks, dropout, batch normalisation, a mean over space."""

    num_features = 12

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.blocks = nn.Sequential(*(
            nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1))
            for _ in range(2)
        ))
        self.conv_head = nn.Sequential(nn.Conv2d(8, 12, 1), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        return self.conv_head(self.blocks(torch.relu(self.bn1(self.conv1(images))))).mean(dim=(2, 3))


def small_model(
    seed: int = 0, *, bn: str = "joint", adaptation: int = 5, pooling: str = "mean", task: Task = TASK
) -> Model:
    """The network around :class:`SmallNet`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = SmallNet()
    description: dict[str, Any] = {
        "backbone": "small", "mean": [0.5] * 3, "std": [0.5] * 3, "pooling": pooling, "adaptation": adaptation,
        "bn": bn, "head": "value" if task is VALUES else "linear", "outputs": task.outputs, "weights": {"loaded": 0},
        "task": {"kind": task.kind},
    }
    return assemble(net, description, seed)


def real_model(backbone: str, seed: int = 0, *, bn: str = "joint", task: Task = TASK) -> Model:
    """A network of timm with fresh weights."""
    section = ModelSection(backbone=backbone, weights="none", bn=bn, adaptation=8)  # type: ignore[arg-type]
    return build_model(section, task=task, seed=seed)


def cohort(*, visible: int = 0, flipped: bool | str = False, per_site: int = 16) -> Cohort:
    """Studies of three hospitals; ``visible`` target labels may be seen, ``flipped`` turns the target's round, or only
    those that stay ``hidden``."""
    items, role, split = [], [], []
    for site, (part, _, _) in SITES.items():
        for k in range(per_site):
            label = float(k % 2)
            if part == "target" and flipped and not (flipped == "hidden" and k < visible):
                label = 1.0 - label
            items.append(Item(len(items) + 1, f"{site}-s{k}", f"{site}-p{k // 2}", site, "", Path("x"), (label,)))
            role.append(part)
            fraction = k / per_site
            if part == "source":
                split.append("train" if fraction < 0.5 else "val" if fraction < 0.75 else "test")
            else:
                split.append("adapt" if fraction < 0.5 else "test")
    hidden = np.array([r == "target" for r in role])
    hidden[[i for i, part in enumerate(split) if part == "adapt"][:visible]] = False
    catalogue = Catalogue(tuple(items), ("nodule",), Path("."), simulated=True)
    return Cohort(catalogue, tuple(role), tuple(split), hidden)


def loader(
    of: Cohort, *, train: TrainSection = QUICK, with_target: bool = True, side: int = SIDE, augment: str = "none"
) -> PairLoader:
    """Scans with a bright square where the label says so, seen by each site's scanner; labels decide nothing else."""
    arrays = {}
    plain = cohort(per_site=sum(item.site == "north" for item in of.catalogue.items))
    for i, item in enumerate(plain.catalogue.items):
        draw = np.random.default_rng(i)
        image = 0.2 + 0.1 * draw.random((1, 1, side, side), dtype=np.float32)
        if item.labels[0]:
            top, left = draw.integers(0, side // 2, 2)
            image[..., top:top + side // 2, left:left + side // 2] += 0.3
        _, offset, gain = SITES[item.site]
        arrays[i] = (offset + gain * image).astype(np.float32).clip(0, 1)
    return PairLoader(
        Prepared.in_memory(of.catalogue, arrays), of, batch_size=train.batch_size, seed=train.seed,
        with_target=with_target, augment=augment,  # type: ignore[arg-type]
    )


def setting(model: Model, of: PairLoader, train: TrainSection = QUICK, task: Task = TASK) -> Setting:
    """What methods may know."""
    return make_setting(model, task, of, train)


def run(folder: Path, methods: list[Method], *, model: Model | None = None, train: TrainSection = QUICK,
        of: Cohort | None = None, side: int = SIDE, augment: str = "none", task: Task = TASK) -> Model:
    """A whole run into a folder."""
    model = model if model is not None else small_model(task=task)
    data = loader(of if of is not None else cohort(), train=train, side=side, augment=augment)
    folder.mkdir(parents=True, exist_ok=True)
    return run_plan(methods, setting(model, data, train, task), data, train, folder / "stages", folder / "log.jsonl")


PLANS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "source_only": [("source_only", {})],
    "freeze": [("freeze", {"until": "blocks.0"})],
    "density_ratio": [("density_ratio", {})],
    "kmm": [("kmm", {})],
    "kliep": [("kliep", {})],
    "gradual_unfreeze": [("gradual_unfreeze", {"over": 0.9})],
    "layerwise_lr": [("layerwise_lr", {"decay": 0.5})],
    "l2_sp": [("l2_sp", {"fresh": 0.01})],
    "lp_ft": [("lp_ft", {"probe_epochs": 1})],
    "tradaboost": [("tradaboost", {"rounds": 4})],
    "multisource_tradaboost": [("multisource_tradaboost", {"rounds": 3})],
    "task_tradaboost": [("task_tradaboost", {"rounds": 3})],
    "enhanced_tradaboost": [("enhanced_tradaboost", {"rounds": 3})],
    "ensemble_transfer": [("ensemble_transfer", {"rounds": 3})],
    "biw": [("biw", {"steps": 5})],
    "tradaboost_r2": [("tradaboost_r2", {"rounds": 3})],
    "two_stage_tradaboost_r2": [("two_stage_tradaboost_r2", {"steps": 3, "folds": 2, "rounds": 2})],
    "expboost_r2": [("expboost_r2", {"rounds": 3})],
    "mtlf": [("mtlf", {"width": 4, "steps": 5})],
    "freeze+tradaboost": [("freeze", {"until": "all"}), ("tradaboost", {"rounds": 4, "first": "nothing"})],
    "probe": [("probe", {"repeats": 2, "folds": 2})],
    "lora": [("lora", {"rank": 2})],
    "shared_trunk": [("shared_trunk", {})],
    "oquab": [("oquab", {"hidden": 6, "scales": [1, 2]})],
    "dan": [("dan", {"layers": ["blocks.1", "features"], "kernel_weights": "quadratic"})],
    "dann": [("dann", {"hidden": 8, "tells": "domain"})],
    "adda": [("adda", {"hidden": 8})],
    "ddc": [("ddc", {"layers": ["blocks.1", "features"]})],
    "coral": [("coral", {"weight": 100.0, "domains": "pairwise"})],
    "jan": [("jan", {})],
    "sliced_wasserstein": [("sliced_wasserstein", {"projections": 8})],
    "deep_jdot": [("deep_jdot", {"features": 0.1})],
    "rtn": [("rtn", {"hidden": 4})],
    "wdgrl": [("wdgrl", {"hidden": 8, "critic_steps": 2})],
    "cdan": [("cdan", {"hidden": 8, "detach_entropy": False})],
    "domain_confusion": [("domain_confusion", {"hidden": 8, "tells": "domain"})],
    "luo_transfer": [("luo_transfer", {"hidden": 8, "layers": ["blocks.1", "features"]})],
    "tca": [("tca", {"components": 3, "kernel": "rbf"})],
    "feature_coral": [("feature_coral", {"direction": "target_to_source"})],
    "dah": [("dah", {"bits": 6, "codes": 2})],
    "mscsc": [("mscsc", {"iterations": 2, "patch": 17, "slices": 1, "bank_epochs": 1})],
    "freeze+wdgrl": [("freeze", {"until": "blocks.1"}), ("wdgrl", {"hidden": 8, "critic_steps": 2})],
    "freeze+tca": [("freeze", {"until": "all"}), ("tca", {"components": 3})],
    "freeze+dan+density_ratio": [("freeze", {"until": "all"}), ("dan", {}), ("density_ratio", {})],
    "freeze+dann": [("freeze", {"until": "blocks.1"}), ("dann", {"hidden": 8})],
    "dan+dann": [("dan", {}), ("dann", {"hidden": 8})],
    "freeze+adda": [("freeze", {"until": "all"}), ("adda", {"hidden": 8})],
}
"""Every method once, and combinations of them."""


def task_of(name: str) -> Task:
    """What a plan's run predicts."""
    return VALUES if name.endswith("_r2") else TASK


def plan(name: str) -> list[Method]:
    """The methods of a plan."""
    return [registry.load("methods", method)(**options) for method, options in PLANS[name]]


def cohort_of(name: str, *, flipped: bool = False, per_site: int = 16) -> Cohort:
    """What a plan's run sees: some target labels where a method of it needs them, ``flipped`` never touching those."""
    needed = any(method.needs_target_labels for method in plan(name))
    return cohort(visible=4 if needed else 0, flipped="hidden" if flipped else False, per_site=per_site)


def weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


if __name__ == "__main__":  # folder, plan, epochs
    torch.set_num_threads(1)
    run(Path(sys.argv[1]), plan(sys.argv[2]), train=replace(QUICK, epochs=int(sys.argv[3])))
