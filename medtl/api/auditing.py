"""The audit of an evaluation: made from the scans themselves, kept beside the report, told by name."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medtl.data.prepared import Prepared
from medtl.evaluation.audit import Audit, Profile, write_audit
from medtl.evaluation.audit.run import Task as Asked
from medtl.evaluation.audit.run import run_audit
from medtl.models.model import Model
from medtl.progress import Progress, doing
from medtl.tasks.base import Task
from medtl.types import Cohort


def audited(
    report: Path,
    plain: Prepared,
    shown: Prepared,
    cohort: Cohort,
    task: Task,
    model: Model,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    known: Sequence[Profile] = (),
    progress: Progress,
) -> Audit:
    """Audits the scans of an evaluation and writes ``audit.json``.

    Args:
        report: the report's folder.
        plain: scans before any harmonisation.
        shown: scans as the model is shown them.
        cohort: roles, splits and labels.
        task: of the run.
        model: of the run.
        seed: of folds and shuffles.
        device: where the model runs.
        known: profiles of the source's sites, where they are not among these scans.
        progress: where to report to.
    """
    with doing(progress, "auditing for shifts and shortcuts"):
        audit = run_audit(
            plain, cohort, Asked(task.kind, _named(task)), seed=seed, shown=shown, known=known,
            answer=None if task.kind == "regression" else answer_of(model, task, device),
        )
    write_audit(report, audit)
    return audit


def _named(task: Task) -> tuple[str, ...]:
    """What the questions are called: ``covid = 1``, or the label's own name where there are several."""
    if task.kind in ("binary", "multiclass"):
        return tuple(f"{task.label_names[0]} = {name}" for name in task.score_names)
    return tuple(task.score_names)


def answer_of(model: Model, task: Task, device: torch.device | str) -> Callable[[NDArray[np.float32]], Any]:
    """The model's score of the audit's first question: the positive class, or the first class or label."""
    column = -1 if task.kind == "binary" else 0
    model.to(device).eval()

    def answer(scans: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.inference_mode():
            logits = model.full(torch.from_numpy(np.array(scans)).to(device)).outputs
            return task.activate(logits.float().cpu())[:, column].numpy().astype(np.float64)

    return answer


def in_words(audit: Audit | None) -> Iterator[str]:
    """What the terminal says of an audit: a line of how it was done, and one per finding."""
    if audit is None:
        return
    found = len(audit.findings)
    made = f"{len(audit.checks)} checks of {audit.studies} scans in {audit.seconds:.0f} s"
    rate = f"in clean data, a false finding in at most {audit.level:.0%} of audits"
    yield f"audit: {found or 'no'} finding{'' if found == 1 else 's'} ({made}; {rate})"
    for check in audit.findings:
        yield f"  {check.severity} {check.code}: {check.words}"
        yield f"    {check.advice}"
