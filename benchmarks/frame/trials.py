"""Training runs as trials: one per method, direction and seed, kept on disk, so that a table can be made in parts.

A trial goes through the engine with a checked config and scans that a manifest lists. What it answers is kept under a
name made of the config, the data and the code that trains, so that no figure outlives a change of any of them.
"""
from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import medtl
from medtl import registry
from medtl.api.assemble import dataset, listed, task_of
from medtl.atomic import atomic
from medtl.config.dump import config_digest
from medtl.config.load import load_config
from medtl.config.options import methods_of
from medtl.config.sections import Config
from medtl.data.cache import ScanCache
from medtl.data.loaders import PairLoader
from medtl.data.prepare import prepare
from medtl.data.prepared import Prepared
from medtl.data.splits import assign
from medtl.data.transforms import Preprocess
from medtl.models.build import build_model
from medtl.models.model import Model
from medtl.places import cache_folder
from medtl.progress import QUIET
from medtl.tasks.base import Task
from medtl.training.checks import needs_adaptation, wants_target
from medtl.training.device import open_device
from medtl.training.engine import run_plan
from medtl.training.feature_bank import never_moving, predict_behind
from medtl.training.setting import make_setting
from medtl.types import Cohort

SOURCE_ONLY = "source_only"
_CODE = ("data/loaders.py", "data/order.py", "data/seeds.py", "data/splits.py", "functional", "methods", "models",
         "tasks", "training")
Network = Callable[[Config, Task, int], Model]
"""(config, task, seed) to the network at its start."""


@dataclass(frozen=True)
class Trial:
    """What one trained network answers.

    Attributes:
        rows: positions in the catalogue, (n,): the source's test rows and all target rows that are scored.
        logits: float32, (n, outputs).
    """

    rows: NDArray[np.int64]
    logits: NDArray[np.float32]


def aligning() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The baseline, then every method of the families mapping and adversarial with its own defaults, as transfer
    blocks by name."""
    named = [entry for entry in registry.entries("methods") if entry.family in ("mapping", "adversarial")]
    return {SOURCE_ONLY: {}} | {entry.name: {entry.family: [{"method": entry.name}]} for entry in named}


class Trials:
    """The trials of one direction.

    Args:
        name: of the benchmark.
        config: a mapping of sections without transfer methods.
        scored: which target splits are scored.
        network: makes the network at its start; the config's if None.
        salt: text that stands for code outside of the package, such as the source of ``network``.
        split_seed: of the split of every trial; a trial's own seed if None.
    """

    def __init__(self, name: str, config: Mapping[str, Any], *, scored: Sequence[str] = ("adapt", "test"),
                 network: Network | None = None, salt: str = "", split_seed: int | None = None) -> None:
        self._split_seed = split_seed
        self.config = load_config(config)
        self.scored = tuple(scored)
        self._network = network or _configured
        self._folder = cache_folder() / "benchmarks" / name
        self._salt = salt
        self._sections = dict(config)
        data = dataset(self.config)
        self.task = task_of(self.config, data.card)
        self._policies = data.policies
        catalogue = listed(data, self.task, QUIET)
        sites = self.config.sites
        first = assign(catalogue, source=sites.source, target=sites.target, transductive=sites.transductive,
                       task=self.task, policies=self._policies, seed=0)
        preprocess = Preprocess(self.config.data.input)
        prepared = prepare(first, preprocess, ScanCache(), max_refused=self.config.data.max_refused)
        kept = [i for i in range(len(catalogue.items)) if prepared.kept[i]]
        self.prepared = Prepared.in_memory(
            prepared.catalogue, {i: np.array(prepared.array(i), dtype=np.float32) for i in kept})
        state = hashlib.sha256()
        for i in kept:
            state.update(self.prepared.array(i).tobytes())
        self._data = state.hexdigest()

    def cohort(self, seed: int) -> Cohort:
        """Roles and splits under a seed."""
        sites = self.config.sites
        cohort = assign(self.prepared.catalogue, source=sites.source, target=sites.target, task=self.task,
                        target_labels=sites.target_labels, transductive=sites.transductive, policies=self._policies,
                        seed=seed if self._split_seed is None else self._split_seed)
        return self.prepared.cohort(cohort)

    def trial(self, transfer: Mapping[str, Any], seed: int) -> Trial | None:
        """Trains and answers, or reads what was answered before.

        Args:
            transfer: a transfer block.
            seed: of the split's draws, the start and the order.

        Returns:
            The answers; None where ``MEDTL_BENCH_KEPT_ONLY`` is set and this trial was not done before.
        """
        config = load_config({**self._sections, "transfer": dict(transfer)})
        config = replace(config, train=replace(config.train, seed=seed))
        told = (config_digest(config), self._data, self.scored, self._split_seed, self._salt, _code(),
                torch.__version__)
        file = self._folder / f"{hashlib.sha256(repr(told).encode()).hexdigest()[:24]}.npz"
        if not file.exists():
            if os.environ.get("MEDTL_BENCH_KEPT_ONLY"):
                return None
            self._run(config, file)
        with np.load(file, allow_pickle=False) as kept:
            return Trial(kept["rows"], kept["logits"])

    def _run(self, config: Config, file: Path) -> None:
        torch.set_num_threads(1)
        seed, methods, cohort = config.train.seed, methods_of(config), self.cohort(config.train.seed)
        task = self.task.balanced_by(cohort.visible_labels[cohort.rows("source", "train")])
        model = self._network(config, task, seed)
        if config.model.adaptation is None and needs_adaptation(methods, model):
            model = build_model(config.model, task=task, seed=seed, needs_adaptation=True)
        loader = PairLoader(
            self.prepared, cohort, batch_size=config.train.batch_size, seed=seed, augment=config.data.augment,
            domains=config.sites.domains, prefetch=0,
            with_target=wants_target(methods, cohort) or model.treatment in ("split", "dsbn"))
        still = never_moving(methods, model, config.train)
        with tempfile.TemporaryDirectory() as folder:
            trained = run_plan(methods, make_setting(model, task, loader, config.train), loader, config.train,
                               Path(folder) / "stages", Path(folder) / "log.jsonl")
        rows = np.concatenate([cohort.rows("source", "test"), cohort.rows("target", *self.scored)])  # type: ignore[arg-type]
        said = predict_behind(trained, still, loader, rows, open_device(config.train))
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic(file) as temporary, temporary.open("wb") as out:
            np.savez(out, rows=said.rows, logits=said.logits)

    def labels(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Labels of rows, hidden ones too: for the final score alone."""
        return self.prepared.catalogue.labels[rows, 0]

    def clusters(self, rows: NDArray[np.int64], block: int) -> NDArray[np.int64]:
        """Which rows belong together: those of a patient, or of a block of neighbours in the file where patients are
        unknown.

        Args:
            rows: positions in the catalogue, (n,).
            block: rows that a block holds.

        Returns:
            int64, (n,), from 0 up.
        """
        items = self.prepared.catalogue.items
        keys = [items[row].patient or f"{items[row].site} {row // block}" for row in rows]
        _, of = np.unique(np.array(keys), return_inverse=True)
        return of.astype(np.int64)

    def is_target(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which rows are the target's."""
        items = self.prepared.catalogue.items
        return np.array([items[row].site in self.config.sites.target for row in rows])


def _configured(config: Config, task: Task, seed: int) -> Model:
    return build_model(config.model, task=task, seed=seed)


def _code() -> str:
    state, root = hashlib.sha256(), Path(medtl.__file__).parent
    for name in _CODE:
        place = root / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            state.update(path.read_bytes())
    return state.hexdigest()
