"""Drives the stages of a run: the procedure asks, fits and extractions answer, what is on disk is not redone."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.config.sections import TrainSection
from medtl.data.batches import Batch
from medtl.methods.base import Extract, Fit, Method, Request, Setting, Tell, one_fit, overrides
from medtl.models.model import Model
from medtl.models.predict import adapt_bn
from medtl.progress import QUIET, Progress
from medtl.training import checkpoint
from medtl.training.checks import check_plan
from medtl.training.context import Context, Loader, method_names
from medtl.training.device import Device, open_device, reproducible
from medtl.training.extract import extract, per_position
from medtl.training.feature_bank import never_moving
from medtl.training.files import sweep, write_json
from medtl.training.fit import fit, players
from medtl.training.log import EpochLog
from medtl.training.moves import paces
from medtl.training.told import keep
from medtl.training.trial import FILE, Settled, settle
from medtl.training.weights import study_weights, summary, write_weights
from medtl.types import Table


def run_plan(
    methods: Sequence[Method],
    setting: Setting,
    loader: Loader,
    train: TrainSection,
    folder: Path,
    log: Path,
    progress: Progress = QUIET,
    given: Settled | None = None,
    watch: Callable[[Mapping[str, Any]], None] | None = None,
) -> Model:
    """Trains a network with these methods, from wherever a run that was cut off has come to.

    Args:
        methods: of the run; none means source only.
        setting: what they may know; its model is changed in place.
        loader: of the data.
        train: the config's section.
        folder: ``stages`` of the run; created if missing. It belongs to this config and to these data.
        log: ``log.jsonl`` of the run.
        progress: where it reports to.
        given: the arithmetic of the run that this one is the baseline of; settled for this one if None.
        watch: called with each record of the log.

    Returns:
        The network that predicts, in eval mode, on the CPU.

    Raises:
        ConfigError: the plan cannot work; see :func:`medtl.training.checks.check_plan`.
    """
    methods = tuple(methods)
    check_plan(methods, setting, loader.cohort, train)
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    settled = settle(
        train, setting.model, paces(methods, setting.model, train.epochs)[0], _step_shape(setting.model, loader),
        log.parent / FILE, given,
    )
    device = open_device(train, settled.arithmetic)
    progress.say(f"device: {device.torch}, {settled}")
    with reproducible(device):
        device.place(setting.model)
        context = _context(methods, setting, loader, train, device, folder, EpochLog(log, watch), progress)
        model = _drive(context, folder)
        adapt = loader.cohort.target_seen
        if model.treatment == "adabn" and len(adapt):
            adapt_bn(model, _Again(loader, adapt), device.torch)
    return model.to("cpu").eval()


def _step_shape(model: Model, loader: Loader) -> tuple[int, ...]:
    """Of the images that one step forwards at once."""
    together = model.treatment == "joint" and len(loader.cohort.target_seen) > 0
    return (loader.batch_size * (2 if together else 1), *loader.shape)


class _Again:
    """Scans that can be gone over again and again without being held."""

    def __init__(self, loader: Loader, rows: NDArray[np.int64]) -> None:
        self.loader, self.rows = loader, rows

    def __iter__(self) -> Iterator[Batch]:
        return self.loader.scan(self.rows)


def _context(
    methods: tuple[Method, ...],
    setting: Setting,
    loader: Loader,
    train: TrainSection,
    device: Device,
    folder: Path,
    log: EpochLog,
    progress: Progress,
) -> Context:
    names = method_names(methods)
    own = tuple(method.build(setting) for method in methods)
    for module in own:
        if module is not None:
            module.to(device.torch)
    weights = None
    if any(overrides(method, "weigh") for method in methods):
        still = never_moving(methods, setting.model, train)
        table = extract(setting.model, loader, device, folder / "table.safetensors", still)
        of_studies = study_weights(methods, names, table)
        if of_studies is not None:
            said = summary(of_studies, table)
            write_json(folder / "weights.json", said)
            progress.say(
                f"weights: the {said['all']['studies']} source studies count as {said['all']['effective']:.0f} "
                "equally weighted ones"
            )
            weights = per_position(loader.cohort, table, of_studies)
            write_weights(folder / "weights.csv", loader.cohort, weights)
    return Context(methods, names, own, setting, loader, train, device, weights, log, progress)


def _drive(context: Context, folder: Path) -> Model:
    """Sends the procedure its answers until it returns the network."""
    procedures = [method for method in context.methods if overrides(method, "stages")]
    stages = procedures[0].stages(context.setting) if procedures else None
    stages = one_fit(context.setting) if stages is None else stages
    seen: list[str] = []
    reply: Table | None = None
    while True:
        try:
            request = stages.send(reply) if seen else next(stages)
        except StopIteration as end:
            model: Model = end.value
            return model
        if request.name in seen or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", request.name):
            raise ValueError(f"stage name {request.name!r} is taken or not made of letters, digits and dashes")
        place = folder / f"{len(seen):02d}-{request.name}"
        seen.append(request.name)
        place.mkdir(exist_ok=True)
        sweep(place)
        reply = _answer(request, place, context)


def _answer(request: Request, place: Path, context: Context) -> Table | None:
    if isinstance(request, Tell):
        keep(request, place)
        for line in request.lines:
            context.progress.say(line)
        return None
    if isinstance(request, Extract):
        still = never_moving(context.methods, request.model, context.train)
        return extract(request.model, context.loader, context.device, place / "table.safetensors", still)
    if not checkpoint.answer(place, request.model.to(context.device.torch), players(request, context)):
        weights = _weights(request, context)
        if request.weights is not None and weights is not None:
            write_weights(place / "weights.csv", context.loader.cohort, weights)
        fit(request, place, context, weights)
    return None


def _weights(request: Fit, context: Context) -> NDArray[np.float32] | None:
    """The methods' weights times the stage's own, which come per row of the table."""
    if request.weights is None:
        return context.weights
    table = context.setting.table()
    own = per_position(context.loader.cohort, table, request.weights)
    rows = context.loader.cohort.rows("source", "train")
    product = own if context.weights is None else own * context.weights
    return (product / np.float32(product[rows].mean())).astype(np.float32)
