"""Sixty runs on real chest CT: frozen network and adaptation layer, four methods, five seeds, three label budgets.

`covid_ct` at 224 pixels, EfficientNet-lite0 with ImageNet weights frozen as a whole, an adaptation layer of 256 and a
head trained for 10 epochs at batch 32 and learning rate 3e-3, source ucsd, target saopaulo; target labels none, 8 and
32 per class. Each run is an ordinary run folder: catalogue, split, search for duplicates, checkpoints, predictions,
intervals from 2,000 draws, report (pictures of single scans and the audit are switched off). Plain runs are among the
sixty, so none trains a baseline of its own. The clock starts before the processes and before anything is read; `cold`
begins with an empty cache, `warm` does those of the first seed again in another folder, in fresh processes, with what
the cache holds then. The scans are those of the folder chest_ct in the one that MEDTL_BENCH_DATA names.
"""
from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.frame.absent import data_folder
from benchmarks.frame.figures import Ratio, Row, Table

METHODS = {
    "source_only": "[]",
    "dan": "[{method: dan}]",
    "dann": "[{method: dann}]",
    "density_ratio": "[{method: density_ratio}]",
}
FAMILY = {"dan": "mapping", "dann": "adversarial", "density_ratio": "instances"}
BUDGETS = {"none": "none", "8": "{per_class: 8}", "32": "{per_class: 32}"}
LIMIT_SECONDS = 600.0
JOBS = 2


def overrides(root: Path, method: str, seed: int, budget: str, epochs: int) -> list[str]:
    """What one run changes of ``covid_ct.yaml``."""
    lines = [
        f"data.root={root}", "model.adaptation=256", "transfer.mapping=[]",
        "transfer.network=[{method: freeze, until: all}]", f"train.epochs={epochs}", "train.lr=0.003",
        f"train.seed={seed}", "train.baseline=false", "evaluate.failures=0",
        "evaluate.audit=off", f"sites.target_labels={BUDGETS[budget]}",
    ]
    return lines if method == "source_only" else [*lines, f"transfer.{FAMILY[method]}={METHODS[method]}"]


def sixty(
    root: Path, methods: Sequence[str], seeds: int, budgets: Sequence[str], epochs: int
) -> list[tuple[str, object]]:
    """Names and configs of all runs."""
    from medtl.config.load import load_config

    return [
        (f"{method}-{budget}-{seed}", load_config("covid_ct.yaml", overrides(root, method, seed, budget, epochs)))
        for seed in range(seeds) for budget in budgets for method in methods
    ]


def run(quick: bool = False) -> list[Row]:
    """Does the sweep cold and warm, and compares weights."""
    from medtl.api.sweeps import RunSpec, sweep

    root = data_folder("chest_ct").resolve()
    seeds, budgets, epochs = (1, ["none"], 2) if quick else (5, list(BUDGETS), 10)
    with elsewhere() as folder:
        specs = [RunSpec(name, config) for name, config in sixty(root, list(METHODS), seeds, budgets, epochs)]  # type: ignore[arg-type]
        again = [spec for spec in specs if spec.name.endswith("-0")]
        seconds, each = {}, {}
        for kind, chosen in (("cold", specs), ("warm", again)):
            began = time.perf_counter()
            results = sweep(chosen, folder / kind, JOBS, threads=1)
            seconds[kind] = time.perf_counter() - began
            failed = [result for result in results if result.status != "done"]
            assert not failed, failed[0]
            each[kind] = statistics.median(result.seconds for result in results)
        same, differing = _weights(folder / "cold" / "runs", list(METHODS), seeds, budgets)
        repeated = _repeated(folder)
        rows = _figures(folder / "cold" / "runs", list(METHODS), seeds, budgets)
    return [
        Ratio(f"{len(specs)} runs cold, minutes", seconds["cold"] / 60, f"{seconds['cold']:.0f} s",
              f"{LIMIT_SECONDS:.0f} s", at_most=LIMIT_SECONDS / 60),
        Ratio(f"{len(again)} of them with a warm cache, minutes", seconds["warm"] / 60, f"{seconds['warm']:.0f} s", ""),
        Ratio("seconds of a run, median, cold / warm", each["cold"] / each["warm"], f"{each['cold']:.1f} s",
              f"{each['warm']:.1f} s"),
        Ratio("runs whose weights differ from source_only's / runs of other methods",
              differing / max(1, same + differing), f"{differing}", f"{same + differing}", at_least=1),
        Ratio("runs with the same weights cold and warm, bit for bit / runs", repeated / len(again), f"{repeated}",
              f"{len(again)}", at_least=1),
        Table("AUROC at saopaulo's test part, mean over seeds (least to largest)", ("method", *budgets), rows),
    ]


@contextmanager
def elsewhere() -> Iterator[Path]:
    """A fresh folder, with medtl's caches in it."""
    folder = Path(tempfile.mkdtemp(prefix="medtl-sweep-"))
    before = os.environ.get("MEDTL_CACHE")
    os.environ["MEDTL_CACHE"] = str(folder / "cache")
    try:
        yield folder
    finally:
        if before is None:
            del os.environ["MEDTL_CACHE"]
        else:
            os.environ["MEDTL_CACHE"] = before
        shutil.rmtree(folder, ignore_errors=True)


def _weights(runs: Path, methods: Sequence[str], seeds: int, budgets: Sequence[str]) -> tuple[int, int]:
    """How many runs of other methods have the weights of the plain run of their seed and budget, and how many not."""
    same = differing = 0
    for seed in range(seeds):
        for budget in budgets:
            plain = _read(runs / f"source_only-{budget}-{seed}")
            for method in methods:
                if method != "source_only":
                    own = _read(runs / f"{method}-{budget}-{seed}")
                    equal = all(np.array_equal(own[name], plain[name]) for name in plain)
                    same, differing = same + equal, differing + (not equal)
    return same, differing


def _repeated(folder: Path) -> int:
    """How many runs have the same weights both times."""
    count = 0
    for run_folder in (folder / "cold" / "runs").iterdir():
        other = folder / "warm" / "runs" / run_folder.name
        if (other / "model.safetensors").is_file():
            one, two = _read(run_folder), _read(other)
            count += all(np.array_equal(one[name], two[name]) for name in one)
    return count


def _read(run_folder: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(run_folder / "model.safetensors")


def _figures(runs: Path, methods: Sequence[str], seeds: int, budgets: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """AUROC on the target's test part, from predictions."""
    rows = []
    for method in methods:
        cells = []
        for budget in budgets:
            values = [auroc(runs / f"{method}-{budget}-{seed}") for seed in range(seeds)]
            cells.append(f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")
        rows.append((method, *cells))
    return tuple(rows)


def auroc(run_folder: Path) -> float:
    """AUROC of a run at its target's test part, from its predictions."""
    from sklearn.metrics import roc_auc_score

    from medtl.predictions import read_predictions

    said = read_predictions(run_folder / "predictions.csv")
    test = said.where((said.role == "target") & (said.split == "test"))
    return float(roc_auc_score(test.labels, test.scores[:, 1]))
