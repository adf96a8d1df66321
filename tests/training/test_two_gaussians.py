"""Two Gaussians, one of them moved: every aligning method, through the engine, makes them harder to tell apart."""
from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy_cohort import TASK

from medtl import registry
from medtl.config.sections import TrainSection
from medtl.data.loaders import PairLoader
from medtl.data.prepared import Prepared
from medtl.functional.transferability.proxy_distance import proxy_a_distance
from medtl.methods.mapping import CORAL
from medtl.models.build import assemble
from medtl.models.predict import predict
from medtl.training.engine import run_plan
from medtl.training.setting import make_setting
from medtl.types import Catalogue, Cohort, Item

TRAIN = TrainSection(epochs=30, batch_size=24, lr=3e-2, weight_decay=0.0, schedule="constant", seed=1, selection="last",
                     device="cpu", precision="float32")
EACH, SPREAD, NOISE = 192, 20.0, 0.3
OPTIONS: dict[str, dict[str, Any]] = {
    "adda": {"epochs": 60, "encoder_rate": 0.3, "discriminator_rate": 1.0}, "cdan": {}, "dann": {},
    "domain_confusion": {"weight": 0.3, "discriminator_steps": 3}, "luo_transfer": {"layers": ["features"]},
    "coral": {}, "dah": {"bits": 2, "mmd": 3.0}, "dan": {"weight": 3.0}, "ddc": {"weight": 1.0},
    "deep_jdot": {"features": 0.1}, "jan": {"weight": 3.0}, "rtn": {"weight": 0.5, "mmd": 2.0},
    "sliced_wasserstein": {}, "tca": {"components": 1, "mu": 10.0}, "wdgrl": {},
}
"""Every method of both families that changes what the network makes of its input. Left out: ``mscsc``, which replaces
it, and ``feature_coral``, which moves one domain's features only (below)."""
ENTRIES = [entry for entry in registry.entries("methods") if entry.family in ("mapping", "adversarial")]


def test_every_aligning_method_is_here() -> None:
    replacing = {entry.name for entry in ENTRIES if registry.load("methods", entry.name).replaces_encoder}
    assert {entry.name for entry in ENTRIES} - set(OPTIONS) - replacing == {"feature_coral"}


class Linear(nn.Module):
    """The four pixels of a picture through a linear map that starts by passing on the first two."""

    num_features = 2

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 2)
        with torch.no_grad():
            self.map.weight.copy_(torch.eye(4)[:2])
            self.map.bias.zero_()

    def forward(self, images: Tensor) -> Tensor:
        return self.map(images[:, 0].flatten(1))  # type: ignore[no-any-return]


@cache
def domains(moved: float, stretched: float) -> tuple[Prepared, Cohort]:
    """Classes along the first of four axes, alike in both domains; the target is moved, stretched along the second."""
    draw = np.random.default_rng(0)
    items, arrays, split = [], {}, []
    for site in ("source", "target"):
        for k in range(EACH):
            point = draw.normal([3.0 * (k % 2) - 1.5, 0.0, 0.0, 0.0], 0.7)
            if site == "target":
                point[1] = moved + stretched * point[1]
            arrays[len(items)] = (0.5 + point / SPREAD).astype(np.float32).reshape(1, 1, 2, 2)
            items.append(Item(len(items) + 1, f"{site}{k}", f"{site}{k}", site, "", Path("x"), (float(k % 2),)))
            split.append(("train", "test")[k // 2 % 2] if site == "source" else ("adapt", "test")[k // 2 % 2])
    split = ["val" if part == "test" and k % 8 == 2 else part for k, part in enumerate(split[:EACH])] + split[EACH:]
    catalogue = Catalogue(tuple(items), ("nodule",), Path("."), simulated=True)
    role = ("source",) * EACH + ("target",) * EACH
    hidden = np.arange(2 * EACH) >= EACH
    return Prepared.in_memory(catalogue, arrays), Cohort(catalogue, role, tuple(split), hidden)  # type: ignore[arg-type]


def learned(name: str | None, folder: Path, moved: float, stretched: float) -> tuple[list[np.ndarray], float]:
    """Features of both domains' test studies, each from the encoder that is for it, and the target's accuracy."""
    prepared, cohort = domains(moved, stretched)
    data = PairLoader(prepared, cohort, batch_size=TRAIN.batch_size, seed=0)
    model = assemble(Linear(), {
        "backbone": "linear", "mean": [0.5] * 3, "std": [1.0 / SPREAD] * 3, "pooling": "mean", "adaptation": 0,
        "bn": "joint", "head": "linear", "outputs": 2, "weights": {"loaded": 0}, "task": {"kind": TASK.kind},
    }, 0)
    methods = [] if name is None else [registry.load("methods", name)(**OPTIONS[name])]
    folder.mkdir(exist_ok=True)
    trained = run_plan(methods, make_setting(model, TASK, data, TRAIN), data, TRAIN, folder / "stages",
                       folder / "log.jsonl")
    rows = cohort.rows("source", "test"), cohort.rows("target", "test")
    of_source = predict(model if name == "adda" else trained, data.scan(rows[0]), features=True)
    of_target = predict(trained, data.scan(rows[1]), features=True)
    assert of_source.features is not None
    assert of_target.features is not None
    right = of_target.logits.argmax(axis=1) == cohort.catalogue.labels[of_target.rows, 0]
    return [of_source.features, of_target.features], float(right.mean())


def distance(source: np.ndarray, target: np.ndarray) -> float:
    """The A-distance behind a little noise: what was shrunk to nothing is hidden, though a classifier would find it."""
    draw = np.random.default_rng(5)
    seen = [of + NOISE * draw.normal(size=of.shape) - source.mean(axis=0) for of in (source, target)]
    seen = [np.concatenate([of, of**2], axis=1) for of in seen]  # so that a linear classifier sees spread too
    patients = [[str(k) for k in range(len(of))] for of in seen]
    return proxy_a_distance(*seen, *patients, bootstrap=0).value


SHIFTS = {"moved": (3.0, 1.0), "stretched": (0.0, 6.0)}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[np.ndarray]]:
    """Features without a method, for either shift."""
    folder = tmp_path_factory.mktemp("plain")
    return {kind: learned(None, folder / kind, *shift)[0] for kind, shift in SHIFTS.items()}


@pytest.mark.parametrize("name", list(OPTIONS))
def test_alignment_lowers_the_held_out_a_distance(
    name: str, plain: dict[str, list[np.ndarray]], tmp_path: Path
) -> None:
    kind = "stretched" if name == "coral" else "moved"  # coral does not see means
    before = distance(*plain[kind])
    features, right = learned(name, tmp_path / name, *SHIFTS[kind])
    print(f"{name}: {before:.2f} to {distance(*features):.2f}, {right:.2f} right")
    assert before > (0.4 if kind == "stretched" else 0.8)
    assert distance(*features) < 0.6 * before
    assert right > 0.9


def test_source_features_that_are_mapped_pass_for_the_targets(plain: dict[str, list[np.ndarray]]) -> None:
    fitted, held_out = ([of[np.arange(len(of)) // 2 % 2 == k] for of in plain["moved"]] for k in (0, 1))
    found = CORAL(ridge=1e-6, means=True).fit(*fitted)  # neighbours are of both classes
    assert distance(*held_out) > 0.8
    assert distance(found.transform(held_out[0]), held_out[1]) < 0.4
