"""``matrix``: every source to every target site and every site left out, by several methods and seeds."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtl.api.sweeps import RunResult, RunSpec, sweep
from medtl.api.sweeps.sweep import Engine
from medtl.api.variants import OWN, TENT, Variants, sites_override, spelt_out, words_for_folders
from medtl.config.options import BASELINE
from medtl.config.sections import Config, TransferSection
from medtl.errors import ConfigError
from medtl.evaluation.matrix import PairedRun, WrittenMatrix, evaluate_matrix, write_matrix
from medtl.predictions import read_predictions
from medtl.progress import QUIET, Progress, doing
from medtl.run import RunFolder, new_run


@dataclass(frozen=True)
class Planned:
    """One run of a matrix before it is done."""

    spec: RunSpec
    sources: tuple[str, ...]
    target: str
    method: str
    seed: int


def matrix(
    config: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    seeds: int = 3,
    methods: Sequence[str] = (),
    jobs: int | None = None,
    engine: Engine = "local",
    threads: int = 1,
    name: str | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> WrittenMatrix:
    """Trains every method from every site to every other one, and from all others to each, with several seeds.

    The sites are those of the config, source and target alike. The same call goes on where it stopped.

    Args:
        config: a file or shipped name, or a mapping of sections.
        overrides: ``key.path=value``.
        seeds: how many; the config's own seed and those after it.
        methods: registry names, ``source_only``, ``config`` for the transfer block, ways of harmonising, or
            ``harmonisation`` for all of these; ``source_only`` and ``config`` if there are none.
        jobs: processes at once.
        engine: local processes or a Ray cluster.
        threads: of each run.
        name: of the sweep's folder; the config's stem and ``-matrix`` if None.
        out: the folder of runs; ``./runs`` if None.
        progress: where it reports to.

    Returns:
        The figures and where they are.

    Raises:
        ConfigError: mistakes in the config, unknown methods, fewer than two sites.
        RunStateError: the folder holds another sweep.
        DataError: no run at all could be done.
    """
    progress = progress or QUIET
    variants = Variants.of(config, overrides)
    base = variants.base
    chosen = spelt_out(methods) or _default_methods(base)
    planned = plan(variants, seeds, chosen)
    folder = new_run(base, name or f"{base.stem}-matrix", out).path
    progress.say(f"{len(planned)} runs: {_counted(planned)}")
    results = sweep([p.spec for p in planned], folder, jobs, engine, threads=threads, progress=progress)
    if all(result.status != "done" for result in results):
        raise ConfigError("no run of the matrix could be done:", *(f"  {r.name}: {r.reason}" for r in results[:8]))
    with doing(progress, "evaluating"):
        runs = [_paired(p, r) for p, r in zip(planned, results, strict=True)]
        told, notes = _told(base, chosen, results)
        figures = evaluate_matrix(runs, sites=_sites(base), methods=chosen, bootstrap=base.evaluate.bootstrap,
                                  seed=base.train.seed, notes=notes)
        return write_matrix(figures, folder, title=folder.name, told=told)


def plan(variants: Variants, seeds: int, methods: Sequence[str]) -> list[Planned]:
    """The runs of a matrix, seed by seed, so that early ones already say something of every cell.

    Args:
        variants: of the config.
        seeds: how many.
        methods: as for :func:`matrix`.

    Returns:
        The runs in the order in which they are begun.

    Raises:
        ConfigError: fewer than two sites or one seed, or a variant that cannot work.
    """
    sites = _sites(variants.base)
    if len(sites) < 2:
        raise ConfigError(f"sites: found {', '.join(sites) or 'none'}, expected at least two under sites.source and "
                          "sites.target: a matrix carries models from one to another")
    if seeds < 1:
        raise ConfigError(f"--seeds {seeds}: expected at least 1")
    pairs: list[tuple[tuple[str, ...], str]] = [((source,), target) for target in sites for source in sites
                                                if source != target]
    if len(sites) > 2:
        pairs += [(tuple(site for site in sites if site != target), target) for target in sites]
    words, called = words_for_folders(sites), words_for_folders(methods)
    width = variants.same_width(methods)
    first = variants.base.train.seed
    planned = []
    for seed in range(first, first + seeds):
        for sources, target in pairs:
            for method in methods:
                made = variants.made(*sites_override(sources, (target,)), *variants.method(method), *width,
                                     f"train.seed={seed}", "train.baseline=false")
                source = words[sources[0]] if len(sources) == 1 else "others"
                spec = RunSpec(f"{source}-to-{words[target]}.{called[method]}.seed-{seed}", made)
                planned.append(Planned(spec, sources, target, method, seed))
    return planned


def _sites(base: Config) -> tuple[str, ...]:
    return (*base.sites.source, *base.sites.target)


def _default_methods(base: Config) -> tuple[str, ...]:
    kept = TransferSection(network=base.transfer.network)
    return (BASELINE, OWN) if base.transfer != kept else (BASELINE,)


def _counted(planned: Sequence[Planned]) -> str:
    pairs = len({(p.sources, p.target) for p in planned})
    methods, seeds = len({p.method for p in planned}), len({p.seed for p in planned})
    return f"{pairs} pairs of source and target, {methods} methods, {seeds} seeds"


def _paired(planned: Planned, result: RunResult) -> PairedRun:
    done = result.status == "done"
    predictions = read_predictions(result.path / "predictions.csv") if done else None
    if predictions is not None and (predictions.model == TENT).any():  # the same network, adapting while it answers
        of_row = predictions.model == TENT if planned.method == TENT else predictions.model != TENT
        predictions = predictions.where(np.asarray(of_row))
    return PairedRun(planned.sources, planned.target, planned.method, planned.seed, predictions, result.reason)


def _told(
    base: Config, methods: Sequence[str], results: Sequence[RunResult]
) -> tuple[list[tuple[str, str]], list[str]]:
    """What a reader must know of the runs, and what is repeated beside the numbers."""
    from medtl.api.training import in_short

    done = [result for result in results if result.status == "done"]
    provenance = RunFolder(done[0].path).read_json("provenance.json")
    notes = ["the scans are SIMULATED: no figure here says anything about patients"] \
        if provenance.get("simulated") else []
    if base.sites.target_labels != "none":
        notes.append(f"{BASELINE} means no transfer method; like the others it trains on the visible target labels")
    if base.sites.transductive:
        notes.append("transductive: the models have seen the target's test images, without their labels")
    seconds = sum(result.seconds for result in done)
    labels = base.sites.target_labels
    own = f"{OWN}: {in_short(base)}" if OWN in methods else ""
    told = [
        ("Question", ", ".join(base.task.labels or (base.task.label or "",))),
        ("Data", base.data.card_stem),
        ("Sites", ", ".join(_sites(base))),
        ("Methods", ", ".join(methods) + (f" ({own})" if own else "")),
        ("Kept beneath each method", ", ".join(str(e["method"]) for e in base.transfer.network) or "nothing"),
        ("Target labels in training", str(labels) if isinstance(labels, str) else
         ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in vars(labels).items()
                   if not key.startswith("_"))),
        ("Backbone", f"{base.model.backbone} {base.model.weights}"),
        ("Checkpoint", base.train.selection),
        ("Epochs, batch size", f"{base.train.epochs}, {base.train.batch_size}"),
        ("Runs", f"{len(done)} of {len(results)} done, {seconds:.0f} s of computing"),
        ("medtl", str(provenance.get("medtl", ""))),
    ]
    return told, notes
