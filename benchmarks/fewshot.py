"""Few labelled target slices on covid_ct, both directions: the probe that medtl recommends against four others.

8, 32 and 128 labelled slices of the target's adapt part, half of each class, drawn by patient (by slice where
patients are unknown), 10 draws, each with the split that the data card gives (held-out patients at ucsd, gapped
blocks at saopaulo). Every config is scored by AUROC on the target's test part and nothing is chosen on it.
`recommended` is the method probe with its defaults: layers blocks.2 to blocks.6 side by side, mean and standard
deviation, Gaussian kernel; another layer only where grouped validation on the visible labels says so clearly, and
the source only where held-out target labels say so. `target only` is the same with `fit_on: target`; `source only`
and `both` are it with those, without the choice of a layer. `last layer` is scikit-learn's logistic regression on
the standardised features that ImageNet's classes were read from; `middle block` its support vector machine
(Gaussian kernel, defaults) on standardised means and deviations of blocks.3, fixed beforehand; `fine-tuned` trains
blocks.6, the last layers and a fresh head on the target's labels (AdamW, 1e-3 for the head, 1e-4 beneath, cosine,
batches of 16, 10 epochs, at least 40 steps), the front frozen until blocks.5 as in the shipped config. `boosted` is
TrAdaBoost on blocks.3 with the source.

Intervals are of the mean over draws (t, 9 degrees of freedom): they speak of other draws of labels at these two
sites, not of other sites. Needs `chest_ct/` (images and studies.csv) in the folder that MEDTL_BENCH_DATA names. What
is done is kept in the cache folder and not done again, but what chooses where the code of the choice has changed.
`python -m benchmarks.fewshot CONFIG...` does only those configs, ahead of the table, and with
`MEDTL_BENCH_KEPT_ONLY=1` the table holds what is done.
"""
from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.frame.absent import data_folder
from benchmarks.frame.figures import Row, Table
from benchmarks.frame.paired import gain
from medtl.config.sections import InputSection, ModelSection
from medtl.data.cache import ScanCache
from medtl.data.cards import load_card
from medtl.data.prepare import prepare
from medtl.data.prepared import Prepared
from medtl.data.splits import assign
from medtl.data.transforms import Preprocess
from medtl.functional import probing
from medtl.functional.boosting.tradaboost import TrAdaBoost
from medtl.functional.probing.evidence import LEAST
from medtl.functional.probing.search import FitOn, Rows, Search, candidates
from medtl.methods.network.probe import Probe, default_layers
from medtl.models.build import build_model
from medtl.models.front import front, started_at
from medtl.models.model import Model
from medtl.models.tapped import layers_of, tap
from medtl.places import cache_folder
from medtl.progress import QUIET
from medtl.tasks.classification import Classification
from medtl.types import Cohort

SITES = ("ucsd", "saopaulo")
SIZES = (8, 32, 128)
DRAWS = 10
MIDDLE, LAST, BOUNDARY = "blocks.3", "bn2", "blocks.5"
PIECE = 128
MARGIN = 0.02
CONFIGS = ("recommended", "target only", "fine-tuned", "last layer", "middle block", "both", "source only", "boosted")
CHOOSING = ("recommended", "target only")
"""Configs that choose among layers."""


@dataclass(frozen=True, eq=False)
class Slices:
    """All slices, forwarded once.

    Attributes:
        features: per layer, means then standard deviations, (n, 2 c).
        labels: (n,).
        patient: empty where unknown, (n,).
        array: the slice at a position, (1, h, w).
    """

    features: dict[str, NDArray[np.float32]]
    labels: NDArray[np.float64]
    patient: NDArray[np.str_]
    array: Callable[[int], NDArray[np.float32]]

    def behind(self) -> NDArray[np.float16]:
        """Activations behind the boundary, (n, c, h, w), forwarded once and kept piece by piece."""
        pieces = []
        model = network()
        for start in range(0, len(self.labels), PIECE):
            file = folder() / f"{BOUNDARY}-{start:05d}.npy"
            if not file.exists():
                rows = range(start, min(start + PIECE, len(self.labels)))
                with torch.inference_mode():
                    kept = [front(model, torch.from_numpy(np.stack([self.array(i) for i in part]))[:, None], BOUNDARY)
                            for part in (rows[k: k + 32] for k in range(0, len(rows), 32))]
                np.save(file, torch.cat(kept)[:, 0].numpy().astype(np.float16))
            pieces.append(np.load(file, allow_pickle=False))
        return np.concatenate(pieces)


@dataclass(frozen=True)
class Cell:
    """One direction, one budget, one draw: positions of slices."""

    source: NDArray[np.int64]
    adapt: NDArray[np.int64]
    labelled: NDArray[np.int64]
    test: NDArray[np.int64]


def folder() -> Path:
    """Where activations and answers are kept."""
    made = cache_folder() / "benchmarks" / "fewshot"
    made.mkdir(parents=True, exist_ok=True)
    return made


def network() -> Model:
    """The default backbone with its ImageNet weights."""
    return build_model(ModelSection(), task=Classification(label="covid"), seed=0, say=lambda _: None)


def read() -> tuple[Slices, Callable[[str, str, int], Cohort]]:
    """Slices with their features, and how a draw splits them."""
    root = data_folder("chest_ct")
    card = load_card("covid_ct", beside=Path(__file__).resolve().parents[1] / "data_cards")
    task = Classification(label="covid")
    catalogue = card.build_source().catalogue(root=root, task=task, salt=b"benchmark")
    items = catalogue.items

    def split(source: str, target: str, draw: int) -> Cohort:
        return assign(catalogue, source=[source], target=[target], target_labels="all", seed=draw, task=task,
                      policies=card.policies)

    @cache
    def prepared() -> Prepared:
        return prepare(catalogue, Preprocess(InputSection(window="none", size=224, slices=1)), ScanCache(),
                       max_refused=0.0, progress=QUIET)

    def array(position: int) -> NDArray[np.float32]:
        return prepared().array(position)[0]

    kept = folder() / "features.npy"
    model = network()
    layers = layers_of(model.encoder)
    encoder = tap(model.encoder, layers, ("mean", "std"))
    if not kept.exists():
        found = []
        with torch.inference_mode():
            for start in range(0, len(items), 32):
                batch = np.stack([array(i) for i in range(start, min(start + 32, len(items)))])
                found.append(encoder(torch.from_numpy(batch)).numpy())
        np.save(kept, np.concatenate(found))
    stored = np.load(kept, allow_pickle=False)
    ends = np.cumsum([2 * width for width in encoder.widths])
    features = {name: stored[:, end - 2 * width: end]
                for name, width, end in zip(layers, encoder.widths, ends, strict=True)}
    patients = np.array([item.patient for item in items])
    return Slices(features, catalogue.labels[:, 0].astype(np.float64), patients, array), split


def cell(slices: Slices, cohort: Cohort, size: int, draw: int) -> Cell:
    """The rows of a draw: half of the labels of each class, patient by patient."""
    adapt = cohort.rows("target", "adapt")
    random = np.random.default_rng((draw, size))
    labelled: list[int] = []
    for c in (0, 1):
        rows = adapt[slices.labels[adapt] == c]
        keys = [slices.patient[i] or f"slice {i}" for i in rows]
        order = {name: place for place, name in enumerate(random.permutation(sorted(set(keys), key=keys.index)))}
        ranked = sorted(range(len(rows)), key=lambda k: (order[keys[k]], k))
        labelled += [int(rows[k]) for k in ranked[: size // 2]]
    return Cell(cohort.rows("source", "train"), adapt, np.array(sorted(labelled)), cohort.rows("target", "test"))


@cache
def standing_layers() -> tuple[str, ...]:
    """The layers that the method probe reads by default."""
    return default_layers(network())


def probed(slices: Slices, rows: Cell, fit_on: FitOn, draw: int) -> tuple[NDArray[np.float64], dict[str, object]]:
    """Scores of test slices by the method probe with its defaults, and what it chose."""
    method = Probe()
    layers = standing_layers()
    seen = np.concatenate([rows.source, rows.adapt])
    labels = slices.labels[seen].copy()
    labels[len(rows.source):][~np.isin(rows.adapt, rows.labelled)] = np.nan
    every = candidates([layers, *((layer,) for layer in layers)], method.heads)
    few = min(np.bincount(slices.labels[rows.labelled].astype(np.int64))) < LEAST  # none but the first can be taken
    search = Search(
        every[:1] if few or fit_on in ("both", "source") else every, 2, fit_on, level=method.level,
        folds=method.folds, repeats=method.repeats, share=method.share, seed=draw,
    )
    found = search.fit(Rows(
        {name: slices.features[name][seen] for name in layers}, labels, tuple(slices.patient[seen].tolist()),
        np.arange(len(seen)) < len(rows.source),
    ))
    said = found.outputs({name: slices.features[name][rows.test] for name in layers})
    both = found.source[1].against if found.source else None
    return said[:, 1] - said[:, 0], {
        "layers": list(found.candidate.layers), "strength": found.candidate.strength, "fit_on": found.fit_on,
        "source_gain": None if both is None else [both.gain, both.error], "p": None if both is None else both.p_value,
    }


def shallow(model: Any, x: NDArray[np.float32], slices: Slices, rows: Cell) -> NDArray[np.float64]:
    """Scores of test slices by a model of scikit-learn on some features, standardised on the labelled slices."""
    fitted = make_pipeline(StandardScaler(), model).fit(x[rows.labelled], slices.labels[rows.labelled])
    return np.asarray(fitted.decision_function(x[rows.test]))


def boosted(slices: Slices, rows: Cell) -> NDArray[np.float64]:
    """TrAdaBoost on the middle block, with the source."""
    both = np.concatenate([rows.source, rows.labelled])
    scaler = StandardScaler().fit(slices.features[MIDDLE][both])
    x = scaler.transform(slices.features[MIDDLE])
    model = TrAdaBoost(LogisticRegression(C=0.1, max_iter=1000), correction="dynamic", vote="soft")
    model.fit(x[rows.source], slices.labels[rows.source], x[rows.labelled], slices.labels[rows.labelled])
    return model.predict_proba(x[rows.test])[:, 1]


@cache
def kept_behind(slices: Slices) -> NDArray[np.float16]:
    """The activations, read once."""
    return slices.behind()


def fine_tuned(slices: Slices, rows: Cell, draw: int) -> NDArray[np.float64]:
    """The hinder part of the network trained on the target's labels alone."""
    behind = kept_behind(slices)
    model = build_model(ModelSection(), task=Classification(label="covid"), seed=draw, say=lambda _: None)
    names = list(model.parts)
    moving = names[names.index(BOUNDARY) + 1:]
    model.requires_grad_(False)
    groups = []
    for name in moving:
        model.parts[name].requires_grad_(True)
        groups.append({"params": list(model.parts[name].parameters()), "lr": 1e-3 if name == "head" else 1e-4})
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-4)
    size = min(16, len(rows.labelled))
    steps = max(40, 10 * math.ceil(len(rows.labelled) / size))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    x = torch.from_numpy(behind[rows.labelled].astype(np.float32))[:, None]
    y = torch.from_numpy(slices.labels[rows.labelled]).long()
    random = torch.Generator().manual_seed(draw)
    order = torch.cat([torch.randperm(len(y), generator=random) for _ in range(math.ceil(steps * size / len(y)))])
    with started_at(model, BOUNDARY):
        for step in range(steps):
            model.eval()
            for name in moving:
                model.parts[name].train()
            batch = order[step * size: (step + 1) * size]
            loss = torch.nn.functional.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.inference_mode():
            test = torch.from_numpy(behind[rows.test].astype(np.float32))[:, None]
            said = torch.cat([model(part) for part in test.split(64)])
    return (said[:, 1] - said[:, 0]).double().numpy()


def answers(slices: Slices, rows: Cell, draw: int) -> dict[str, Callable[[], tuple[NDArray[np.float64], object]]]:
    """Every config, by name; each gives scores of test slices and what there is to tell."""
    last = slices.features[LAST][:, : slices.features[LAST].shape[1] // 2]  # means alone
    return {
        "recommended": lambda: probed(slices, rows, "auto", draw),
        "target only": lambda: probed(slices, rows, "target", draw),
        "both": lambda: probed(slices, rows, "both", draw),
        "source only": lambda: probed(slices, rows, "source", draw),
        "last layer": lambda: (shallow(LogisticRegression(max_iter=2000), last, slices, rows), None),
        "middle block": lambda: (shallow(SVC(), slices.features[MIDDLE], slices, rows), None),
        "boosted": lambda: (boosted(slices, rows), None),
        "fine-tuned": lambda: (fine_tuned(slices, rows, draw), None),
    }


Key = tuple[str, int, int, str]


@cache
def rule() -> str:
    """The code by which a probe chooses, as a digest."""
    state = hashlib.sha256()
    for path in sorted(Path(probing.__path__[0]).glob("*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()[:12]


def done(file: Path) -> dict[Key, dict[str, object]]:
    """Answers kept by earlier calls; where something was chosen, by the rule as it is now."""
    lines = file.read_text().splitlines() if file.exists() else []
    rows = [json.loads(line) for line in lines]
    return {(row["target"], row["size"], row["draw"], row["config"]): row for row in rows
            if row["config"] not in CHOOSING or row.get("rule") == rule()}


def cells(sizes: tuple[int, ...], draws: int) -> Iterator[tuple[str, str, int, int]]:
    """Source, target, size, draw."""
    for draw in range(draws):  # draw by draw, so that what is cut off is balanced
        for source, target in (SITES, SITES[::-1]):
            for size in sizes:
                yield source, target, size, draw


def run(quick: bool = False) -> list[Row]:
    """Fills what is missing, then compares.

    Args:
        quick: one draw of the smallest size.
    """
    sizes, draws = ((8,), 1) if quick else (SIZES, DRAWS)
    return tables(filled(CONFIGS, sizes, draws), sizes, draws)


def filled(configs: Sequence[str], sizes: tuple[int, ...], draws: int) -> dict[Key, dict[str, object]]:
    """Answers of some configs, done now or before."""
    slices, split = read()
    file = folder() / "answers.jsonl"
    kept = done(file)
    for source, target, size, draw in cells(sizes, draws):
        missing = [name for name in configs if (target, size, draw, name) not in kept]
        if not missing or os.environ.get("MEDTL_BENCH_KEPT_ONLY"):
            continue
        rows = cell(slices, split(source, target, draw), size, draw)
        ways = answers(slices, rows, draw)
        for config in missing:
            chosen: Any = kept.get((target, size, draw, "recommended"))
            if config == "target only" and chosen and chosen["told"]["fit_on"] == "target":
                row = {**chosen, "config": config}  # the same search on the same labels
            else:
                scores, told = ways[config]()
                row = {"target": target, "size": size, "draw": draw, "config": config, "told": told,
                       "auroc": float(roc_auc_score(slices.labels[rows.test], scores)), "test": len(rows.test)}
            if config in CHOOSING:
                row["rule"] = rule()
            kept[target, size, draw, config] = row
            with file.open("a") as stream:
                stream.write(json.dumps(row) + "\n")
    return kept


def tables(kept: dict[Key, dict[str, object]], sizes: tuple[int, ...], draws: int) -> list[Row]:
    """Means per config, and paired differences of the recommended one, over the draws that both were done for."""
    names = [name for name in CONFIGS if any(key[3] == name for key in kept)]
    means, gaps, told = [], [], []
    for target in SITES:
        for size in sizes:
            got = {name: {d: float(str(kept[target, size, d, name]["auroc"])) for d in range(draws)
                          if (target, size, d, name) in kept} for name in names}
            means.append((target, str(size), *(_mean(list(got[name].values()), draws) for name in names)))
            for name in names:
                both = [d for d in got[name] if d in got["recommended"]]
                if name != "recommended" and len(both) > 1:
                    values = np.array([got["recommended"][d] - got[name][d] for d in both])
                    gaps.append((target, str(size), name, str(len(both)), *difference(values)))
            chosen: list[Any] = [kept[target, size, d, "recommended"]["told"] for d in got["recommended"]]
            moved = sum(len(one["layers"]) == 1 for one in chosen)
            used = sum(one["fit_on"] == "both" for one in chosen)
            tried = [one["source_gain"] for one in chosen if one["source_gain"] is not None]
            hurts = sum(found < -error for found, error in tried)
            told.append((target, str(size), str(len(chosen)), str(moved), str(used), str(hurts)))
    return [
        Table("AUROC on the target's test part, mean over draws", ("target", "labels", *names), tuple(means)),
        Table("Recommended less the others, paired", ("target", "labels", "less", "draws", "mean", "95 % interval",
                                                      f"not worse by {MARGIN}", "better"), tuple(gaps)),
        Table("What was chosen", ("target", "labels", "draws", "another layer than the standing ones",
                                  "with the source", "said that the source hurts"), tuple(told)),
    ]


def _mean(values: list[float], draws: int) -> str:
    if not values:
        return ""
    return f"{np.mean(values):.3f}" + ("" if len(values) == draws else f" ({len(values)} draws)")


def difference(values: NDArray[np.float64]) -> tuple[str, str, str, str]:
    """Mean, interval, and what it says."""
    got = gain(values.tolist(), [0.0] * len(values))
    return (f"{got.mean:+.3f}", f"{got.low:+.3f} to {got.high:+.3f}", "yes" if got.low > -MARGIN else "not shown",
            "yes" if got.low > 0 else "no")


if __name__ == "__main__":
    filled(sys.argv[1:] or CONFIGS, SIZES, DRAWS)
