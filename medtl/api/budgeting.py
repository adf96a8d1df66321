"""``budget``: how many target labels a wanted AUROC takes."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtl.api.sweeps import RunSpec, sweep
from medtl.api.sweeps.sweep import Engine
from medtl.api.training import in_short
from medtl.api.variants import Variants
from medtl.config.sections import Config
from medtl.errors import ConfigError
from medtl.evaluation.budget import learning_curve, write_curve
from medtl.evaluation.budget.page import WrittenCurve
from medtl.evaluation.matrix import PairedRun
from medtl.predictions import read_predictions
from medtl.progress import QUIET, Progress, doing
from medtl.run import RunFolder, new_run

LABELS = (4, 8, 16, 32)
"""Labelled target patients per class that are tried."""


@dataclass(frozen=True)
class _Planned:
    labels: int
    seed: int
    spec: RunSpec


def budget(
    config: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    auroc: float,
    labels: Sequence[int] = LABELS,
    draws: int = 5,
    jobs: int | None = None,
    engine: Engine = "local",
    threads: int = 1,
    name: str | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> WrittenCurve:
    """Trains with more and more labelled target patients and says at how many a goal is reached.

    One split serves all runs, so that all are tested on the same held-out studies; a draw's larger numbers of labels
    hold its smaller ones.

    Args:
        config: a file or shipped name, or a mapping of sections; its ``target_labels`` is replaced.
        overrides: ``key.path=value``.
        auroc: the goal, between 0 and 1.
        labels: labelled target patients per class, at least 3 numbers for a fit; none at all is tried as well.
        draws: of labels, at each number; a draw also has its own start and order.
        jobs: processes at once.
        engine: local processes or a Ray cluster.
        threads: of each run.
        name: of the folder; the config's stem and ``-budget`` if None.
        out: the folder of runs.
        progress: where it reports to.

    Returns:
        The curve, and where it is.

    Raises:
        ConfigError: mistakes in the config, no target, a goal or numbers that make no sense, or no run that could be
            done.
    """
    if not 0 < auroc < 1:
        raise ConfigError(f"--auroc {auroc:g}: expected a number between 0 and 1")
    if draws < 1 or not labels or min(labels) < 1:
        raise ConfigError("budget: expected at least one draw, and numbers of labels of at least 1")
    progress = progress or QUIET
    variants = Variants.of(config, overrides)
    base = variants.base
    if not base.sites.target:
        raise ConfigError("sites.target: names no site whose labels could be counted")
    planned = _plan(variants, sorted(set(labels)), draws)
    folder = new_run(base, name or f"{base.stem}-budget", out).path
    progress.say(f"{len(planned)} runs: {', '.join(map(str, sorted(set(labels))))} labelled patients per class and "
                 f"none, {draws} draws")
    results = sweep([p.spec for p in planned], folder, jobs, engine, threads=threads, progress=progress)
    if all(result.status != "done" for result in results):
        raise ConfigError("no run of the budget could be done:", *(f"  {r.name}: {r.reason}" for r in results[:8]))
    with doing(progress, "evaluating"):
        runs: dict[int, list[PairedRun]] = {}
        for p, result in zip(planned, results, strict=True):
            done = result.status == "done"
            runs.setdefault(p.labels, []).append(PairedRun(
                base.sites.source, ", ".join(base.sites.target), f"{p.labels} per class", p.seed,
                read_predictions(result.path / "predictions.csv") if done else None, result.reason,
            ))
        done_runs = [result for result in results if result.status == "done"]
        simulated = RunFolder(done_runs[0].path).read_json("provenance.json").get("simulated")
        notes = ["the scans are SIMULATED: no figure here says anything about patients"] if simulated else []
        curve = learning_curve(runs, auroc, bootstrap=base.evaluate.bootstrap, seed=base.train.seed, notes=notes)
        return write_curve(curve, folder, title=folder.name, told=_told(base))


def _plan(variants: Variants, labels: Sequence[int], draws: int) -> list[_Planned]:
    """Draw by draw, so that early runs already span the curve."""
    base = variants.base
    split = base.train.seed if base.sites.split_seed is None else base.sites.split_seed
    planned = []
    for seed in range(base.train.seed, base.train.seed + draws):
        for n in (0, *labels):
            try:
                made = variants.made(f"sites.target_labels={'none' if n == 0 else f'{{per_class: {n}}}'}",
                                     f"sites.split_seed={split}", f"train.seed={seed}", "train.baseline=false")
            except ConfigError:
                if n:
                    raise
                continue  # a method that needs labels has no figure without them
            planned.append(_Planned(n, seed, RunSpec(f"labels-{n}.draw-{seed}", made)))
    return planned


def _told(base: Config) -> list[tuple[str, str]]:
    return [
        ("Question", ", ".join(base.task.labels or (base.task.label or "",))),
        ("Data", base.data.card_stem),
        ("Trained on", ", ".join(base.sites.source)),
        ("Carried to", ", ".join(base.sites.target)),
        ("Methods", in_short(base)),
        ("Backbone", f"{base.model.backbone} {base.model.weights}"),
        ("Checkpoint", base.train.selection),
    ]
