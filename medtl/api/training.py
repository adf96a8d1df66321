"""``train``: from a config to a finished run folder, resumable at any moment."""
from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import medtl
from medtl.api.adapting import NOTE as TENT_NOTE
from medtl.api.adapting import adapted_at_test
from medtl.api.assemble import Assembly, assemble, dataset
from medtl.api.auditing import audited
from medtl.api.features import keep_features
from medtl.api.folding import Folds, folded
from medtl.api.judging import Evaluated, judge
from medtl.api.pictures import write_pictures
from medtl.api.prior import told_prevalence, unbalanced
from medtl.api.repeating import Repeats, repeated
from medtl.api.told import note_card, note_moves
from medtl.config.dump import config_digest
from medtl.config.load import load_config
from medtl.config.options import methods_of
from medtl.config.sections import Config, TransferSection
from medtl.data.loaders import PairLoader
from medtl.evaluation.report.weights import weights_file
from medtl.methods.base import Method
from medtl.models import store
from medtl.models.adapt.tent import check_tent
from medtl.models.build import build_model
from medtl.models.model import Model
from medtl.predictions import Predictions, read_predictions, write_predictions
from medtl.predictions.joined import joined
from medtl.progress import QUIET, Progress
from medtl.run import RunFolder, new_run
from medtl.training.checks import needs_adaptation, wants_target
from medtl.training.device import Device, device_name, open_device
from medtl.training.engine import run_plan
from medtl.training.feature_bank import never_moving, predict_behind
from medtl.training.harmonize import with_combat
from medtl.training.memory import keep_freed_memory
from medtl.training.moves import Move, table_of_moves
from medtl.training.setting import make_setting
from medtl.training.sinks._feed import open_feed
from medtl.training.trial import Settled, settled_in

SCORED = (("source", ("val", "test")), ("target", ("adapt", "test")))
"""Rows that predictions.csv holds."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        path: its folder.
        evaluated: figures per site, as the report shows them.
        said: how it came to this: trained, or found finished.
        repeats: what all seeds say together, where `evaluate.repeats` asks for several.
        folds: what all folds say together, where `evaluate.folds` asks for several.
    """

    path: Path
    evaluated: Evaluated
    said: str
    repeats: Repeats | None = None
    folds: Folds | None = None

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        page = Text(f"report: {self.path / 'report' / 'index.html'}")
        together = [one for one in (self.repeats, self.folds) if one is not None]
        return Group(self.evaluated.table(), *self.evaluated.audit(), *together, Text(self.said), page)


def train(
    config: Config | str | Path, *, name: str | None = None, out: Path | None = None, progress: Progress | None = None
) -> Run:
    """Trains on the source sites, adapts to the target sites, compares with the plain baseline, and reports per site.

    The same config on a finished folder returns that run; on an unfinished one it resumes.

    Args:
        config: a config, or a file or shipped name of one.
        name: the run's folder name; the config's stem if None.
        out: the folder of runs; ``./runs`` if None.
        progress: where to report to; nothing is shown if None.

    Returns:
        The run.

    Raises:
        ConfigError: mistakes in the config, or a plan that cannot work.
        DataError: scans, tables, labels or splits are not what the run needs.
        RunStateError: the folder holds a run of another config or of other data, or another process writes to it.
        WeightsError: pretrained weights cannot be had.
    """
    keep_freed_memory()
    config = config if isinstance(config, Config) else load_config(config)
    progress = progress or QUIET
    run = _train_once(config, name, out, progress)

    def train_one(one: Config, stem: str, runs: Path) -> Path:
        return _train_once(one, stem, runs, progress).path

    if config.task.name == "regression":
        return run
    if config.evaluate.folds > 1:
        run = replace(run, folds=folded(run.path, config, train_one))
    return run if config.evaluate.repeats == 1 else replace(run, repeats=repeated(run.path, config, train_one))


def _train_once(config: Config, name: str | None, out: Path | None, progress: Progress) -> Run:
    folder = new_run(config, name, out)
    with folder.locked():
        opening = folder.open_for_training(config)
        if opening == "finished":
            return Run(folder.path, judge(folder.path, progress), f"{folder.path} is finished already: nothing to do")
        if opening == "resume":
            progress.say(f"{folder.path}: unfinished; resuming")
        evaluated = _train(folder, config, progress)
        return Run(folder.path, evaluated, f"trained: {folder.path}")


def baseline_of(config: Config, adaptation: int) -> Config | None:
    """The plain run that a config is compared with, or None where it is one itself.

    It differs in one thing, whichever comes first: alignment, weighting and site-conditional normalisation are left
    out, and what the network family fixes (freezing, say) stays, so that both have the same budget; without those,
    harmonisation is left out; without that, the network family; without that, the visible target labels.

    Args:
        config: of the run.
        adaptation: width of the run's adaptation layer, 0 for none, so that both have the same network.
    """
    bn = config.model.bn if config.model.bn in ("joint", "frozen") else "joint"
    model = replace(config.model, bn=bn, adaptation=adaptation)
    kept = TransferSection(network=config.transfer.network)
    if config.transfer != kept or bn != config.model.bn:
        return replace(config, transfer=kept, model=model)
    if config.data.harmonize != "none":
        return replace(config, model=model, data=replace(config.data, harmonize="none"))
    if config.transfer != TransferSection():
        return replace(config, transfer=TransferSection(), model=model)
    if config.sites.target_labels != "none":
        return replace(config, model=model, sites=replace(config.sites, target_labels="none"))
    return None


def _train(folder: RunFolder, config: Config, progress: Progress) -> Evaluated:
    begun = time.time()
    assembly = assemble(config, progress)
    assembly.write(folder)
    note_card(folder, dataset(config).card)
    methods = methods_of(config)
    feed = open_feed(config.train.sinks, folder.path, folder.config_as_written(), progress)
    fitted = _fit(folder, config, methods, assembly, progress, watch=feed.watch(folder.path / "log.jsonl"))
    model = fitted.model
    baseline = baseline_of(config, int(model.describe()["adaptation"])) if config.train.baseline else None
    name = "adapted" if baseline_of(config, 0) is not None else "baseline"
    rows = [_predictions(fitted, assembly, name, folder.path)]
    if baseline is not None:
        progress.say(f"now the baseline that this run is compared with: {in_short(baseline)}, all else equal")
        below = folder.baseline
        if below.open_for_training(baseline) != "finished":
            same = (baseline.sites, baseline.data) == (config.sites, config.data)
            other = assembly if same else assemble(baseline, progress)
            other.write(below)
            plain = _fit(below, baseline, methods_of(baseline), other, progress, fitted.settled,
                         watch=feed.watch(below.path / "log.jsonl", "baseline/"))
            own = _predictions(plain, other, "baseline", below.path)
            write_predictions(below.path / "predictions.csv", own)
            below.write_json("provenance.json", provenance(baseline, other, plain, begun))
            below.finish()
        else:
            own = (_predictions(replace(fitted, model=store.load(below.path)), assembly, "baseline")
                   if baseline.data == config.data else read_predictions(below.path / "predictions.csv"))
        rows.append(own)
    notes: tuple[str, ...] = ()
    if config.evaluate.adapt == "tent":
        rows.append(adapted_at_test(
            model, fitted.loader.scan, fitted.loader.cohort, fitted.loader.cohort.rows("target", "test"), rows[0],
            task=assembly.task, batch_size=config.train.batch_size, seed=config.train.seed,
            device=fitted.device.torch,
        ))
        notes = (TENT_NOTE,)
    prevalence = told_prevalence(folder, config, fitted.loader.cohort, assembly.task, rows[0])
    for line in prevalence:
        progress.say(line)
    notes = (*notes, *prevalence)
    write_predictions(folder.path / "predictions.csv", joined(rows))
    fitted = replace(fitted, said=(*fitted.said, *notes))
    folder.write_json("provenance.json", provenance(config, assembly, fitted, begun))
    write_pictures(folder.path / "predictions.csv", assembly.prepared, fitted.model, config.evaluate,
                   weights=weights_file(folder.path), device=fitted.device.torch, progress=progress)
    if config.evaluate.audit == "auto":
        audited(folder.path / "report", assembly.plain, assembly.prepared, fitted.loader.cohort, assembly.task, model,
                seed=config.train.seed, device=fitted.device.torch, progress=progress)
    evaluated = judge(folder.path, progress)
    feed.finish(folder.read_json("report/metrics.json"))
    folder.finish()
    return evaluated


@dataclass(frozen=True)
class _Fitted:
    """A trained network, the loader of its data, the parts that never moved, what it was computed in, and what every
    report repeats of it."""

    model: Model
    loader: PairLoader
    still: tuple[str, ...]
    device: Device
    settled: Settled
    said: tuple[str, ...] = ()


def _fit(
    folder: RunFolder, config: Config, methods: Sequence[Method], assembly: Assembly, progress: Progress,
    given: Settled | None = None, watch: Callable[[Mapping[str, Any]], None] | None = None,
) -> _Fitted:
    """Trains one network and stores it."""
    task = assembly.training_task
    model = build_model(config.model, task=task, seed=config.train.seed, say=progress.say)
    if config.model.adaptation is None and needs_adaptation(methods, model):
        model = build_model(config.model, task=task, seed=config.train.seed, needs_adaptation=True, say=_unsaid)
        progress.say(f"adaptation layer: {model.feature_width} wide, since a penalty stands on a frozen front")
    loader = PairLoader(
        assembly.prepared, assembly.cohort, batch_size=config.train.batch_size, seed=config.train.seed,
        augment=config.data.augment, domains=config.sites.domains,
        with_target=wants_target(methods, assembly.cohort) or model.treatment in ("split", "dsbn"),
        class_balanced=config.train.class_balanced, pinned=device_name(config.train) == "cuda",
    )
    said: tuple[str, ...] = ()
    if config.data.harmonize == "combat":
        model, sentence = with_combat(
            model, methods, loader, config.train, open_device(config.train), config.sites.domains
        )
        said = (sentence,)
        progress.say(sentence)
    moves = table_of_moves(methods, model, config.train)
    note_moves(folder, moves)
    for line in moves_in_words(moves):
        progress.say(line)
    if config.evaluate.adapt == "tent":
        check_tent(model, task.kind)
    setting = make_setting(model, task, loader, config.train)
    still = never_moving(methods, model, config.train)
    trained = run_plan(
        methods, setting, loader, config.train, folder.path / "stages", folder.path / "log.jsonl", progress, given,
        watch,
    )
    balance = unbalanced(trained, config, loader.cohort, task)
    said = (*said, *balance)
    store.save(trained, folder.path)
    settled = settled_in(folder.path)
    return _Fitted(trained, loader, still, open_device(config.train, settled.arithmetic), settled, said)


def in_short(config: Config) -> str:
    """The methods of a config, ``freeze + dan``; ``source_only`` where there are none."""
    named = [entry["method"] for family in ("network", "instances", "mapping", "adversarial")
             for entry in getattr(config.transfer, family)]
    return " + ".join(named) or "source_only"


def _unsaid(line: str) -> None:
    """Said already, when the network was built the first time."""


def moves_in_words(moves: Sequence[Move]) -> list[str]:
    """The table of what moves, as aligned lines; none for an empty one."""
    if not moves:
        return []
    rows = [("part", "parameters", "learning", "pace", "rate", "state", "batch norm")]
    for move in moves:
        first, last = move.pace
        pace = f"{first:g}" if first == last else f"{first:g} to {last:g}"
        numbers = (f"{move.parameters:,}", f"{move.learning:,}")
        rows.append((move.part, *numbers, pace, f"{move.rate:g}", move.state, move.bn))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _predictions(fitted: _Fitted, assembly: Assembly, name: str, folder: Path | None = None) -> Predictions:
    """What a network says of every study that is scored; its features are kept in the folder."""
    cohort = fitted.loader.cohort
    rows = np.concatenate([cohort.rows(role, *splits) for role, splits in SCORED])  # type: ignore[arg-type]
    answered = predict_behind(fitted.model, fitted.still, fitted.loader, rows, fitted.device, features=True)
    if folder is not None and len(rows):
        keep_features(folder, cohort, answered, fitted.model)
    return assembly.predictions(answered.rows, answered.logits, name)


def provenance(config: Config, assembly: Assembly, fitted: _Fitted, begun: float) -> dict[str, Any]:
    """What a reader must know to believe and repeat a run, free of paths and identifiers."""
    import timm
    import torch

    now = time.time()
    stamp = "%Y-%m-%dT%H:%M:%SZ"
    return {
        "medtl": medtl.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "monai": metadata.version("monai"),
        "numpy": np.__version__,
        "device": str(fitted.device.torch),
        "arithmetic": fitted.settled.record(),
        "threads": torch.get_num_threads(),
        "seed": config.train.seed,
        "config_digest": config_digest(config),
        "data_digest": assembly.digest,
        "card": assembly.card_name,
        "simulated": assembly.simulated,
        "notes": [*assembly.notes, *fitted.said],
        "selection": config.train.selection,
        "methods": in_short(config).split(" + "),
        "harmonize": config.data.harmonize,
        "started": time.strftime(stamp, time.gmtime(begun)),
        "finished": time.strftime(stamp, time.gmtime(now)),
        "seconds": round(now - begun, 1),
    }
