"""Harmonisation and adaptation at test time against source_only, at simulated hospitals and between two collections.

The ImageNet front (EfficientNet-Lite0) is frozen; an adaptation layer of 256 and the head learn on the source's
training part ({epochs} epochs, selection by source validation, no augmentation but in `strong`), and the AUROC is
that on the target's test half. Harmonisation and AdaBN see the target's adapt half without labels; TENT sees the test
half while it answers. {seeds} seeds, each with its own split and start; every figure is a mean over the seeds, its
gain is over source_only on the same studies, and the 95 % interval comes from a bootstrap of patients and seeds,
crossed. At saopaulo, where patients are unknown, blocks of {block} neighbouring files stand for them. Nothing was
chosen by a target figure.

`strong` draws from {views} views of each scan. `MEDTL_BENCH_DATA` names the folder that holds `chest_ct/studies.csv`;
without it, the simulated hospitals alone are run.
"""
from __future__ import annotations

import csv
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.frame.absent import Absent, data_folder
from benchmarks.frame.figures import Row, Table
from medtl.api.training import train
from medtl.config.dump import config_digest
from medtl.config.load import load_config
from medtl.evaluation.scoring import load_metrics
from medtl.functional.resampling import BinarySample, Resampled
from medtl.places import cache_folder
from medtl.predictions import Predictions, read_predictions

SEEDS, EPOCHS, VIEWS, BLOCK, DRAWS = 3, 15, 3, 20, 1000
PLAIN = "source_only"
WAYS: dict[str, tuple[str, ...]] = {
    PLAIN: (), "histogram": ("data.harmonize=histogram",), "site_z": ("data.harmonize=site_z",),
    "combat": ("data.harmonize=combat",), "adabn": ("model.bn=adabn",),
    "strong": ("data.augment=strong", f"train.bank_views={VIEWS}"),
}
CARDS = Path(__file__).resolve().parents[1] / "data_cards"
__doc__ = (__doc__ or "").format(epochs=EPOCHS, block=BLOCK, views=VIEWS, seeds=SEEDS)


def sections(card: str, label: str, data: dict[str, Any], source: list[str], target: list[str]) -> dict[str, Any]:
    """The config of a direction."""
    return {
        "task": {"label": label},
        "data": {"card": str(CARDS / f"{card}.yaml"), "augment": "none", **data},
        "sites": {"source": source, "target": target},
        "model": {"backbone": "efficientnet_lite0", "weights": "imagenet", "adaptation": 256},
        "transfer": {"network": [{"method": "freeze", "until": "all"}]},
        "train": {"epochs": EPOCHS, "batch_size": 32, "device": "cpu", "precision": "float32", "layout": "contiguous",
                  "baseline": False},
        "evaluate": {"bootstrap": 0, "audit": "off", "failures": 0, "adapt": "tent"},
    }


def directions() -> dict[str, dict[str, Any]]:
    """The simulated hospitals; the two collections both ways, where they are at hand."""
    found = {"simulated: north, east to south": sections(
        "simulated_chest_ct", "nodule", {"input": {"window": "lung", "size": 128, "slices": 8}}, ["north", "east"],
        ["south"])}
    try:
        data = {"root": str(data_folder("chest_ct")), "input": {"window": "none", "size": 224, "slices": 1}}
    except Absent as missing:
        print(f"left out: {missing}", file=sys.stderr)
        return found
    for source, target in (("ucsd", "saopaulo"), ("saopaulo", "ucsd")):
        found[f"covid_ct: {source} to {target}"] = sections("covid_ct", "covid", data, [source], [target])
    return found


@dataclass(frozen=True)
class Answers:
    """A model's answers to the target's test studies, and who they belong to.

    Attributes:
        table: predictions.
        keys: patient of each row, or block of its file where the patient is unknown.
    """

    table: Predictions
    keys: tuple[str, ...]

    def values(self, place: dict[str, int], counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """AUROC under draws of patients, (draws,).

        Args:
            place: of each patient in the draws.
            counts: how often each is drawn, (draws, patients).
        """
        own = np.array([place[key] for key in self.keys], dtype=np.int64)
        positive = self.table.labels[:, 0] == 1
        sample = BinarySample.of(positive, self.table.scores[:, -1], cluster=own, clusters=counts.shape[1])
        (auroc,) = load_metrics(("auroc",))
        return np.asarray(auroc.kernel(Resampled(sample, counts)), dtype=np.float64)


def answered(config: dict[str, Any], way: str, seed: int) -> dict[str, Answers]:
    """What the models of one run answer, by name; runs are kept, by everything that their config holds."""
    made = load_config(config, (*WAYS[way], f"train.seed={seed}"))
    if way != PLAIN:
        made = replace(made, evaluate=replace(made.evaluate, adapt="none"))
    name, out = config_digest(made)[:24], cache_folder() / "benchmarks" / "harmonise"
    if not (out / name / "DONE").is_file():
        train(made, name=name, out=out)
    with (out / name / "catalogue.csv").open(encoding="utf-8", newline="") as file:
        row = {(line["site"], line["study"]): int(line["row"]) for line in csv.DictReader(file)}
    table = read_predictions(out / name / "predictions.csv")
    found = {}
    for model in table.models:
        own = table.where((table.model == model) & (table.role == "target") & (table.split == "test"))
        keys = tuple(patient or f"{site} block {row[site, study] // BLOCK}" for patient, site, study in
                     zip(own.patient.tolist(), own.site.tolist(), own.study.tolist(), strict=True))
        found[model] = Answers(own, keys)
    return found


def compared(config: dict[str, Any], ways: list[str], seeds: int, draws: int, title: str) -> list[tuple[str, ...]]:
    """A row per way."""
    done: dict[str, list[Answers]] = {}
    for way in ways:
        for seed in range(seeds):
            print(f"{title}, {way}, seed {seed}", file=sys.stderr, flush=True)
            found = answered(config, way, seed)
            done.setdefault(way, []).append(next(own for model, own in found.items() if model != "tent"))
            if "tent" in found:
                done.setdefault("tent", []).append(found["tent"])
    rng = np.random.default_rng(0)
    names = dict.fromkeys(key for own in done[PLAIN] for key in own.keys)
    place = {key: k for k, key in enumerate(names)}
    count = len(place)
    drawn = np.vstack([np.ones((1, count), np.int64), *(
        np.bincount(rng.integers(0, count, count), minlength=count)[None] for _ in range(draws))])
    picked = np.vstack([np.arange(seeds), rng.integers(0, seeds, (draws, seeds))])
    under = {way: np.stack([own.values(place, drawn) for own in each]) for way, each in done.items()}
    mean = {way: np.take_along_axis(found, picked.T, axis=0).mean(axis=0) for way, found in under.items()}
    rows = []
    for way in (PLAIN, *(way for way in under if way != PLAIN)):
        each = "/".join(f"{value:.3f}".lstrip("0") for value in under[way][:, 0])
        gain = mean[way] - mean[PLAIN]
        low, high = np.nanquantile(gain[1:], (0.025, 0.975))
        said = "" if way == PLAIN else f"{gain[0]:+.3f} [{low:+.3f}, {high:+.3f}]"
        verdict = "" if way == PLAIN else "better" if low > 0 else "worse" if high < 0 else "unclear"
        rows.append((way, f"{mean[way][0]:.3f}", each, said, verdict))
    return rows


def run(quick: bool = False) -> list[Row]:
    """Trains what is not kept yet and compares."""
    seeds, draws = (2, 50) if quick else (SEEDS, DRAWS)
    head = ("way", "AUROC", "by seed", "gain over source_only", "")
    out: list[Row] = []
    for title, config in directions().items():
        if quick:
            config["train"]["epochs"] = 1
        ways = [PLAIN, "histogram"] if quick else list(WAYS)
        out.append(Table(f"AUROC on the target's test half, {title}", head,
                         tuple(compared(config, ways, seeds, draws, title))))
        if quick:
            break
    return out
