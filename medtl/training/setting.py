"""What methods may know of a run, gathered from its parts."""
from __future__ import annotations

from functools import cache

from medtl.config.sections import TrainSection
from medtl.methods.base import Setting
from medtl.models.model import Model
from medtl.tasks.base import Task
from medtl.training.context import Loader, random_streams
from medtl.training.device import open_device
from medtl.training.extract import extract
from medtl.types import Role, Table


def make_setting(model: Model, task: Task, loader: Loader, train: TrainSection) -> Setting:
    """The setting of a run.

    Args:
        model: at its start.
        task: of the run.
        loader: of the data; its cohort says which sites play which role, its domains how they are numbered.
        train: the config's section.

    Returns:
        A setting whose table is extracted once, at the first call; a procedure that wants it calls before it first
        yields, since the network changes then.
    """
    cohort = loader.cohort

    def sites(role: Role) -> tuple[str, ...]:
        used = [item.site for item, r in zip(cohort.catalogue.items, cohort.role, strict=True) if r == role]
        return tuple(dict.fromkeys(used))

    @cache
    def table() -> Table:
        return extract(model, loader, open_device(train))

    labels = cohort.visible_labels[cohort.target_seen]
    return Setting(
        model=model,
        task=task,
        source_sites=sites("source"),
        target_sites=sites("target"),
        domains=tuple(loader.domains),
        target_labels=bool((labels == labels).any()),
        epochs=train.epochs,
        rng=random_streams(train.seed),
        table=table,
    )
