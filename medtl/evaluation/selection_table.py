"""What each rule of selection would have picked, beside the oracle: in one run, and over many."""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtl.errors import DataError, RunStateError
from medtl.evaluation.oracle import MARK, OracleResult, oracle_results
from medtl.predictions import read_predictions

NEAR = 0.02
"""A rule picked well where its epoch is at most so much AUROC below the best one."""
LAST, ESS = "last", "effective_sample_size"


@dataclass(frozen=True)
class Pick:
    """What one rule picks in one run, at one target site. Its AUROC is on the oracle's side: it needs test labels.

    Args:
        rule: its name.
        chosen: whether the run's checkpoint came from it.
        site: target.
        epoch: from 0, of the last stage.
        auroc: of that epoch on the site's test studies.
        below: how much lower than the ORACLE's best epoch.
        studies: effective sample size of the weighted source studies at that epoch, for rules that weigh.
    """

    rule: str
    chosen: bool
    site: str
    epoch: int
    auroc: float
    below: float
    studies: float | None = None

    def as_json(self) -> dict[str, Any]:
        """As JSON, marked."""
        return {"mark": MARK, "rule": self.rule, "chosen": self.chosen, "site": self.site, "epoch": self.epoch,
                "auroc": self.auroc, "below_oracle": self.below, "effective_sample_size": self.studies}


@dataclass(frozen=True)
class Record:
    """How a rule did over many runs.

    Args:
        rule: its name.
        cases: runs times target sites.
        near: in how many it was within :data:`NEAR` of the oracle.
        below: how much lower than the oracle on average.
        worst: at most.
        gain: how much higher than source validation on average; None where that had no value.
    """

    rule: str
    cases: int
    near: int
    below: float
    worst: float
    gain: float | None

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"rule": self.rule, "cases": self.cases, "near": self.near, "below_oracle": self.below,
                "worst": self.worst, "gain_over_source_validation": self.gain}


def picks_of(folder: Path, oracle: Sequence[OracleResult]) -> tuple[Pick, ...]:
    """What each rule picks in a run.

    Args:
        folder: the run, with its log.
        oracle: of the same run, with every epoch's AUROC.

    Returns:
        One pick per rule and site that has a value; none where the last stage was not scored.
    """
    recorded = sorted(folder.glob("stages/*/oracle.safetensors"))
    stage = recorded[-1].parent.name.partition("-")[2] if recorded else ""
    chosen, epochs = _logged(folder / "log.jsonl", stage)
    if not epochs or not oracle:
        return ()
    rules = [name for name in epochs[0] if name != ESS and all(name in of_epoch for of_epoch in epochs)]
    out = []
    for rule in [*rules, LAST]:
        epoch = len(epochs) - 1 if rule == LAST else int(np.argmin([of_epoch[rule] for of_epoch in epochs]))
        weighs = rule in ("dev", "importance_weighted")
        for result in oracle:
            value = result.by_epoch[epoch] if epoch < len(result.by_epoch) else None
            if value is not None:
                out.append(Pick(rule, rule == chosen, result.site, epoch, value, result.auroc - value,
                                epochs[epoch].get(ESS) if weighs else None))
    return tuple(out)


def over_runs(runs: Sequence[Path]) -> tuple[Record, ...]:
    """How each rule did over finished runs.

    Args:
        runs: their folders; those without a scored stage or a target count for nothing.

    Returns:
        A record per rule, the closest to the oracle first.

    Raises:
        DataError: no run has anything to compare.
    """
    cases: list[dict[str, Pick]] = []
    for folder in runs:
        picks = picks_of(folder, oracle_results(folder, read_predictions(folder / "predictions.csv")))
        for site in dict.fromkeys(pick.site for pick in picks):
            cases.append({pick.rule: pick for pick in picks if pick.site == site})
    if not cases:
        raise DataError("none of these runs has a scored epoch and a target with labelled test studies")
    records = []
    for rule in dict.fromkeys(rule for case in cases for rule in case):
        found = [case[rule] for case in cases if rule in case]
        home = [case["source_validation"].auroc for case in cases if rule in case and "source_validation" in case]
        gain = float(np.mean([p.auroc for p in found])) - float(np.mean(home)) if len(home) == len(found) else None
        below = [pick.below for pick in found]
        near = sum(value <= NEAR + 1e-12 for value in below)
        records.append(Record(rule, len(found), near, float(np.mean(below)), max(below), gain))
    return tuple(sorted(records, key=lambda record: (record.below, record.rule)))


def _logged(path: Path, stage: str) -> tuple[str, list[dict[str, float]]]:
    """The rule that chose in a stage, and the values of all rules per epoch; none where the stage was not scored."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found: dict[int, dict[str, float]] = {}
    chosen = ""
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except ValueError:
            if number == len(lines):
                break  # a kill cut it off
            raise RunStateError(f"{path.name}: line {number} is not JSON; the log was written by medtl") from None
        selection = entry.get("selection") or {}
        if entry.get("stage") == stage and selection.get("values"):
            found[int(entry["epoch"])] = selection["values"]
            chosen = str(selection.get("rule"))
    return chosen, [found[epoch] for epoch in sorted(found)]
