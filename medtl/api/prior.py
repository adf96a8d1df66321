"""Which class shares a network was trained under, and what its answers say of the target's."""
from __future__ import annotations

import numpy as np

from medtl.config.sections import Config
from medtl.evaluation.prevalence import estimate_prevalence
from medtl.models.model import Model
from medtl.predictions import Predictions
from medtl.run import RunFolder
from medtl.tasks.base import Task
from medtl.training.balance import source_shares, undo_balance
from medtl.types import Cohort

FILE = "prevalence.json"


def unbalanced(model: Model, config: Config, cohort: Cohort, task: Task) -> tuple[str, ...]:
    """Undoes what class-balanced batches did to a network's answers, in place; says what was done.

    Args:
        model: after training.
        config: of the run.
        cohort: of the run.
        task: of the run.
    """
    if not config.train.class_balanced or task.kind not in ("binary", "multiclass"):
        return ()
    shares = source_shares(cohort, task.outputs, scanners=config.sites.domains == "scanner")
    if undo_balance(model, shares):
        shown = ", ".join(f"{name} {share:.2f}" for name, share in zip(task.score_names, shares, strict=True))
        return (f"training drew the classes equally often; the network's answers are for the source's shares: {shown}",)
    return ("training drew the classes equally often, and the network's head is not one that this can be undone in: "
            "its scores are for equal class shares",)


def told_prevalence(
    folder: RunFolder, config: Config, cohort: Cohort, task: Task, answers: Predictions
) -> tuple[str, ...]:
    """Estimates the class shares at the target sites into ``prevalence.json``; returns a sentence per site.

    Args:
        folder: of the run.
        config: of the run.
        cohort: of the run.
        task: with the class weights of training.
        answers: of the run's network.
    """
    if task.kind not in ("binary", "multiclass") or config.task.class_weights is not None:
        return ()  # class weights make scores that are no posterior
    prior = source_shares(cohort, task.outputs, scanners=config.sites.domains == "scanner")
    model = str(answers.model[0])
    found = estimate_prevalence(answers, np.asarray(prior).tolist(), model=model,
                                draws=min(500, config.evaluate.bootstrap), seed=config.train.seed)
    if found:
        folder.write_json(FILE, {"format": 1, "sites": [one.as_json() for one in found]})
    return tuple(one.sentence for one in found)
