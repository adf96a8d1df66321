"""Boosting and weighting of source studies on fixed features, at 8, 32 and 128 labelled target studies, 10 seeds.

Three Gaussian toys (two source sites of 100 rows, 300 target rows seen, 1,000 tested, 10 features), of two classes and
once more of numbers: a shift of the inputs by 1.5 standard deviations, a second site of which four fifths have the
wrong label, and a source that says the reverse. Digits: MNIST to USPS and back, ten classes, 32 principal axes of the
pixels. covid_ct: means and deviations of blocks.3 of the frozen default backbone, 32 principal axes, both directions,
with the splits of the data card (held-out patients, gapped blocks). At most 300 source rows.

Figures are AUROC, for digits accuracy, for numbers R2, on the target's test rows: the mean over seeds and its 95 %
interval (t, 9 degrees of freedom). Every method boosts or weighs the same logistic regression (C = 0.1 on standardised
features; for numbers ridge regression of the same strength) with its default options; nothing is chosen on a test row.
Features are standardised over all rows that may be seen, labelled or not. `target only`, `source only` and `pooled`
are that learner on the rows named. `task_tradaboost` is for two classes; `multisource_tradaboost` is told the sites of
the toys, elsewhere there is one. What is done is kept in the cache folder. Needs `digits/` and `chest_ct/` in
MEDTL_BENCH_DATA, and leaves out what is not there; with MEDTL_BENCH_KEPT_ONLY=1 the tables hold what is done.
"""
from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score

from benchmarks._problems import Array, Problem, problems
from benchmarks.frame.figures import Row, Table
from medtl.functional.boosting.biweighting import BiWeighting
from medtl.functional.boosting.enhanced import EnhancedTrAdaBoost
from medtl.functional.boosting.expboost_r2 import ExpBoostR2
from medtl.functional.boosting.metric_transfer import MetricTransfer
from medtl.functional.boosting.resampling import TrResampling
from medtl.functional.boosting.task_tradaboost import TaskTrAdaBoost
from medtl.functional.boosting.tradaboost import MultiSourceTrAdaBoost, TrAdaBoost
from medtl.functional.boosting.tradaboost_r2 import TrAdaBoostR2
from medtl.functional.boosting.two_stage import TwoStageTrAdaBoostR2
from medtl.functional.standardise import squared_distances
from medtl.methods.instances.density_ratio import DensityRatio
from medtl.methods.instances.kliep import KLIEP
from medtl.methods.instances.kmm import KMM
from medtl.places import cache_folder
from medtl.types import Table as Seen

SIZES = (8, 32, 128)
SEEDS = 10
KEPT: dict[tuple[str, str], Array] = {}
PLAIN = ("target only", "source only", "pooled")
Way = Callable[[Problem, int], Array]
"""A problem and its number of classes to scores of test rows, (t, classes), or values, (t,)."""


def learner() -> LogisticRegression:
    """What every method boosts or weighs."""
    return LogisticRegression(C=0.1, max_iter=1000)


def numbers() -> Ridge:
    """The same for numbers."""
    return Ridge(alpha=10.0)


def scores(model: Any, classes: int, x: Array) -> Array:
    """Probabilities over all classes, (n, classes); values, (n,)."""
    if not classes:
        return np.asarray(model.predict(x))
    out = np.zeros((len(x), classes))
    out[:, model.classes_] = model.predict_proba(x)
    return out


def weighed(method: Any) -> Way:
    """The learner on weighted source rows and the labelled target rows."""
    def fit(p: Problem, classes: int) -> Array:
        n, u = len(p.source), len(p.seen)
        table = Seen(
            study=tuple(map(str, range(n + u))), patient=("",) * (n + u), site=("s",) * n + ("t",) * u,
            role=("source",) * n + ("target",) * u, split=("train",) * n + ("adapt",) * u,
            labels=np.full((n + u, 1), np.nan, np.float32), hidden=np.ones(n + u, dtype=bool),
            features=np.concatenate([p.source, p.seen]).astype(np.float32),
        )
        key = repr(method), hashlib.sha256(table.features.tobytes()).hexdigest()
        if key not in KEPT:  # no label is read: budgets of one seed share the weights
            KEPT[key] = np.asarray(method.weigh(table)[:n], dtype=np.float64)
        weights = np.concatenate([KEPT[key], np.ones(len(p.target))])
        model = learner() if classes else numbers()
        model.fit(np.concatenate([p.source, p.target]), np.concatenate([p.source_labels, p.target_labels]),
                  sample_weight=weights)
        return scores(model, classes, p.test)

    return fit


def boosted(make: Callable[[], Any], *, sites: bool = False) -> Way:
    """An estimator with ``fit(Xs, ys, Xt, yt)``, told the source's sites or not."""
    def fit(p: Problem, classes: int) -> Array:
        told = (p.sites,) if sites else ()
        return scores(make().fit(p.source, p.source_labels, p.target, p.target_labels, *told), classes, p.test)

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


def plain(which: str) -> Way:
    """The learner alone."""
    def fit(p: Problem, classes: int) -> Array:
        parts = {"target only": (False, True), "source only": (True, False), "pooled": (True, True)}[which]
        x = np.concatenate([x for x, used in zip((p.source, p.target), parts, strict=True) if used])
        y = np.concatenate([y for y, used in zip((p.source_labels, p.target_labels), parts, strict=True) if used])
        return scores((learner() if classes else numbers()).fit(x, y), classes, p.test)

    return fit


CLASSES: dict[str, Way] = {
    "tradaboost": boosted(lambda: TrAdaBoost(learner(), correction="dynamic", vote="soft")),
    "multisource_tradaboost": boosted(lambda: MultiSourceTrAdaBoost(learner(), vote="soft"), sites=True),
    "task_tradaboost": boosted(lambda: TaskTrAdaBoost(learner()), sites=True),
    "enhanced_tradaboost": boosted(lambda: EnhancedTrAdaBoost(learner(), vote="soft")),
    "ensemble_transfer": boosted(lambda: TrResampling(vote="soft")),
    "biw": boosted(lambda: BiWeighting(learner())), "mtlf": nearest,
}
VALUES: dict[str, Way] = {
    "tradaboost_r2": boosted(lambda: TrAdaBoostR2(numbers())),
    "two_stage_tradaboost_r2": boosted(lambda: TwoStageTrAdaBoostR2(numbers())),
    "expboost_r2": boosted(lambda: ExpBoostR2(numbers()), sites=True),
}
WEIGHTS: dict[str, Way] = {"kmm": weighed(KMM()), "kliep": weighed(KLIEP()), "density_ratio": weighed(DensityRatio())}


def ways(classes: int) -> dict[str, Way]:
    """Everything that is compared on data of so many classes, 0 for numbers."""
    own = {name: way for name, way in CLASSES.items() if name != "task_tradaboost" or classes == 2}
    return {**{name: plain(name) for name in PLAIN}, **(own if classes else VALUES), **WEIGHTS}


def figure(p: Problem, said: Array, classes: int) -> float:
    """AUROC, accuracy of many classes, or R2 of numbers."""
    if classes == 0:
        return float(r2_score(p.test_labels, said))
    if classes > 2:
        return float((said.argmax(axis=1) == p.test_labels).mean())
    return float(roc_auc_score(p.test_labels, said[:, 1] - said[:, 0]))


Key = tuple[str, int, int]
"""Data, classes, labelled rows."""


def measured(sizes: tuple[int, ...], seeds: int) -> dict[Key, dict[str, list[float]]]:
    """Figures per method, one per seed; what is done is kept, seed by seed."""
    folder = cache_folder() / "benchmarks" / "instances"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "figures.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    kept = {(row["data"], row["classes"], row["size"], row["seed"]): row["figures"] for row in lines}
    everything = list(problems())
    got: dict[Key, dict[str, list[float]]] = {}
    for seed in range(seeds):  # seed by seed, so that what is cut off is balanced
        for name, classes, draw in everything:
            for size in sizes:
                if (name, classes, size, seed) not in kept:
                    if os.environ.get("MEDTL_BENCH_KEPT_ONLY"):
                        continue
                    p = draw(size, seed).standardised()
                    figures = {way: figure(p, fit(p, classes), classes) for way, fit in ways(classes).items()}
                    kept[name, classes, size, seed] = figures
                    with file.open("a") as stream:
                        stream.write(json.dumps({"data": name, "classes": classes, "size": size, "seed": seed,
                                                 "figures": figures}) + "\n")
                for way, value in kept[name, classes, size, seed].items():
                    got.setdefault((name, classes, size), {}).setdefault(way, []).append(value)
    return got


def run(quick: bool = False) -> list[Row]:
    """Runs everything and says where the source hurts."""
    got = measured(*(((8,), 2) if quick else (SIZES, SEEDS)))
    hurts = []
    for (name, classes, size), values in got.items():
        alone, worse, better = np.array(values["target only"]), [], []
        for way, found in values.items():
            if way in ("target only", "source only"):
                continue
            mean, reach = mean_reach(np.array(found) - alone)
            if mean + reach < 0:
                worse.append(f"{way} {mean:+.3f}")
            if mean - reach > 0:
                better.append(f"{way} {mean:+.3f}")
        hurts.append((_of(name, classes), str(size), "; ".join(worse) or "none", "; ".join(better) or "none"))
    by_class = {**dict.fromkeys(PLAIN), **CLASSES, **WEIGHTS}
    by_value = {**dict.fromkeys(PLAIN), **VALUES, **WEIGHTS}
    return [
        Table(title, ("data", "labels", *columns), tuple(
            (name, str(size), *(interval(values.get(way, [])) for way in columns))
            for (name, classes, size), values in got.items() if bool(classes) == of_classes))
        for title, columns, of_classes in (
            ("Target scores, mean over seeds and 95 % interval", tuple(by_class), True),
            ("The same for numbers, R2", tuple(by_value), False))
    ] + [Table("Against the target alone, paired, where the whole interval is on one side",
               ("data", "labels", "lose by the source", "gain by it"), tuple(hurts))]


def _of(name: str, classes: int) -> str:
    return name if classes else f"{name}, numbers"


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
