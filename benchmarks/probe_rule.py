"""How often the method probe takes a source that hurts, or leaves its standing layers for worse ones.

Two-class problems whose answer is known on many test rows, none of them covid_ct, on which the probe is judged
elsewhere. `simulated`: two layers of 20 Gaussian features, two studies of each patient, the source's direction turned
by an angle against the target's. `digits`: MNIST and USPS in turns, two digits drawn by the seed; three layers
(pixels, means and edge directions over squares of 4 x 4); the source has the same two digits or two others.
`pneumonia`: PneumoniaMNIST through the default backbone, its default layers; the source is other images of the same
set with their labels, with two fifths of them wrong, reversed, or with another label (the brighter half). 8, 32 and
128 labelled target studies, half of each class.

`gain` is the AUROC on test rows with the source less that without, of the standing candidate, mean over seeds. Each
rule says whether the source is taken: `before` where the held-out gain is above 1.645 standard errors over patients
alone; the others where the one-sided p value of `medtl.functional.probing.evidence` is below a level. `wrong`: taken
although the gain is negative, in per cent of all trials; `cost`: what taking it added to the AUROC, mean over all
trials. For layers the same, with the best p value among all candidates against the level over their number (`before`:
the largest gain above 2 standard errors over patients). Needs `digits/` and `pneumoniamnist/` in MEDTL_BENCH_DATA.
What is done is kept in the cache folder; with MEDTL_BENCH_KEPT_ONLY=1 the tables hold what is done.
"""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.frame.absent import data_folder
from benchmarks.frame.figures import Row, Table
from medtl.config.sections import ModelSection
from medtl.functional.probing.evidence import LEAST, Evidence
from medtl.functional.probing.search import Rows, Search, candidates
from medtl.methods.network.probe import default_layers
from medtl.models.build import build_model
from medtl.models.tapped import layers_of, tap
from medtl.places import cache_folder
from medtl.tasks.classification import Classification

SIZES = (8, 32, 128)
SEEDS = 20
SCENARIOS = {
    "simulated": ("same rule", "60 degrees", "90 degrees", "reversed"),
    "digits": ("same rule", "other digits"),
    "pneumonia": ("same rule", "two fifths wrong", "another label", "reversed"),
}
SOURCE, SEEN, IMAGES, SIDE = 200, 200, 1000, 128
LEVELS = (0.05, 0.01, 0.001)
Array = NDArray[np.float64]


def folder() -> Path:
    """Where features and trials are kept."""
    made = cache_folder() / "benchmarks" / "probe_rule"
    made.mkdir(parents=True, exist_ok=True)
    return made


class Trial:
    """Source, seen target and test rows of one draw, layers by name.

    Args:
        source: features of layers.
        source_labels: (n,).
        target: seen rows first, then test rows.
        target_labels: (m,).
        seen: how many are seen.
        patients: of target rows.
        size: labelled rows.
    """

    def __init__(self, source: dict[str, Array], source_labels: Array, target: dict[str, Array], target_labels: Array,
                 seen: int, patients: tuple[str, ...], size: int) -> None:
        n = len(source_labels)
        shown = np.full(seen, np.nan)
        for c in (0, 1):
            mine = np.flatnonzero(target_labels[:seen] == c)[: size // 2]
            shown[mine] = c
        self.rows = Rows(
            {name: np.concatenate([source[name], target[name][:seen]]) for name in source},
            np.concatenate([source_labels, shown]), (*(f"s{k}" for k in range(n)), *patients[:seen]),
            np.arange(n + seen) < n)
        self.test = {name: x[seen:] for name, x in target.items()}
        self.truth = target_labels[seen:]


def simulated(scenario: str, size: int, seed: int) -> Trial:
    """Directions at an angle, patients of two studies."""
    draw = np.random.default_rng((seed, size, 1))
    degrees = {"same rule": 0.0, "60 degrees": 60.0, "90 degrees": 90.0, "reversed": 180.0}[scenario]
    one, other = np.linalg.qr(draw.normal(size=(40, 2)))[0].T
    turned = np.cos(np.radians(degrees)) * one + np.sin(np.radians(degrees)) * other

    def rows(n: int, direction: Array) -> tuple[dict[str, Array], Array]:
        y = draw.integers(0, 2, n // 2).astype(np.float64).repeat(2)
        noise = np.sqrt(0.5) * (draw.normal(size=(n // 2, 40)).repeat(2, axis=0) + draw.normal(size=(n, 40)))
        x = noise + 1.8 * (y - 0.5)[:, None] * direction
        return {"a": x[:, :20], "b": x[:, 20:]}, y

    source, target = rows(SOURCE, turned), rows(SEEN + 1000, one)
    return Trial(*source, *target, SEEN, tuple(f"p{k // 2}" for k in range(SEEN + 1000)), size)


@cache
def handwriting() -> dict[str, tuple[dict[str, Array], Array]]:
    """Both sets of digits, three layers each."""
    import h5py

    found = {}
    with h5py.File(data_folder("digits") / "MNIST_vs_USPS.mat") as file:
        for name, part in (("mnist", "s"), ("usps", "t")):
            pixels, y = np.asarray(file[f"X{part}"], float).reshape(-1, 16, 16), np.asarray(file[f"Y{part}"]).ravel()
            down, across = np.gradient(pixels, axis=(1, 2))
            edges = np.stack([np.maximum(side, 0) for side in (down, -down, across, -across)], axis=1)
            found[name] = ({"pixels": pixels.reshape(len(y), -1), "means": squares(pixels[:, None]),
                            "edges": squares(edges)}, y)
    return found


def squares(maps: Array) -> Array:
    """Means over squares of 4 x 4: (n, c, 16, 16) to (n, 16 c)."""
    return maps.reshape(len(maps), -1, 4, 4, 4, 4).mean(axis=(3, 5)).reshape(len(maps), -1)


def digits(scenario: str, size: int, seed: int) -> Trial:
    """Two digits against each other, from one set to the other."""
    draw = np.random.default_rng((seed, size, 2))
    names = ("mnist", "usps") if seed % 2 else ("usps", "mnist")
    kinds = np.unique(handwriting()["usps"][1])
    order = draw.permutation(kinds)
    pairs = (order[:2] if scenario == "same rule" else order[2:4]), order[:2]
    parts: list[tuple[dict[str, Array], Array]] = []
    for name, pair in zip(names, pairs, strict=True):
        x, y = handwriting()[name]
        at = draw.permutation(np.flatnonzero(np.isin(y, pair)))
        parts.append(({layer: value[at] for layer, value in x.items()}, (y[at] == pair[1]).astype(np.float64)))
    (source, labels), (target, truth) = parts
    source, labels = {layer: x[:SOURCE] for layer, x in source.items()}, labels[:SOURCE]
    return Trial(source, labels, target, truth, SEEN, tuple(f"p{k}" for k in range(len(truth))), size)


@cache
def lungs() -> tuple[dict[str, Array], Array, Array]:
    """Layers of PneumoniaMNIST images, labels, and mean grey."""
    with np.load(data_folder("pneumoniamnist") / "pneumoniamnist.npz", allow_pickle=False) as file:
        images, labels = file["train_images"], file["train_labels"].ravel().astype(np.float64)
    draw = np.random.default_rng(0)
    at = draw.permutation(np.concatenate([draw.permutation(np.flatnonzero(labels == c))[: IMAGES // 2]
                                          for c in (0, 1)]))
    images, labels = images[at].astype(np.float32) / 255, labels[at]
    model = build_model(ModelSection(), task=Classification(label="x"), seed=0, say=lambda _: None)
    layers = default_layers(model)
    assert set(layers) <= set(layers_of(model.encoder))
    encoder = tap(model.encoder, layers, ("mean", "std"))
    kept = folder() / "pneumonia.npy"
    if not kept.exists():
        with torch.inference_mode():
            found = [encoder(torch.nn.functional.interpolate(torch.from_numpy(images[k: k + 50])[:, None], size=SIDE,
                                                             mode="bilinear")).numpy() for k in range(0, IMAGES, 50)]
        np.save(kept, np.concatenate(found))
    stored = np.load(kept, allow_pickle=False).astype(np.float64)
    ends = np.cumsum([2 * width for width in encoder.widths])
    return ({name: stored[:, end - 2 * width: end] for name, width, end in
             zip(layers, encoder.widths, ends, strict=True)}, labels, images.mean(axis=(1, 2)))


def pneumonia(scenario: str, size: int, seed: int) -> Trial:
    """One set as two sites, whose labels mean the same or not."""
    features, labels, grey = lungs()
    draw = np.random.default_rng((seed, size, 3))
    order = draw.permutation(IMAGES)
    of_source, of_target = order[:SOURCE], order[SOURCE:]
    said = labels[of_source].copy()
    if scenario == "two fifths wrong":
        wrong = draw.permutation(SOURCE)[: 2 * SOURCE // 5]
        said[wrong] = 1 - said[wrong]
    if scenario == "another label":
        said = (grey[of_source] > np.median(grey[of_source])).astype(np.float64)
    if scenario == "reversed":
        said = 1 - said
    return Trial({name: x[of_source] for name, x in features.items()}, said,
                 {name: x[of_target] for name, x in features.items()}, labels[of_target], SEEN,
                 tuple(f"p{k}" for k in range(len(of_target))), size)


MAKE: dict[str, Callable[[str, int, int], Trial]] = {"simulated": simulated, "digits": digits, "pneumonia": pneumonia}


def tried(trial: Trial, seed: int, *, each: bool) -> dict[str, object]:
    """Held-out evidence for the source, and for each candidate or none, and what test rows say."""
    layers = tuple(trial.test)
    every = candidates([layers, *((layer,) for layer in layers)], ("rbf",))[: None if each else 1]
    found = Search(every, 2, level=1e-300, seed=seed).fit(trial.rows)  # nothing is clear at such a level

    def figure(candidate: int, fit_on: str) -> float:
        fitted = Search(every[candidate: candidate + 1], 2, fit_on, folds=2, repeats=1)  # type: ignore[arg-type]
        said = fitted.fit(trial.rows).outputs(trial.test)
        return float(roc_auc_score(trial.truth, said[:, 1] - said[:, 0]))

    alone = [figure(k, "target") for k in range(len(every))]
    return {
        "source": told(found.source[1].against) if found.source else None, "gain": figure(0, "both") - alone[0],
        "layers": [told(one.against) for one in found.scored[1:]], "gains": [value - alone[0] for value in alone[1:]],
    }


def told(evidence: Evidence) -> list[float]:
    """As numbers."""
    return [evidence.gain, evidence.of_patients, evidence.of_folds, evidence.patients]


def cells(seeds: int, sizes: tuple[int, ...]) -> Iterator[tuple[str, str, int, int]]:
    """Data, scenario, size, seed."""
    for seed in range(seeds):  # seed by seed, so that what is cut off is balanced
        for data, scenarios in SCENARIOS.items():
            for scenario in scenarios:
                for size in sizes:
                    yield data, scenario, size, seed


def run(quick: bool = False) -> list[Row]:
    """Does what is missing, then counts."""
    seeds, sizes = (1, SIZES[:1]) if quick else (SEEDS, SIZES)
    file = folder() / "trials.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    kept = {(row["data"], row["scenario"], row["size"], row["seed"]): row for row in lines}
    for key in cells(seeds, sizes):
        if key not in kept and not os.environ.get("MEDTL_BENCH_KEPT_ONLY"):
            data, scenario, size, seed = key
            row = {"data": data, "scenario": scenario, "size": size, "seed": seed,
                   **tried(MAKE[data](scenario, size, seed), seed, each=scenario == SCENARIOS[data][0])}
            kept[key] = row
            with file.open("a") as stream:
                stream.write(json.dumps(row) + "\n")
    return tables(list(kept.values()), sizes)


def before(evidence: list[float], errors: float) -> bool:
    """The rule that took the larger number of standard errors over patients."""
    return evidence[0] > errors * evidence[1]


def tables(rows: list[dict[str, object]], sizes: tuple[int, ...]) -> list[Row]:
    """Per data, scenario and size: what each rule takes, how often wrongly, and at what cost."""
    of_source, of_layers = [], []
    for data, scenarios in SCENARIOS.items():
        for size in sizes:
            for scenario in scenarios:
                mine = [row for row in rows if (row["data"], row["scenario"], row["size"]) == (data, scenario, size)
                        and row["source"]]
                if not mine:
                    continue
                gains = np.array([row["gain"] for row in mine], dtype=np.float64)
                evidence = [Evidence(*row["source"]) for row in mine]  # type: ignore[misc]
                rules = [np.array([before(list(row["source"]), 1.645) for row in mine]),  # type: ignore[call-overload]
                         *(np.array([one.p_value < level for one in evidence]) for level in LEVELS)]
                of_source.append((data, scenario, str(size), str(len(mine)), f"{gains.mean():+.3f}",
                                  *(counted(taken, gains) for taken in rules)))
            mine = [row for row in rows if (row["data"], row["size"], row["scenario"]) == (data, size, scenarios[0])]
            if mine:
                of_layers.append((data, str(size), str(len(mine)), *moved(mine)))
    rules_named = ("before", *(f"level {level:g}" for level in LEVELS))
    return [
        Table("The source: % taken, % wrong, cost", ("data", "source", "labels", "seeds", "gain", *rules_named),
              tuple(of_source)),
        Table(f"Another layer or penalty: % moved, % wrong, cost (nothing moves below {LEAST} patients of a class)",
              ("data", "labels", "trials", "best possible", *rules_named), tuple(of_layers)),
    ]


def counted(taken: NDArray[np.bool_], gains: Array) -> str:
    """Such as ``13 %, 3 %, -.002``."""
    wrong = taken & (gains < 0)
    return f"{100 * taken.mean():.0f} %, {100 * wrong.mean():.0f} %, {(taken * gains).mean():+.3f}"


def moved(rows: list[dict[str, object]]) -> Iterator[str]:
    """The largest gain there was, then each rule."""
    gains = [np.asarray(row["gains"], dtype=np.float64) for row in rows]
    yield f"{np.mean([max(0.0, float(one.max())) for one in gains]):+.3f}"
    for level in (None, *LEVELS):
        found = []
        for row, of in zip(rows, gains, strict=True):
            evidence = [Evidence(*one) for one in row["layers"]]  # type: ignore[attr-defined]
            if level is None:
                best = int(np.argmax([one.gain for one in evidence]))
                taken = before([evidence[best].gain, evidence[best].of_patients], 2.0)
            else:
                p_values = [one.p_value for one in evidence]
                best = int(np.argmin(p_values))
                taken = p_values[best] < level / len(evidence)
            found.append((taken, of[best]))
        yield counted(np.array([one for one, _ in found]), np.array([value for _, value in found]))


if __name__ == "__main__":
    from benchmarks.frame.figures import render

    print(render(run()))
