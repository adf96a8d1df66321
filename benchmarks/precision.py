"""bf16 against float32: the same runs at both precisions, on the simulated demo and on real chest CT.

Both configs as they are shipped, with the whole backbone frozen in place of most of it, for 10 epochs; training's
forward passes in bf16 autocast or in float32, all else the same. AUROC at the target's test part, per seed. The
difference of the means is set beside the largest spread over seeds of either precision. On a CPU without AMX or
AVX512-BF16 bf16 is emulated, so its time says nothing. The real scans are those of chest_ct below the folder that
MEDTL_BENCH_DATA names.
"""
from __future__ import annotations

from contextlib import suppress

import numpy as np

from benchmarks.frame.absent import Absent, data_folder
from benchmarks.frame.figures import Ratio, Row, Table
from benchmarks.sweep import auroc, elsewhere

PRECISIONS = ("float32", "bf16")


def run(quick: bool = False) -> list[Row]:
    """Trains at both precisions and compares."""
    from medtl.api.sweeps import RunSpec, sweep
    from medtl.config.load import load_config

    seeds = range(1 if quick else 3)
    common = [f"train.epochs={2 if quick else 10}", "train.baseline=false", "evaluate.failures=0", "evaluate.audit=off",
              "transfer.network=[{method: freeze, until: all}]"]
    sets: dict[str, list[str]] = {"chest_ct": []}
    with suppress(Absent):
        sets["covid_ct"] = [f"data.root={data_folder('chest_ct').resolve()}"]
    rows: list[Row] = []
    cells: list[tuple[str, ...]] = []
    with elsewhere() as folder:
        specs = [
            RunSpec(f"{name}-{precision}-{seed}", load_config(f"{name}.yaml", [
                *common, *own, f"train.seed={seed}", f"train.precision={precision}"]))
            for name, own in sets.items() for precision in PRECISIONS for seed in seeds
        ]
        for result in sweep(specs, folder, 1, threads=2):
            assert result.status == "done", result
        for name in sets:
            values = [[auroc(folder / "runs" / f"{name}-{p}-{seed}") for seed in seeds] for p in PRECISIONS]
            gap = abs(float(np.mean(values[0]) - np.mean(values[1])))
            spread = max(max(one) - min(one) for one in values)
            each = max(abs(a - b) for a, b in zip(*values, strict=True))
            told = [", ".join(f"{value:.4f}" for value in one) for one in values]
            rows.append(Ratio(f"{name}: difference of mean AUROC / spread over seeds", gap / spread if spread else gap,
                              f"bf16 {told[1]}", f"float32 {told[0]}", at_most=1))
            means = (f"{np.mean(one):.4f}" for one in values)
            cells.append((name, *means, f"{gap:.4f}", f"{each:.4f}", f"{spread:.4f}"))
    head = ("data", "float32, mean", "bf16, mean", "difference", "largest of one seed", "spread over seeds")
    return [*rows, Table(f"AUROC at the target's test part, {len(seeds)} seeds", head, tuple(cells))]

