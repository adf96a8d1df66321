"""From a config to everything that training and prediction read: task, studies with roles, prepared scans."""
from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medtl import registry
from medtl.config.sections import Config
from medtl.data.cache import shared_cache
from medtl.data.cards import Card, load_card
from medtl.data.duplicates import find_duplicates
from medtl.data.harmonize import FILE as HARMONIZE
from medtl.data.harmonize import Harmonization, fit_harmonization, harmonized
from medtl.data.policy import SplitPolicy
from medtl.data.prepare import prepare
from medtl.data.prepared import Prepared
from medtl.data.proof import SplitTable, check_sizes, proof
from medtl.data.splits import assign
from medtl.data.transforms import Preprocess
from medtl.errors import ConfigError, DataError
from medtl.io.identity import project_salt, remember_all, short_id
from medtl.predictions import Predictions, by_study
from medtl.progress import Progress
from medtl.run import RunFolder
from medtl.sources.manifest import Manifest
from medtl.tasks.base import Task
from medtl.types import Catalogue, Cohort, Item

CATALOGUE_COLUMNS = ("row", "study", "patient", "site", "scanner", "role", "split", "hidden", "refused", "content")
REFUSED_COLUMNS = ("row", "study", "site", "reasons", "detail")


@dataclass(frozen=True)
class Dataset:
    """Where a config's studies come from.

    Attributes:
        card: its data card, or None where the config names a manifest itself.
        name: of the card, or of the manifest.
        root: the folder of the scans.
        source: what lists them.
        policies: per site, how the card splits it.
        simulated: whether the card says so.
    """

    card: Card | None
    name: str
    root: Path
    source: Any
    policies: Mapping[str, SplitPolicy]
    simulated: bool


@dataclass(frozen=True)
class Assembly:
    """The data of a run, ready to train on.

    Attributes:
        task: with the vocabulary of the data.
        training_task: the task with class weights counted over what training may see.
        cohort: roles and splits, refused rows set to ``unused``.
        prepared: arrays and refusals.
        preprocess: how scans were prepared.
        table: counts per site, split and class.
        card_name: of the data.
        simulated: whether the scans were simulated.
        notes: facts that every report repeats.
        digest: of scans, roles, splits and visible labels; hidden labels have no part in it.
        plain: arrays before harmonisation; ``prepared`` itself without one.
        harmonization: how grey values were harmonised, or None.
    """

    task: Task
    training_task: Task
    cohort: Cohort
    prepared: Prepared
    preprocess: Preprocess
    table: SplitTable
    card_name: str
    simulated: bool
    notes: tuple[str, ...]
    digest: str
    plain: Prepared
    harmonization: Harmonization | None = None

    def write(self, folder: RunFolder) -> None:
        """Writes catalogue.csv, split.json, refused.csv and data.json; a folder begun on other data is refused."""
        folder.same_data(self.digest)
        refused = {refusal.row for refusal in self.prepared.refusals}
        items, salt = self.prepared.catalogue.items, project_salt()
        folder.write_text("catalogue.csv", _csv(CATALOGUE_COLUMNS, (
            (item.row, item.study, item.patient, item.site, item.scanner, role, split, int(hidden),
             int(item.row in refused) or "", content_id(salt, item))
            for item, role, split, hidden in zip(
                items, self.cohort.role, self.cohort.split, self.cohort.hidden, strict=True
            )
        )))
        if traits := traits_table(items):
            folder.write_text("traits.csv", _csv(traits[0], traits[1:]))
        folder.write_json("split.json", self.table.as_dicts())
        folder.write_text("refused.csv", _csv(REFUSED_COLUMNS, (
            (refusal.row, refusal.study, refusal.site, " ".join(refusal.reasons), refusal.detail)
            for refusal in self.prepared.refusals
        )))
        folder.write_json("input.json", self.preprocess.contract())
        if self.harmonization is not None:
            folder.write_json(HARMONIZE, self.harmonization.as_json())

    def predictions(self, rows: NDArray[np.int64], logits: NDArray[np.float32], model: str) -> Predictions:
        """Logits of rows as the table that predictions.csv holds: one line per study, its scans averaged."""
        return as_predictions(self.task, self.cohort, rows, logits, model)


def content_id(salt: bytes, item: Item) -> str:
    """A scan by what its files hold, so that two tables which list it, or two names of its site, are seen through."""
    return short_id(salt, "content", item.digest) if item.digest else ""


def dataset(config: Config) -> Dataset:
    """The data that a config names.

    Raises:
        ConfigError: neither a card nor a manifest, or a card that is wrong.
    """
    data = config.data
    if data.card is None:
        folder = data.root or config.folder
        table = data.manifest or "manifest.csv"
        return Dataset(None, table, folder, Manifest(file=table), {}, False)
    card = load_card(data.card, beside=config.folder)
    root = data.root or card.default_root
    if root is None:
        raise ConfigError(f"data.root: the card {card.name} does not say where its scans are; set it with "
                          "--set data.root=FOLDER")
    return Dataset(card, card.name, root, card.build_source(), card.policies, card.simulated)


def task_of(config: Config, card: Card | None) -> Task:
    """The task, with the vocabulary of the config, else of the card, else yes and no.

    Raises:
        ConfigError: a label that the card does not have, or options that the task refuses.
    """
    section = config.task
    wanted = section.labels if section.labels is not None else (section.label,)
    classes = section.classes
    if card is not None:
        card.check_labels([name for name in wanted if name is not None])
        classes = classes or card.classes_of([name for name in wanted if name is not None])
    made: Task = registry.load("tasks", section.name).from_section(section, classes)
    return made


def assemble(config: Config, progress: Progress) -> Assembly:
    """Lists, splits, reads and prepares the studies of a run.

    Args:
        config: of the run.
        progress: where to report to.

    Returns:
        Everything that training reads.

    Raises:
        ConfigError: sites, labels or a card that are wrong.
        DataError: rows, files or splits that are wrong, or too many scans that cannot be read.
    """
    data = dataset(config)
    task = task_of(config, data.card)
    catalogue = listed(data, task, progress)
    sites = config.sites
    cohort = assign(
        catalogue, source=sites.source, target=sites.target, target_labels=sites.target_labels,
        transductive=sites.transductive, task=task, policies=data.policies, draw_seed=config.train.seed,
        seed=config.train.seed if sites.split_seed is None else sites.split_seed,
        hidden_fold=None if sites.hidden_fold is None else (sites.hidden_fold.fold, sites.hidden_fold.of),
        test_fold=config.test_fold,
    )
    preprocess = Preprocess(config.data.input)
    cache = shared_cache()
    prepared = prepare(cohort, preprocess, cache, max_refused=config.data.max_refused, progress=progress)
    kept = check_sizes(prepared.cohort(cohort), task)
    names = () if task.kind == "regression" else task.score_names if len(task.label_names) == 1 else None
    table = proof(kept, names)
    notes = list(dict.fromkeys(kept.notes))
    if prepared.refusals:
        notes.append(f"{len(prepared.refusals)} scans were refused and take no part; refused.csv lists them")
    for finding in find_duplicates(prepared, kept):
        notes.append(finding.sentence)
        progress.say(finding.sentence)
    harmonization = fit_harmonization(config.data.harmonize, prepared, kept, progress)
    if harmonization is not None:
        notes.append(harmonization.sentence)
        progress.say(harmonization.sentence)
    for line in in_words(table):
        progress.say(line)
    weighed = task.balanced_by(kept.visible_labels[kept.rows("source", "train")])
    return Assembly(
        task, weighed, kept, harmonized(prepared, preprocess, cache, harmonization), preprocess, table, data.name,
        data.simulated or catalogue.simulated, tuple(notes), digest_of(kept, prepared, preprocess, harmonization),
        prepared, harmonization,
    )


def listed(data: Dataset, task: Task, progress: Progress) -> Catalogue:
    """The catalogue of a data set; which id stands for which file goes into the project's private file."""
    catalogue: Catalogue = data.source.catalogue(root=data.root, task=task, salt=project_salt(), progress=progress)
    if not catalogue.items:
        raise DataError(f"{data.name}: lists no scan; expected one row per scan")
    remember_all((item.study, item.path) for item in catalogue.items)
    return catalogue


def in_words(table: SplitTable) -> list[str]:
    """A split as aligned lines: site, role, split, class, studies, patients."""
    rows = [("site", "role", "split", "class", "studies", "patients")]
    rows += [(c.site, c.role, c.split, c.name, str(c.studies), "unknown" if c.patients is None else str(c.patients))
             for c in table.counts]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def as_predictions(
    task: Task, cohort: Cohort, rows: NDArray[np.int64], logits: NDArray[np.float32], model: str
) -> Predictions:
    """Logits of rows as predictions, scans of one study averaged.

    Args:
        task: activation and names.
        cohort: whose positions ``rows`` are.
        rows: (n,).
        logits: float32, (n, outputs).
        model: adapted or baseline.

    Returns:
        One row per study.
    """
    items = [cohort.catalogue.items[row] for row in rows]
    labels = cohort.catalogue.labels[rows]
    scores = task.activate(torch.from_numpy(np.asarray(logits))).numpy().astype(np.float64)
    codes: NDArray[Any] = labels.astype(np.float64)
    if task.kind != "regression":
        codes = np.where(np.isnan(labels), -1, labels).astype(np.int64)
    return by_study(Predictions(
        study=np.array([item.study for item in items], dtype=np.str_),
        patient=np.array([item.patient for item in items], dtype=np.str_),
        site=np.array([item.site for item in items], dtype=np.str_),
        scanner=np.array([item.scanner for item in items], dtype=np.str_),
        role=np.array([cohort.role[row] for row in rows], dtype=np.str_),
        split=np.array([cohort.split[row] for row in rows], dtype=np.str_),
        model=np.array([model] * len(rows), dtype=np.str_),
        kind=task.kind,
        classes=() if task.kind == "regression" else tuple(task.score_names),
        labels=codes,
        scores=scores,
        logits=None if task.kind == "regression" else np.asarray(logits, dtype=np.float64),
    ))


def digest_of(
    cohort: Cohort, prepared: Prepared, preprocess: Preprocess, harmonization: Harmonization | None = None
) -> str:
    """SHA-256 over what training may see: scans, roles, splits, visible labels and the preparation; hex."""
    visible = cohort.visible_labels
    state = hashlib.sha256(json.dumps(preprocess.contract(), sort_keys=True).encode())
    if harmonization is not None:
        state.update(harmonization.digest.encode())
    for position, item in enumerate(prepared.catalogue.items):
        if cohort.role[position] != "unused" and cohort.split[position] != "unused":
            state.update(f"{position} {item.digest} {cohort.role[position]} {cohort.split[position]}\n".encode())
            state.update(visible[position].tobytes())
    return state.hexdigest()


def traits_table(items: Sequence[Item]) -> list[tuple[str, ...]]:
    """Rows of traits.csv, the header first: site, study and what is known of it; nothing where nothing is known."""
    names = tuple(dict.fromkeys(name for item in items for name, _ in item.traits))
    if not names:
        return []
    known = {(item.site, item.study): dict(item.traits) for item in reversed(items)}  # a study's first scan speaks
    return [("site", "study", *names), *((site, study, *(traits.get(name, "") for name in names))
                                         for (site, study), traits in reversed(known.items()))]


def _csv(header: tuple[str, ...], rows: Any) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
