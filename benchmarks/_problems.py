"""Source and target data with a few labelled target rows: toys with a known shift, digits, covid_ct."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from benchmarks import fewshot
from benchmarks.frame.absent import Absent, data_folder
from medtl.functional.standardise import location_and_scale
from medtl.types import Cohort

AXES = 32
MOST = 300
"""Source rows at most, drawn anew by each seed: boosting in the pixels of thousands of digits says nothing more."""

Array = NDArray[np.float64]
Draw = Callable[[int, int], "Problem"]
"""(labelled target rows, seed) to a problem."""


@dataclass(frozen=True)
class Problem:
    """One draw.

    Attributes:
        source: (n, d).
        source_labels: class numbers, or values, (n,).
        sites: number of each source row's site, (n,).
        target: labelled rows, (m, d).
        target_labels: (m,).
        seen: all target rows that may be seen, (u, d).
        test: (t, d).
        test_labels: (t,).
    """

    source: Array
    source_labels: NDArray[np.generic]
    sites: NDArray[np.int64]
    target: Array
    target_labels: NDArray[np.generic]
    seen: Array
    test: Array
    test_labels: NDArray[np.generic]

    def standardised(self) -> Problem:
        """Over source and seen target rows."""
        mean, scale = location_and_scale(np.concatenate([self.source, self.seen]))
        moved = {name: (getattr(self, name) - mean) / scale for name in ("source", "target", "seen", "test")}
        return replace(self, **moved)


TOYS = ("shifted inputs", "wrong labels", "reversed")


def toy(kind: str, *, values: bool = False) -> Draw:
    """Ten features; two classes, or numbers; two source sites of 100 rows, the second of which bears wrong labels."""
    def draw(size: int, seed: int) -> Problem:
        random = np.random.default_rng((seed, len(kind), int(values)))  # whatever the budget: budgets are paired
        rule = np.zeros(10)
        rule[:3] = 1.0

        def rows(n: int, shift: float) -> tuple[Array, Array]:
            x = random.normal(size=(n, 10))
            x[:, :6] += shift / math.sqrt(6) * np.array([1, -1, 1, -1, 1, -1])
            if values:
                return x, x @ rule + random.normal(size=n)
            return x, (random.random(n) < 1.0 / (1.0 + np.exp(-1.5 * (x @ rule)))).astype(np.float64)

        source, labels = rows(200, 0.0)
        if kind == "wrong labels":
            wrong = 100 + random.permutation(100)[:80]
            labels[wrong] = -labels[wrong] if values else 1 - labels[wrong]
        if kind == "reversed":
            labels = -labels if values else 1 - labels
        shift = 1.5 if kind == "shifted inputs" else 0.0
        seen, known = rows(300, shift)
        test, truth = rows(1000, shift)
        at = np.arange(size) if values else balanced(known.astype(np.int64), size, random)
        if not values:
            labels, known, truth = (some.astype(np.int64) for some in (labels, known, truth))
        return Problem(source, labels, np.repeat([0, 1], 100), seen[at], known[at], seen, test, truth)

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
def digits(source: str) -> Draw:
    """MNIST and USPS, half of the target seen, half tested."""
    import h5py

    parts = ("s", "t") if source == "MNIST" else ("t", "s")
    with h5py.File(data_folder("digits") / "MNIST_vs_USPS.mat") as file:
        xs, xt = (np.asarray(file[f"X{part}"], float) for part in parts)
        ys, yt = (np.asarray(file[f"Y{part}"]).ravel().astype(np.int64) - 1 for part in parts)

    def draw(size: int, seed: int) -> Problem:
        random = np.random.default_rng(seed)
        order = random.permutation(len(xt))
        half, rest = order[: len(order) // 2], order[len(order) // 2:]
        some = random.permutation(len(xs))[:MOST]
        axes = PCA(AXES, random_state=0).fit(np.concatenate([xs[some], xt[half]]))
        at = half[balanced(yt[half], size, random)]
        return Problem(axes.transform(xs[some]), ys[some], np.zeros(len(some), np.int64), axes.transform(xt[at]),
                       yt[at], axes.transform(xt[half]), axes.transform(xt[rest]), yt[rest])

    return draw


@cache
def covid() -> tuple[fewshot.Slices, Callable[[str, str, int], Cohort]]:
    """The slices, read once."""
    return fewshot.read()


def slices(target: str) -> Draw:
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

        return Problem(at(some), y[some], np.zeros(len(some), np.int64), at(rows.labelled), y[rows.labelled],
                       at(rows.adapt), at(rows.test), y[rows.test])

    return draw


def problems() -> Iterator[tuple[str, int, Draw]]:
    """Name, classes (0 for numbers), and how a draw is made; what is not on this machine is left out."""
    for kind in TOYS:
        yield f"toy: {kind}", 2, toy(kind)
    for kind in TOYS:
        yield f"toy: {kind}", 0, toy(kind, values=True)
    try:
        data_folder("digits")
        yield "MNIST to USPS", 10, digits("MNIST")
        yield "USPS to MNIST", 10, digits("USPS")
    except Absent as missing:
        print(f"left out: {missing}")
    try:
        yield "covid_ct: saopaulo to ucsd", 2, slices("ucsd")
        yield "covid_ct: ucsd to saopaulo", 2, slices("saopaulo")
    except Absent as missing:
        print(f"left out: {missing}")
