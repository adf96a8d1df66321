"""Boosting and weighting of source studies on fixed features, at 8, 32 and 128 labelled target studies, 10 seeds.

Three Gaussian toys of two classes (200 source, 1,000 test rows, 10 features): a shift of the inputs by 1.5 standard
deviations, a source of which two fifths have the wrong label, and a source that says the reverse. Digits: MNIST to
USPS and back, ten classes, 32 principal axes of the pixels. covid_ct: means and deviations of blocks.3 of the
frozen default backbone, 32 principal axes, both directions, with the splits of the data card (held-out patients,
gapped blocks). Figures are AUROC, for digits accuracy, on the target's test rows: the mean over seeds and its 95 %
interval (t, 9 degrees of freedom). Every method boosts or weighs the same logistic regression (C = 0.1 on
standardised features) with its default options; nothing is chosen on a test row. Features are standardised over all
rows that may be seen, labelled or not. `target only`, `source only` and `pooled` are that learner on the rows
named. `task_tradaboost` is for two classes. What is done is kept in the cache folder. Needs MEDTL_DIGITS, the
folder of MNIST_vs_USPS.mat, and MEDTL_COVID_CT, and leaves out what is not there.
"""
from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks import fewshot
from benchmarks.frame.figures import Ratio, Row, Table
from benchmarks.frame.timing import in_turns
from medtl.functional.boosting.biweighting import BiWeighting
from medtl.functional.boosting.enhanced import EnhancedTrAdaBoost
from medtl.functional.boosting.metric_transfer import MetricTransfer
from medtl.functional.boosting.resampling import TrResampling
from medtl.functional.boosting.task_tradaboost import TaskTrAdaBoost
from medtl.functional.boosting.tradaboost import TrAdaBoost
from medtl.functional.standardise import location_and_scale, squared_distances
from medtl.methods.instances.density_ratio import DensityRatio
from medtl.methods.instances.kliep import KLIEP
from medtl.methods.instances.kmm import KMM
from medtl.types import Cohort
from medtl.types import Table as Seen

SIZES = (8, 32, 128)
SEEDS = 10
AXES = 32
MOST = 300
"""Source rows at most, drawn anew by each seed: boosting in the pixels of thousands of digits says nothing more."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """One draw, standardised.

    Attributes:
        source: (n, d).
        source_labels: (n,).
        target: labelled rows, (m, d).
        target_labels: (m,).
        seen: all target rows that may be seen, (u, d).
        test: (t, d).
        test_labels: (t,).
    """

    source: Array
    source_labels: NDArray[np.int64]
    target: Array
    target_labels: NDArray[np.int64]
    seen: Array
    test: Array
    test_labels: NDArray[np.int64]


def standardised(problem: Problem) -> Problem:
    """Over source and seen target rows."""
    mean, scale = location_and_scale(np.concatenate([problem.source, problem.seen]))
    moved = [(x - mean) / scale for x in (problem.source, problem.target, problem.seen, problem.test)]
    return Problem(moved[0], problem.source_labels, moved[1], problem.target_labels, moved[2], moved[3],
                   problem.test_labels)


def toy(kind: str) -> Callable[[int, int], Problem]:
    """Two classes, ten features, a known shift."""
    def draw(size: int, seed: int) -> Problem:
        random = np.random.default_rng((seed, size, len(kind)))
        rule = np.zeros(10)
        rule[:3] = 1.0

        def rows(n: int, shift: float) -> tuple[Array, NDArray[np.int64]]:
            x = random.normal(size=(n, 10))
            x[:, :6] += shift / math.sqrt(6) * np.array([1, -1, 1, -1, 1, -1])
            logit = 1.5 * (x @ rule)
            return x, (random.random(n) < 1.0 / (1.0 + np.exp(-logit))).astype(np.int64)

        source, labels = rows(200, 0.0)
        if kind == "wrong labels":
            wrong = random.permutation(200)[:80]
            labels[wrong] = 1 - labels[wrong]
        if kind == "reversed":
            labels = 1 - labels
        shift = 1.5 if kind == "shifted inputs" else 0.0
        seen, known = rows(300, shift)
        test, truth = rows(1000, shift)
        at = balanced(known, size, random)
        return Problem(source, labels, seen[at], known[at], seen, test, truth)

    return draw


def balanced(labels: NDArray[np.int64], size: int, random: np.random.Generator) -> NDArray[np.int64]:
    """As many rows of each class as ``size`` gives; of many classes, some of each as far as it goes."""
    order = random.permutation(len(labels))
    ranks = np.zeros(len(labels), dtype=np.int64)
    for c in np.unique(labels):
        mine = order[labels[order] == c]
        ranks[mine] = np.arange(len(mine))
    return order[np.argsort(ranks[order], kind="stable")[:size]]


@cache
def digits(folder: Path, source: str) -> Callable[[int, int], Problem]:
    """MNIST and USPS, half of the target seen, half tested."""
    import h5py

    with h5py.File(folder / ("MNIST_vs_USPS.mat" if source == "MNIST" else "USPS_vs_MNIST.mat")) as file:
        arrays = {name: np.array(file[name]) for name in file if name[0] in "XY"}
    xs, xt = (np.asarray(arrays[f"X_{part}"], float) for part in ("src", "tar"))
    ys, yt = (np.asarray(arrays[f"Y_{part}"]).ravel().astype(np.int64) for part in ("src", "tar"))
    xs, xt = (x if len(x) == len(y) else x.T for x, y in ((xs, ys), (xt, yt)))
    _, codes = np.unique(np.concatenate([ys, yt]), return_inverse=True)
    ys, yt = codes[: len(ys)], codes[len(ys):]

    def draw(size: int, seed: int) -> Problem:
        random = np.random.default_rng((seed, size))
        order = random.permutation(len(xt))
        half, rest = order[: len(order) // 2], order[len(order) // 2:]
        some = random.permutation(len(xs))[:MOST]
        axes = PCA(AXES, random_state=0).fit(np.concatenate([xs[some], xt[half]]))
        at = half[balanced(yt[half], size, random)]
        return Problem(axes.transform(xs[some]), ys[some], axes.transform(xt[at]), yt[at], axes.transform(xt[half]),
                       axes.transform(xt[rest]), yt[rest])

    return draw


@cache
def covid() -> tuple[fewshot.Slices, Callable[[str, str, int], Cohort]]:
    """The slices, read once."""
    return fewshot.read()


@cache
def slices(target: str) -> Callable[[int, int], Problem]:
    """covid_ct, from the other site to this one."""
    known, split = covid()
    source = next(site for site in fewshot.SITES if site != target)
    x, y = known.features[fewshot.MIDDLE].astype(np.float64), known.labels.astype(np.int64)

    def draw(size: int, seed: int) -> Problem:
        rows = fewshot.cell(known, split(source, target, seed), size, seed)
        some = np.random.default_rng(seed).permutation(rows.source)[:MOST]
        both = np.concatenate([some, rows.adapt])
        mean, scale = location_and_scale(x[both])
        axes = PCA(AXES, random_state=0).fit((x[both] - mean) / scale)

        def at(which: NDArray[np.int64]) -> Array:
            return np.asarray(axes.transform((x[which] - mean) / scale))

        return Problem(at(some), y[some], at(rows.labelled), y[rows.labelled], at(rows.adapt), at(rows.test),
                       y[rows.test])

    return draw


def learner() -> LogisticRegression:
    """What every method boosts or weighs."""
    return LogisticRegression(C=0.1, max_iter=1000)


def scores(model: Any, classes: int, x: Array) -> Array:
    """Probabilities over all classes, (n, classes)."""
    out = np.zeros((len(x), classes))
    out[:, model.classes_] = model.predict_proba(x)
    return out


def weighed(method: Any) -> Callable[[Problem, int], Array]:
    """The learner on weighted source rows and the labelled target rows."""
    def fit(p: Problem, classes: int) -> Array:
        n, u = len(p.source), len(p.seen)
        table = Seen(
            study=tuple(map(str, range(n + u))), patient=("",) * (n + u), site=("s",) * n + ("t",) * u,
            role=("source",) * n + ("target",) * u, split=("train",) * n + ("adapt",) * u,
            labels=np.full((n + u, 1), np.nan, np.float32), hidden=np.ones(n + u, dtype=bool),
            features=np.concatenate([p.source, p.seen]).astype(np.float32),
        )
        weights = np.concatenate([method.weigh(table)[:n], np.ones(len(p.target))])
        both = np.concatenate([p.source, p.target])
        model = learner().fit(both, np.concatenate([p.source_labels, p.target_labels]), sample_weight=weights)
        return scores(model, classes, p.test)

    return fit


def boosted(make: Callable[[], Any]) -> Callable[[Problem, int], Array]:
    """An estimator with ``fit(Xs, ys, Xt, yt)``."""
    def fit(p: Problem, classes: int) -> Array:
        model = make().fit(p.source, p.source_labels, p.target, p.target_labels)
        return scores(model, classes, p.test)

    return fit


def nearest(p: Problem, classes: int) -> Array:
    """MTLF: minus the squared distance to the nearest neighbour of each class."""
    found = MetricTransfer().fit(p.source, p.source_labels, p.target, p.target_labels)
    rows = (p.test - found.mean_) @ found.map_.T @ found.metric_.T
    far = squared_distances(rows, found.places_)
    out = np.full((len(rows), classes), -1e12)
    for c in np.unique(found.place_labels_):
        out[:, c] = -far[:, found.place_labels_ == c].min(axis=1)
    return out


def plain(which: str) -> Callable[[Problem, int], Array]:
    """The learner alone."""
    def fit(p: Problem, classes: int) -> Array:
        x = {"target": p.target, "source": p.source, "pooled": np.concatenate([p.source, p.target])}[which]
        y = {"target": p.target_labels, "source": p.source_labels,
             "pooled": np.concatenate([p.source_labels, p.target_labels])}[which]
        return scores(learner().fit(x, y), classes, p.test)

    return fit


def methods() -> dict[str, Callable[[Problem, int], Array]]:
    """Everything that is compared."""
    return {
        "target only": plain("target"), "source only": plain("source"), "pooled": plain("pooled"),
        "tradaboost": boosted(lambda: TrAdaBoost(learner(), correction="dynamic", vote="soft")),
        "task_tradaboost": boosted(lambda: TaskTrAdaBoost(learner())),
        "enhanced_tradaboost": boosted(lambda: EnhancedTrAdaBoost(learner(), vote="soft")),
        "ensemble_transfer": boosted(lambda: TrResampling(vote="soft")),
        "biw": boosted(lambda: BiWeighting(learner())), "mtlf": nearest,
        "kmm": weighed(KMM()), "kliep": weighed(KLIEP()), "density_ratio": weighed(DensityRatio()),
    }


def problems() -> Iterator[tuple[str, int, Callable[[int, int], Problem]]]:
    """Name, classes, and how a draw is made."""
    for kind in ("shifted inputs", "wrong labels", "reversed"):
        yield f"toy: {kind}", 2, toy(kind)
    if folder := os.environ.get("MEDTL_DIGITS"):
        yield "MNIST to USPS", 10, digits(Path(folder), "MNIST")
        yield "USPS to MNIST", 10, digits(Path(folder), "USPS")
    if os.environ.get("MEDTL_COVID_CT"):
        yield "covid_ct: saopaulo to ucsd", 2, slices("ucsd")
        yield "covid_ct: ucsd to saopaulo", 2, slices("saopaulo")


def figure(p: Problem, said: Array, classes: int) -> float:
    """AUROC, or accuracy of many classes."""
    if classes > 2:
        return float((said.argmax(axis=1) == p.test_labels).mean())
    return float(roc_auc_score(p.test_labels, said[:, 1] - said[:, 0]))


def measured(sizes: tuple[int, ...], seeds: int) -> dict[tuple[str, int, str], list[float]]:
    """Figures by data, budget and method, one per seed; what is done is kept, seed by seed."""
    file = fewshot.folder() / "instances.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    kept = {(row["data"], row["size"], row["seed"]): row["figures"] for row in lines}
    ways = methods()
    got: dict[tuple[str, int, str], list[float]] = {}
    for seed in range(seeds):  # seed by seed, so that what is cut off is balanced
        for name, classes, draw in problems():
            for size in sizes:
                if (name, size, seed) not in kept:
                    p = standardised(draw(size, seed))
                    figures = {way: figure(p, fit(p, classes), classes) for way, fit in ways.items()
                               if way != "task_tradaboost" or classes == 2}
                    kept[name, size, seed] = figures
                    with file.open("a") as stream:
                        stream.write(json.dumps({"data": name, "size": size, "seed": seed, "figures": figures}) + "\n")
                for way, value in kept[name, size, seed].items():
                    got.setdefault((name, size, way), []).append(value)
    return got


def run(quick: bool = False) -> list[Row]:
    """Runs everything and says where the source hurts."""
    sizes, seeds = ((8,), 2) if quick else (SIZES, SEEDS)
    got = measured(sizes, seeds)
    ways = tuple(methods())
    rows, hurts = [], []
    for name in dict.fromkeys(key[0] for key in got):
        for size in sizes:
            rows.append((name, str(size), *(interval(got.get((name, size, way), [])) for way in ways)))
            alone = np.array(got[name, size, "target only"])
            worse, better = [], []
            for way in ways:
                values = got.get((name, size, way), [])
                if values and way not in ("target only", "source only"):
                    mean, reach = mean_reach(np.array(values) - alone)
                    if mean + reach < 0:
                        worse.append(f"{way} {mean:+.3f}")
                    if mean - reach > 0:
                        better.append(f"{way} {mean:+.3f}")
            hurts.append((name, str(size), "; ".join(worse) or "none", "; ".join(better) or "none"))
    return [
        retraining(),
        Table("Target scores, mean over seeds and 95 % interval", ("data", "labels", *ways), tuple(rows)),
        Table("Against the target alone, paired, where the whole interval is on one side",
              ("data", "labels", "lose by the source", "gain by it"), tuple(hurts)),
    ]


def retraining() -> Ratio:
    """task_tradaboost on a new target: the pool again from the source, or the pool as it is."""
    p = standardised(toy("shifted inputs")(32, 0))
    model = TaskTrAdaBoost(learner())

    def again() -> object:
        return model.fit(p.source, p.source_labels, p.target, p.target_labels)

    def target_alone() -> object:
        return model.fit_target(p.target, p.target_labels)

    again()
    took = in_turns({"again": again, "new": target_alone}, 15)
    return Ratio("task_tradaboost: starting again / a new target on the kept pool, seconds, 200 source rows",
                 took["again"].best / took["new"].best, took["new"].text(), took["again"].text(), at_least=5)


def mean_reach(values: Array) -> tuple[float, float]:
    """Mean, and half of its interval."""
    n = len(values)
    return float(values.mean()), float(student.ppf(0.975, n - 1) * values.std(ddof=1) / math.sqrt(n))


def interval(values: list[float]) -> str:
    """Such as ``.812 ± .021``."""
    if not values:
        return ""
    mean, reach = mean_reach(np.array(values))
    return f"{mean:.3f} ± {reach:.3f}"
