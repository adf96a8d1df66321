"""``evaluate``: every figure of a run again from its predictions, or its model on another data card."""
from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.api.adapting import NOTE as TENT_NOTE
from medtl.api.adapting import adapted_at_test
from medtl.api.assemble import as_predictions, content_id, dataset, listed, task_of
from medtl.api.auditing import audited, in_words
from medtl.api.elsewhere import Seen, seen_by
from medtl.api.pictures import write_pictures
from medtl.config.load import load_config
from medtl.config.options import methods_of
from medtl.config.sections import Config
from medtl.data.cache import shared_cache
from medtl.data.prepare import prepare
from medtl.data.prepared import Prepared
from medtl.data.scanning import Scanning
from medtl.data.transforms import Preprocess
from medtl.errors import ConfigError, DataError, RunStateError
from medtl.evaluation.audit import read_audit, write_audit
from medtl.evaluation.feature_map import Projection, write_feature_map
from medtl.evaluation.report import WrittenReport, write_report
from medtl.evaluation.table import render_report
from medtl.io.identity import project_salt
from medtl.models import store
from medtl.models.adapt.tent import NAME as TENT
from medtl.models.model import Model
from medtl.models.predict import Predicted
from medtl.predictions import Predictions, read_predictions, write_predictions
from medtl.predictions.joined import joined
from medtl.progress import QUIET, Progress, doing
from medtl.run import RunFolder
from medtl.training.device import open_device
from medtl.training.feature_bank import never_moving, predict_behind
from medtl.training.trial import FILE, settled_in
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

    def audit(self) -> tuple[Any, ...]:
        """What the audit beside the report found, a line each; nothing where none was made."""
        from rich.text import Text

        return tuple(Text(line) for line in in_words(read_audit(self.written.page.parent)))

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        return Group(self.table(), *self.audit(), Text(f"predictions: {self.predictions}"),
                     Text(f"report: {self.written.page}"))


def judge(folder: Path, progress: Progress = QUIET) -> Evaluated:
    """Computes every figure of a run from its predictions.csv and writes its report."""
    with doing(progress, "evaluating"):
        notes = write_feature_map(folder, folder / "report")
        return Evaluated(write_report(folder, notes=notes), folder / "predictions.csv")


def evaluate(
    run: Path,
    *,
    card: str | None = None,
    root: Path | None = None,
    out: Path | None = None,
    projection: Projection = "pca",
    progress: Progress | None = None,
) -> Evaluated:
    """Computes every figure of a run again, or evaluates its models on the studies of another data card.

    Args:
        run: a finished run's folder.
        card: another data card; its studies are then target test studies, less those that the run learned from.
        root: the folder of that card's scans.
        out: where the report (and the other card's predictions) go; into the run if None.
        projection: how the run's own features are mapped into two dimensions.
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
        if out is not None and (made := read_audit(run / "report")) is not None:
            write_audit(out, made)  # the same scans, so the same audit
        with doing(progress, "evaluating"):
            notes = list(write_feature_map(run, out or run / "report", projection=projection))
            return Evaluated(write_report(run, out=out, notes=notes), run / "predictions.csv")
    config = _as_read(run, card, root)
    target = out or run / "evaluations" / config.data.card_stem
    file = target / "predictions.csv"
    elsewhere, notes, prepared = _predicted(run, config, target, progress)
    target.mkdir(parents=True, exist_ok=True)
    own = read_predictions(run / "predictions.csv")
    write_predictions(file, joined([replace(own.where(own.role == "source"), logits=None), *elsewhere]))
    write_pictures(file, prepared, store.load(run), config.evaluate, progress=progress)
    with doing(progress, "evaluating"):
        return Evaluated(write_report(run, predictions=file, out=target, notes=notes), file)


def _as_read(run: Path, card: str, root: Path | None) -> Config:
    """The run's config with its data replaced by another card's."""
    written = RunFolder(run).config_as_written()
    written["data"] = {**written["data"], "card": card, "manifest": None}
    if root is not None:
        written["data"]["root"] = str(root)
    return load_config(written)


def _predicted(
    run: Path, config: Config, report: Path, progress: Progress
) -> tuple[list[Predictions], list[str], Prepared]:
    """What the run's model, and its baseline where there is one, say of another card's studies, and those scans."""
    data = dataset(config)
    task = task_of(config, data.card)
    catalogue = listed(data, task, progress)
    preprocess, cache = Preprocess(config.data.input), shared_cache()
    prepared = prepare(catalogue, preprocess, cache, max_refused=config.data.max_refused, progress=progress)
    cohort = prepared.cohort(_all_test(catalogue))
    rows, notes = _unlearned(run, cohort, data.name)
    settled = settled_in(run).arithmetic if (run / FILE).is_file() else None
    device = open_device(config.train, settled)
    if data.simulated or catalogue.simulated:
        notes.append(f"the scans of {data.name} are SIMULATED")
    own = read_predictions(run / "predictions.csv")
    if task.score_names != own.classes:
        raise ConfigError(f"{data.name}: its classes are {', '.join(task.score_names)}, but the run's are "
                          f"{', '.join(own.classes)}; set them alike in both cards")
    answers: list[Predictions] = []
    first: Seen | None = None
    for model_name in (name for name in own.models if name != TENT):
        below = model_name == "baseline" and (run / "baseline" / "model.json").is_file()
        folder = run / "baseline" if below else run
        model = store.load(folder)
        still = never_moving(methods_of(config), model, config.train)

        def behind(
            network: Model, scanning: Scanning, still: tuple[str, ...] = still, features: bool = True
        ) -> Predicted:
            return predict_behind(network, still, scanning, rows, device, features=features)

        with doing(progress, f"predicting with the {model_name} model"):
            seen = seen_by(RunFolder(folder), model, prepared, rows, preprocess, cache, config.train.batch_size, behind)
            answered = behind(seen.model, seen.scanning, features=False)
        answers.append(as_predictions(task, cohort, answered.rows, answered.logits, model_name))
        notes += [note for note in seen.notes if note not in notes]
        first = first or seen
    assert first is not None
    if config.evaluate.adapt == TENT:
        answers.append(adapted_at_test(
            first.model, first.scanning.scan, cohort, rows, answers[0], task=task,
            batch_size=config.train.batch_size, seed=config.train.seed, device=device.torch,
        ))
        notes.append(TENT_NOTE)
    if config.evaluate.audit == "auto":
        known = read_audit(run / "report")
        audited(report, prepared, first.scanning.prepared, _only(cohort, rows), task, first.model,
                seed=config.train.seed, device=device.torch, known=known.profiles if known else (), progress=progress)
    return [replace(answer, logits=None) for answer in answers], notes, first.scanning.prepared


def _only(cohort: Cohort, rows: NDArray[np.int64]) -> Cohort:
    """The cohort with these rows alone in use."""
    kept = set(map(int, rows))
    role: tuple[Role, ...] = tuple(r if i in kept else "unused" for i, r in enumerate(cohort.role))
    split: tuple[Split, ...] = tuple(s if i in kept else "unused" for i, s in enumerate(cohort.split))
    return replace(cohort, role=role, split=split)


def _unlearned(run: Path, cohort: Cohort, name: str) -> tuple[NDArray[np.int64], list[str]]:
    """The rows whose studies the run did not learn from or test on at its source, and what is to be said of them."""
    try:
        with (run / "catalogue.csv").open(encoding="utf-8", newline="") as file:
            table = [row for row in csv.DictReader(file) if row["split"] != "unused"]
            used = {key: row for row in table for key in (row["study"], row.get("content", ""))}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise RunStateError(f"{run / 'catalogue.csv'}: missing or damaged; train the run again") from error
    rows = cohort.rows("target", "test")
    if not len(rows):
        raise DataError(f"{name}: no scan of it can be read")
    items, salt = [cohort.catalogue.items[row] for row in rows], project_salt()
    studies = [item.study for item in items]  # a study that two tables list has two ids, but its files are the same
    known = [used.get(item.study) or used.get(content_id(salt, item) or item.study) for item in items]
    patients = {row["patient"] for row in table if _learned(row)} - {""}
    learned = np.array([(row is not None and _learned(row)) or item.patient in patients
                        for item, row in zip(items, known, strict=True)])
    if learned.all():
        raise DataError(f"{name}: the run learned from every study of it, or tested on it at its source; evaluate on "
                        "studies that are new to it")
    notes = [f"evaluated on the card {name}: its studies whose labels had no part in training"]
    if learned.any():
        count = len({study for study, out in zip(studies, learned, strict=True) if out})
        notes.append(f"{count} studies of {name} are left out: they were the run's source, or it saw their labels or "
                     "those of the same patients")
    seen = {study for study, row in zip(studies, known, strict=True)
            if row is not None and row["split"] == "adapt" and row["hidden"] != "0"}
    if seen:
        notes.append(f"the run's methods may have seen the images of {len(seen)} studies of {name}, without labels")
    return rows[~learned], notes


def _learned(row: dict[str, str]) -> bool:
    """Whether a row of a run's catalogue had its label used."""
    return row["role"] == "source" or row["hidden"] == "0"


def _all_test(catalogue: Catalogue) -> Cohort:
    """Every row a target's test row, its label hidden from models."""
    role: tuple[Role, ...] = tuple("target" for _ in catalogue.items)
    split: tuple[Split, ...] = tuple("test" for _ in catalogue.items)
    return Cohort(catalogue, role, split, np.ones(len(catalogue.items), dtype=np.bool_), catalogue.notes)
