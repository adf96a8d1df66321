"""``evaluate``: every figure of a run again from its predictions, or its model on another data card."""
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medtl.api.assemble import as_predictions, dataset, listed, task_of
from medtl.config.load import load_config
from medtl.config.sections import Config
from medtl.data.cache import ScanCache
from medtl.data.prepare import prepare
from medtl.data.scanning import scans
from medtl.data.transforms import Preprocess
from medtl.errors import ConfigError, DataError
from medtl.evaluation.report import WrittenReport, write_report
from medtl.evaluation.table import render_report
from medtl.models import store
from medtl.models.predict import predict
from medtl.predictions import Predictions, read_predictions, write_predictions
from medtl.predictions.joined import joined
from medtl.progress import QUIET, Progress, doing
from medtl.run import RunFolder
from medtl.training.device import open_device
from medtl.types import Catalogue, Cohort, Role, Split


@dataclass(frozen=True)
class Evaluated:
    """An evaluation on disk.

    Attributes:
        written: figures, notes, and where page and metrics.json are.
        predictions: the file that every figure comes from.
    """

    written: WrittenReport
    predictions: Path

    def table(self) -> Any:
        """The per-site table and what belongs beside it, for the terminal."""
        return render_report(self.written.report, selection=self.written.selection, notes=self.written.notes)

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        return Group(self.table(), Text(f"predictions: {self.predictions}"), Text(f"report: {self.written.page}"))


def judge(folder: Path, progress: Progress = QUIET) -> Evaluated:
    """Computes every figure of a run from its predictions.csv and writes its report."""
    with doing(progress, "evaluating"):
        return Evaluated(write_report(folder), folder / "predictions.csv")


def evaluate(
    run: Path,
    *,
    card: str | None = None,
    root: Path | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Evaluated:
    """Computes every figure of a run again, or evaluates its models on the studies of another data card.

    Args:
        run: a finished run's folder.
        card: another data card; all its labelled studies are then target test studies.
        root: the folder of that card's scans.
        out: where the report (and the other card's predictions) go; into the run if None.
        progress: where to report to.

    Returns:
        The evaluation.

    Raises:
        RunStateError: the run is unfinished or damaged.
        ConfigError: a card that is wrong, or that lacks the run's label.
        DataError: scans or tables that cannot be read.
    """
    progress = progress or QUIET
    RunFolder(run).require_finished()
    if card is None:
        if root is not None:
            raise ConfigError("--root: it is the folder of another card's scans; name that card with --card")
        with doing(progress, "evaluating"):
            return Evaluated(write_report(run, out=out), run / "predictions.csv")
    config = _as_read(run, card, root)
    target = out or run / "evaluations" / config.data.card_stem
    file = target / "predictions.csv"
    target.mkdir(parents=True, exist_ok=True)
    elsewhere, notes = _predicted(run, config, progress)
    own = read_predictions(run / "predictions.csv")
    write_predictions(file, joined([replace(own.where(own.role == "source"), logits=None), *elsewhere]))
    with doing(progress, "evaluating"):
        return Evaluated(write_report(run, predictions=file, out=target, notes=notes), file)


def _as_read(run: Path, card: str, root: Path | None) -> Config:
    """The run's config with its data replaced by another card's."""
    written = RunFolder(run).config_as_written()
    written["data"] = {**written["data"], "card": card, "manifest": None}
    if root is not None:
        written["data"]["root"] = str(root)
    return load_config(written)


def _predicted(run: Path, config: Config, progress: Progress) -> tuple[list[Predictions], list[str]]:
    """What the run's model, and its baseline where there is one, say of another card's studies."""
    data = dataset(config)
    task = task_of(config, data.card)
    catalogue = listed(data, task, progress)
    prepared = prepare(
        catalogue, Preprocess(config.data.input), ScanCache(), max_refused=config.data.max_refused, progress=progress
    )
    cohort = prepared.cohort(_all_test(catalogue))
    rows = cohort.rows("target", "test")
    if not len(rows):
        raise DataError(f"{data.name}: no scan of it can be read")
    device = open_device(config.train).torch
    notes = [f"evaluated on the card {data.name}: all of its studies, none of which had a part in training"]
    if data.simulated or catalogue.simulated:
        notes.append(f"the scans of {data.name} are SIMULATED")
    own = read_predictions(run / "predictions.csv")
    if task.score_names != own.classes:
        raise ConfigError(f"{data.name}: its classes are {', '.join(task.score_names)}, but the run's are "
                          f"{', '.join(own.classes)}; set them alike in both cards")
    known = set(own.study.tolist())
    again = [i for i in rows if cohort.catalogue.items[i].study in known]
    if again:
        notes.append(f"{len(again)} of its scans were in the run's own data; those it trained on flatter")
    answers = []
    for model_name in own.models:
        folder = run / "baseline" if model_name == "baseline" and (run / "baseline" / "model.json").is_file() else run
        model = store.load(folder)
        with doing(progress, f"predicting with the {model_name} model"):
            answered = predict(model, scans(prepared, rows, config.train.batch_size), device)
        answers.append(as_predictions(task, cohort, answered.rows, answered.logits, model_name))
    return [replace(answer, logits=None) for answer in answers], notes


def _all_test(catalogue: Catalogue) -> Cohort:
    """Every row a target's test row, its label hidden from models."""
    role: tuple[Role, ...] = tuple("target" for _ in catalogue.items)
    split: tuple[Split, ...] = tuple("test" for _ in catalogue.items)
    return Cohort(catalogue, role, split, np.ones(len(catalogue.items), dtype=np.bool_), catalogue.notes)
