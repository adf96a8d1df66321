"""Chest CT slices of two collections (ucsd, saopaulo), covid or not: every aligning method against source_only.

The ImageNet front (EfficientNet-Lite0) is frozen; an adaptation layer of 256 and the head are trained on the source's
training part, methods see the adapt half of the target without labels, and the AUROC is that on the target's test half.
Defaults throughout, {epochs} epochs, selection by source validation, three seeds on one split. Gains are over
source_only on the same studies; their 95 % intervals come from a bootstrap of patients and seeds, crossed. At saopaulo,
where patients are unknown, blocks of {block} neighbouring files stand for them. Of {tests} intervals, one or two would
leave out 0 by chance alone.

`mscsc` is left out: it replaces the network, so that nothing of it can stand still. `MEDTL_BENCH_DATA` names the folder
that holds `chest_ct/studies.csv`.
"""
from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.frame.absent import data_folder
from benchmarks.frame.figures import Row, Table
from benchmarks.frame.trials import SOURCE_ONLY, Trial, Trials, aligning
from medtl.evaluation.scoring import load_metrics
from medtl.functional.intervals.bootstrap import bootstrap
from medtl.functional.intervals.difference import from_draws
from medtl.functional.measure import NotEstimable
from medtl.functional.metrics.auroc import auroc
from medtl.functional.resampling import BinarySample

SEEDS, EPOCHS, BLOCK, DRAWS = 3, 20, 10, 1000
DIRECTIONS = (("ucsd", "saopaulo"), ("saopaulo", "ucsd"))
CARD = Path(__file__).resolve().parents[1] / "data_cards" / "covid_ct.yaml"
__doc__ = (__doc__ or "").format(epochs=EPOCHS, block=BLOCK, tests=2 * (len(aligning()) - 2))


def sections(root: Path, source: str, target: str, epochs: int) -> dict[str, Any]:
    """The config of a direction."""
    return {
        "task": {"label": "covid"},
        "data": {"card": str(CARD), "root": str(root), "augment": "none",
                 "input": {"window": "none", "size": 224, "slices": 1}},
        "sites": {"source": [source], "target": [target]},
        "model": {"backbone": "efficientnet_lite0", "weights": "imagenet", "adaptation": 256},
        "train": {"epochs": epochs, "batch_size": 32, "device": "cpu", "precision": "float32"},
    }


def plans() -> dict[str, dict[str, Any]]:
    """Every method above the frozen front."""
    still = {"network": [{"method": "freeze", "until": "all"}]}
    return {name: {**still, **block} for name, block in aligning().items() if name != "mscsc"}


def trained(
    quick: bool, methods: list[str], seeds: range
) -> dict[tuple[str, str], tuple[Trials, dict[str, list[Trial]]]]:
    """The trials of both directions."""
    found = {}
    for source, target in DIRECTIONS:
        trials = Trials("chest", sections(data_folder("chest_ct"), source, target, 1 if quick else EPOCHS),
                        scored=("test",), split_seed=0)
        done: dict[str, list[Trial]] = {}
        for name in methods:
            for seed in seeds:
                trial = trials.trial(plans()[name], seed)
                if trial is None:
                    continue
                done.setdefault(name, []).append(trial)
                print(f"{source} to {target}, {name}, seed {seed}", file=sys.stderr, flush=True)
        found[source, target] = (trials, done)
    return found


def drawn(trials: Trials, done: list[Trial], draws: int) -> tuple[np.ndarray, np.ndarray, int]:
    """AUROC on the target per seed, (S,), under draws of patients, (S, draws), and patients of the rarer class."""
    metrics = load_metrics(("auroc",))
    values, under = [], []
    patients = 0
    for trial in done:
        there = trials.is_target(trial.rows)
        rows = trial.rows[there]
        cluster = trials.clusters(rows, BLOCK)
        scores, positive = trial.logits[there, 1] - trial.logits[there, 0], trials.labels(rows) == 1
        patients = min(len(np.unique(cluster[positive])), len(np.unique(cluster[~positive])))
        strata = [("target", int(cluster.max()) + 1)]
        sample = BinarySample.of(positive, scores, cluster=cluster)
        under.append(bootstrap([sample], metrics, seed=0, strata=strata, replicates=draws)[0, 0])
        values.append(float(auroc(positive, scores)))  # type: ignore[arg-type]
    return np.array(values), np.stack(under), patients


def run(quick: bool = False) -> list[Row]:
    """The table of both directions."""
    methods = [SOURCE_ONLY, "dan", "dann"] if quick else list(plans())
    seeds = 2 if quick else SEEDS
    found = trained(quick, methods, range(seeds))
    draws = 50 if quick else DRAWS
    figures = {direction: {name: drawn(trials, of, draws) for name, of in done.items()}
               for direction, (trials, done) in found.items()}
    rows = []
    for name in methods:
        cells = [name]
        for direction in DIRECTIONS:
            if any(len(figures[direction].get(each, ((),))[0]) < seeds for each in (name, SOURCE_ONLY)):
                cells += ["not measured", ""]
                continue
            base, base_under, _ = figures[direction][SOURCE_ONLY]
            values, under, patients = figures[direction][name]
            cells += [f"{values.mean():.3f} ({values.min():.3f} to {values.max():.3f})",
                      "" if name == SOURCE_ONLY else _gain(values - base, under - base_under, patients)]
        rows.append(tuple(cells))
    ends = [f"{source} to {target}" for source, target in DIRECTIONS]
    head = ("method", f"{ends[0]}, AUROC", "gain [95 %]", f"{ends[1]}, AUROC", "gain [95 %]")
    return [Table("AUROC on the target's test half (mean, range over seeds)", head, tuple(rows))]


def _gain(values: np.ndarray, under: np.ndarray, patients: int) -> str:
    difference = from_draws(values, under, patients, 0)
    if isinstance(difference, NotEstimable):
        return str(difference)
    ends = difference.interval()
    verdict = "better" if ends.low > 0 else "worse" if ends.high < 0 else "unclear"
    return f"{difference.value:+.3f} [{ends.low:+.3f}, {ends.high:+.3f}] {verdict}"


if __name__ == "__main__":  # methods, to compute their trials ahead of the table
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    trained(False, sys.argv[1:] or list(plans()), range(SEEDS))
