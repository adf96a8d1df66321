"""``transferable``: layer by layer, how general the features of a run are, by Yosinski's experiment at small scale."""
from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medtl.api.assemble import Assembly, assemble
from medtl.atomic import write_json
from medtl.config.load import load_config
from medtl.config.sections import Config, TrainSection
from medtl.data.loaders import PairLoader
from medtl.errors import ConfigError
from medtl.evaluation.sites import evaluate_sites
from medtl.evaluation.values import evaluate_values
from medtl.methods.network.freeze import Freeze
from medtl.models import store
from medtl.models.build import build_model
from medtl.models.model import Model
from medtl.models.predict import predict
from medtl.progress import QUIET, Progress
from medtl.run import RunFolder
from medtl.training.device import open_device
from medtl.training.engine import run_plan
from medtl.training.setting import make_setting

FRONTS = ("run", "start")
"""Where the frozen front comes from: the run's network, or the weights that it started from."""
DRAWS = 500


@dataclass(frozen=True)
class Cut:
    """One front kept, everything behind it learned anew.

    Attributes:
        front: ``run`` or ``start``.
        until: last part that was kept and frozen; empty where nothing was.
        share: of the encoder's numbers that were kept.
        site: where it was tested.
        role: source or target.
        value: AUROC, or mean absolute error of a regression; None where it does not exist.
        low: lower end of its 95 % interval over patients.
        high: upper end.
    """

    front: str
    until: str
    share: float
    site: str
    role: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Generality:
    """What was found.

    Attributes:
        cuts: by front, then from the images upwards, then by site.
        figure: what the values are.
        epochs: that the rest was learned for.
        file: transferable.json.
    """

    cuts: tuple[Cut, ...]
    figure: str
    epochs: int
    file: Path

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        sites = list(dict.fromkeys((cut.site, cut.role) for cut in self.cuts))
        table = Table(title=f"{self.figure} with the front kept up to a part and the rest learned anew, {self.epochs} "
                            "epochs", title_justify="left", box=None, pad_edge=False)
        for name in ("front of", "kept up to", "share", *(f"{site} ({role})" for site, role in sites)):
            table.add_column(name)
        for front, until in dict.fromkeys((cut.front, cut.until) for cut in self.cuts):
            row = {(c.site, c.role): c for c in self.cuts if (c.front, c.until) == (front, until)}
            first = next(iter(row.values()))
            table.add_row(front, until or "nothing", f"{first.share:.0%}", *(_cell(row.get(site)) for site in sites))
        return Group(table, Text(
            "A part is general where keeping it costs nothing against learning it anew, and specific to the run's "
            "source where the run's front does worse at the target than the front that it started from."),
            Text(f"written: {self.file}"))


def transferable(
    run: Path, *, cuts: int = 3, epochs: int | None = None, fronts: Sequence[str] = FRONTS,
    root: Path | None = None, progress: Progress | None = None,
) -> Generality:
    """Keeps the front of a run's network up to several parts, learns everything behind it anew, and tests that.

    The rest starts at random and is learned as the run was: on the source's training studies and the visible target
    labels, without transfer methods and without augmentation, selected on source validation. The same is done with the
    weights that the run started from. Nothing is chosen on a test study.

    Args:
        run: a finished run's folder; its network must have the configured shape.
        cuts: how many parts are tried, evenly over the encoder, beside keeping nothing.
        epochs: of each fit; the run's if None.
        fronts: ``run``, ``start`` or both.
        root: the folder of the scans, where the data card does not say it.
        progress: where to report to.

    Returns:
        The figures; they are written to ``transferable/`` in the run.

    Raises:
        ConfigError: a network that a method has changed.
        RunStateError: the run is unfinished or damaged.
    """
    progress = progress or QUIET
    RunFolder(run).require_finished()
    written = RunFolder(run).config_as_written()
    if root is not None:
        written["data"]["root"] = str(root)
    config = load_config(written)
    trained = store.load(run)
    assembly = assemble(config, progress)
    train = replace(config.train, epochs=epochs or config.train.epochs)
    section = replace(config.model, adaptation=int(trained.describe()["adaptation"]))
    start = build_model(section, task=assembly.training_task, seed=train.seed, say=progress.say)
    if trained.state_dict().keys() != start.state_dict().keys():
        raise ConfigError(
            "transferable: a method of this run has changed the network's shape (probe, oquab, tca, ...), so its front "
            "cannot be put under a fresh rest; take a run that kept it"
        )
    fresh = build_model(replace(section, weights="none", sha256=None), task=assembly.training_task, seed=train.seed + 1,
                        say=lambda _: None)
    parts = [name for name in start.parts if name not in ("pooling", "adaptation", "head")]
    chosen = ["", *(parts[i] for i in sorted({round((k + 1) * len(parts) / (cuts + 1)) - 1 for k in range(cuts)}))]
    found: list[Cut] = []
    for front in fronts:
        source = trained if front == "run" else start
        for until in chosen:
            if until == "" and front != fronts[0]:
                continue  # keeping nothing is the same for every front
            model = _under(start, source, fresh, parts, until)
            name = f"{front}-{until or 'nothing'}".replace(".", "-").replace("_", "-")
            progress.say(f"keeping {until or 'nothing'} of the {front}'s network")
            found += _tested(model, front, until, parts, config, train, assembly, run / "transferable" / name,
                             progress)
    figure = "mean absolute error" if assembly.task.kind == "regression" else "AUROC"
    file = run / "transferable" / "transferable.json"
    write_json(file, {"figure": figure, "epochs": train.epochs, "cuts": [asdict(cut) for cut in found]})
    return Generality(tuple(found), figure, train.epochs, file)


def _under(start: Model, source: Model, fresh: Model, parts: list[str], until: str) -> Model:
    """The configured network: a front of one, the rest of another."""
    model = copy.deepcopy(start)
    kept = parts[: parts.index(until) + 1] if until else []
    for name, part in model.parts.items():
        part.load_state_dict((source if name in kept else fresh).parts[name].state_dict())
    return model


def _tested(
    model: Model, front: str, until: str, parts: list[str], config: Config, train: TrainSection, assembly: Assembly,
    folder: Path, progress: Progress,
) -> list[Cut]:
    sizes = {name: sum(p.numel() for p in model.parts[name].parameters()) for name in parts}
    kept = parts[: parts.index(until) + 1] if until else []
    cohort = assembly.cohort
    loader = PairLoader(
        assembly.prepared, cohort, batch_size=train.batch_size, seed=train.seed, augment="none",
        domains=config.sites.domains, with_target=config.sites.target_labels != "none",
    )
    task = assembly.training_task
    methods = [Freeze(until=until)] if until else []
    folder.mkdir(parents=True, exist_ok=True)
    done = run_plan(methods, make_setting(model, task, loader, train), loader, train, folder / "stages",
                    folder / "log.jsonl", progress)
    rows = np.concatenate([cohort.rows("source", "val", "test"), cohort.rows("target", "test")])
    said = predict(done, loader.scan(rows), open_device(train).torch)
    table = assembly.predictions(said.rows, said.logits, "adapted")
    if assembly.task.kind == "regression":
        report, metric = evaluate_values(table, bootstrap=DRAWS, seed=train.seed), "mae"
    else:
        report, metric = evaluate_sites(table, bootstrap=DRAWS, seed=train.seed), "auroc"
    share = sum(sizes[name] for name in kept) / max(1, sum(sizes.values()))
    cuts = []
    for result in report.select(split="test", pooled=False):
        one = result.estimate(metric)
        ends = (None, None) if one.interval is None else (one.interval.low, one.interval.high)
        cuts.append(Cut(front, until, round(share, 4), result.site, result.role, one.value, *ends))
    return cuts


def _cell(cut: Cut | None) -> str:
    if cut is None or cut.value is None:
        return "not estimable"
    ends = "" if cut.low is None or cut.high is None else f" [{cut.low:.3f}, {cut.high:.3f}]"
    return f"{cut.value:.3f}{ends}"
