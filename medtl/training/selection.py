"""The rule that picks a checkpoint, and what the other rules would have picked; none of them sees a target label."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtl import registry
from medtl.models.predict import Predicted
from medtl.tasks.base import Task
from medtl.training.selections.base import Answers, Rule, Seen
from medtl.types import Cohort

SOURCE_VALIDATION, LAST = "source_validation", "last"


def rules_for(task: Task, cohort: Cohort) -> dict[str, Rule]:
    """All rules that have a value in a run, by name.

    Args:
        task: of the run.
        cohort: roles, splits and what is hidden.
    """
    target, labels = bool(len(cohort.target_seen)), _labelled(cohort)
    rules = {name: _rule(name) for name in registry.names("selections")}
    return {name: rule for name, rule in rules.items() if rule.fits(task, target=target, labels=labels)}


def lacking(name: str, task: Task, cohort: Cohort) -> str | None:
    """Why a rule cannot choose in a run, in one line, or None where it can.

    Args:
        name: of `train.selection`.
        task: of the run.
        cohort: roles, splits and what is hidden.
    """
    rule = _rule(name)
    if rule.needs_labels and not _labelled(cohort):
        return (f"train.selection: {name} needs source validation studies with known labels, found none; "
                "use `last`, or more studies per source site")
    if rule.needs_target and not len(cohort.target_seen):
        return (f"train.selection: {name} looks at target images that methods may see, found none; name a site under "
                "sites.target, or use source_validation")
    if rule.classes_only and task.kind == "regression":
        return f"train.selection: {name} is about classes, found a regression; use source_validation"
    return None


def seen_by_rules(task: Task, cohort: Cohort, said: Predicted) -> Seen:
    """What rules may look at, out of what a network said; rows of the target's test part are left out.

    Args:
        task: of the run.
        cohort: whose positions the rows are.
        said: with features.
    """
    source = np.array([cohort.role[row] == "source" for row in said.rows], dtype=np.bool_)
    target = np.isin(said.rows, cohort.target_seen)
    return Seen(task, _answers(cohort, said, source, True), _answers(cohort, said, target, False))


def values_of(rules: Mapping[str, Rule], seen: Seen) -> dict[str, float]:
    """The value of every rule after an epoch, and the effective sample size of the weighted ones.

    Args:
        rules: as :func:`rules_for` gives them.
        seen: after the epoch.

    Returns:
        Values by rule; ``effective_sample_size`` beside them where studies were weighted.
    """
    values = {name: rule.value(seen) for name, rule in rules.items() if name != LAST}
    if "dev" in rules or "importance_weighted" in rules:
        values["effective_sample_size"] = seen.effective
    return {name: value for name, value in values.items() if np.isfinite(value)}


def validation_loss(task: Task, cohort: Cohort, rows: NDArray[np.int64], logits: NDArray[np.float32]) -> float:
    """Mean over source sites of the task's loss on their validation studies; scans of one study are averaged first.

    Args:
        task: whose loss counts.
        cohort: whose visible labels count; every row must be a source row.
        rows: positions in the catalogue, (n,).
        logits: float32, (n, outputs).

    Returns:
        The mean, in float64; sites without a known label are left out.

    Raises:
        ValueError: a target row, or no known label at all.
    """
    if any(cohort.role[i] != "source" for i in rows):
        raise ValueError("selection saw a row that is not of the source")
    said = Predicted(rows, logits, np.zeros((len(rows), 0), np.float32), "single")
    return seen_by_rules(task, cohort, said).source_loss()


@dataclass
class Choice:
    """The chosen epoch so far.

    Attributes:
        rule: of `train.selection`; `last` for stages that nothing can score.
        best_epoch: the chosen one, -1 before the first.
        lowest: the rule's value so far, None before the first.
        stale: epochs without gain.
    """

    rule: str
    best_epoch: int = -1
    lowest: float | None = None
    stale: int = 0

    def offer(self, epoch: int, value: float | None) -> bool:
        """Takes note of an epoch's value (None where it has none), and says whether the epoch is chosen."""
        gained = value is None or self.lowest is None or value < self.lowest
        self.stale = 0 if gained else self.stale + 1
        if gained:
            self.lowest = value
        chosen = gained or self.rule == LAST
        if chosen:
            self.best_epoch = epoch
        return chosen


def _rule(name: str) -> Rule:
    rule: Rule = registry.load("selections", name)()
    return rule


def _labelled(cohort: Cohort) -> bool:
    return bool((~np.isnan(cohort.visible_labels[cohort.rows("source", "val")])).any())


def _answers(cohort: Cohort, said: Predicted, chosen: NDArray[np.bool_], labels: bool) -> Answers:
    """Rows that were chosen, scans of one study averaged, in the order of sites and of first appearance."""
    assert said.features is not None
    items, visible = cohort.catalogue.items, cohort.visible_labels
    studies: dict[tuple[str, str], list[int]] = {}
    for k in np.flatnonzero(chosen):
        item = items[said.rows[k]]
        studies.setdefault((item.site, item.study), []).append(int(k))
    members = list(studies.values())
    width = visible.shape[1]
    if not members:
        return Answers(np.zeros(0, np.str_), said.logits[:0], said.features[:0], visible[:0])
    first = said.rows[[ks[0] for ks in members]]
    return Answers(
        np.array([site for site, _ in studies], dtype=np.str_),
        np.stack([said.logits[ks].mean(axis=0) for ks in members]),
        np.stack([said.features[ks].mean(axis=0) for ks in members]),
        visible[first] if labels else np.full((len(members), width), np.nan, np.float32),
    )
