"""What is refused before the first epoch, all of it at once."""
from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from medtl.config.sections import TrainSection
from medtl.errors import ConfigError
from medtl.methods.base import Method, Setting, overrides
from medtl.models.model import Model
from medtl.tasks.base import Task
from medtl.training.context import method_names
from medtl.training.moves import BEHIND_ENCODER, paces
from medtl.training.selection import lacking
from medtl.types import Cohort, nearest


def check_plan(methods: Sequence[Method], setting: Setting, cohort: Cohort, train: TrainSection) -> None:
    """Refuses a plan that cannot work.

    Args:
        methods: of the run.
        setting: with the model at its start.
        cohort: roles, splits and what is hidden.
        train: the config's section.

    Raises:
        ConfigError: a line for each of: two procedures, a penalty that a procedure would drop, a pace for parts that a
            procedure replaces, target images or labels that are needed and not there, parts and layers that the network
            does not have, a penalty above nothing trainable, nothing trainable at all, no validation study for the
            selection.
    """
    names = method_names(methods)
    lines = [*_procedures(methods, names), *_needs(methods, names, setting.task, cohort)]
    if (line := lacking(train.selection, setting.task, cohort)) is not None:
        lines.append(line)
    wrong = [line for method in methods for line in method.check(setting.model)]
    lines += wrong or _trainable(methods, names, setting.model, train)
    if lines:
        raise ConfigError(*lines)


def wants_target(methods: Sequence[Method], cohort: Cohort) -> bool:
    """Whether steps need target batches: for a penalty or a procedure that reads them, or for visible labels."""
    read = any(
        method.needs_target_images and (overrides(method, "penalty") or overrides(method, "stages"))
        for method in methods
    )
    return read or _known(cohort, cohort.target_seen)


def needs_adaptation(methods: Sequence[Method], model: Model) -> bool:
    """Whether an aligning method stands on a frozen front, so that the network should have an adaptation layer.

    Args:
        methods: of the run.
        model: the network without that layer.
    """
    if not any(_aligns(method) for method in methods) or any(method.check(model) for method in methods):
        return False
    start = paces(methods, model, 1)[0]
    return any(factor == 0 for name, factor in start.items() if name not in BEHIND_ENCODER)


def _aligns(method: Method) -> bool:
    """Whether it acts on features: a penalty that reads a layer, or a procedure that looks at the target."""
    penalises = overrides(method, "penalty") and bool(method.reads)
    return penalises or (overrides(method, "stages") and method.needs_target_images)


def _known(cohort: Cohort, rows: NDArray[np.int64]) -> bool:
    return bool((~np.isnan(cohort.visible_labels[rows])).any())


def _procedures(methods: Sequence[Method], names: Sequence[str]) -> Iterator[str]:
    procedures = [(m, n) for m, n in zip(methods, names, strict=True) if overrides(m, "stages")]
    if len(procedures) > 1:
        found = " and ".join(name for _, name in procedures)
        yield f"transfer: {found} are procedures, each with its own order of stages; expected at most one in a run"
    for method, name in procedures:
        for other, dropped in zip(methods, names, strict=True):
            if method.drops_penalties and other is not method and overrides(other, "penalty"):
                beside = "weighs" if method.replaces_encoder else "weighs or freezes"
                yield (
                    f"transfer: {name} {method.drops_because}, so {dropped}'s penalty could not act to the end; "
                    f"expected one of them, or a method that {beside} beside it"
                )
            if method.replaces_encoder and overrides(other, "pace"):
                yield (
                    f"transfer: {name} replaces the configured backbone, so {dropped} would freeze or slow parts that "
                    f"are not there; expected one of them, or a method that weighs beside {name}"
                )


def _needs(methods: Sequence[Method], names: Sequence[str], task: Task, cohort: Cohort) -> Iterator[str]:
    seen = cohort.target_seen
    labels = cohort.visible_labels[seen]
    for method, name in zip(methods, names, strict=True):
        if method.needs_target_images and len(seen) < 2:
            yield (
                f"transfer: {name} needs the images of at least 2 target studies, found {len(seen)}; "
                "name a site under sites.target"
            )
        if method.needs_target_labels:
            found = np.unique(labels[~np.isnan(labels)])
            wanted = 2 if task.kind == "multilabel" else task.outputs
            enough = bool((~np.isnan(labels)).any()) if task.kind == "regression" else len(found) >= wanted
            if not enough:
                yield (
                    f"transfer: {name} needs visible target labels of every class, found {len(found)} of {wanted}; "
                    "set sites.target_labels, for instance {per_class: 8}"
                )


def _trainable(methods: Sequence[Method], names: Sequence[str], model: Model, train: TrainSection) -> Iterator[str]:
    parts = list(model.parts)
    plan = paces_checked(methods, names, model, train.epochs)
    if isinstance(plan, str):
        yield plan
        return
    moving = {
        name
        for name, part in model.parts.items()
        if any(pace[name] > 0 for pace in plan) and any(p.requires_grad for p in part.parameters())
    }
    if not moving:
        yield f"transfer: nothing is left to train, all of {', '.join(parts)} are frozen; freeze fewer parts"
        return
    for method, name in zip(methods, names, strict=True):
        if not _aligns(method):
            continue
        for layer in method.reads:
            beneath = _beneath(layer, parts)
            if beneath is None:
                known = [*parts, "features", "outputs"]
                hint = nearest(layer, known)
                yield (
                    f"{name}.layers: {layer!r} is no layer of this network"
                    + (f"; did you mean {hint!r}?" if hint else ".")
                    + f" Layers: {', '.join(known)}"
                )
            elif not moving & set(beneath):
                yield (
                    f"transfer: {name} aligns {layer!r}, but nothing at or beneath it is trainable, so it would do "
                    "nothing; freeze fewer parts, align a later layer, or leave model.adaptation on"
                )


def paces_checked(
    methods: Sequence[Method], names: Sequence[str], model: Model, epochs: int
) -> list[dict[str, float]] | str:
    """The pace of every epoch, or what is wrong with it in one line."""
    for method, name in zip(methods, names, strict=True):
        for epoch in range(epochs):
            for part, factor in method.pace(model, epoch / epochs).items():
                if part not in model.parts:
                    return f"{name}: paces {part!r}, which is no part of this network: {', '.join(model.parts)}"
                if not 0 <= factor < float("inf"):
                    return f"{name}: paces {part!r} by {factor}, expected a finite factor of at least 0"
    return paces(methods, model, epochs)


def _beneath(layer: str, parts: list[str]) -> list[str] | None:
    """Parts at or beneath a layer; None where there is no such layer."""
    if layer == "outputs":
        return parts
    if layer in {"features", "adaptation"}:
        return [name for name in parts if name != "head"]
    if layer == "pooling":
        return [name for name in parts if name not in {"adaptation", "head"}]
    return parts[: parts.index(layer) + 1] if layer in parts else None
