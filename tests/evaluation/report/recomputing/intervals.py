"""The interval that should stand beside a figure, and how far chance may move it."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import special, stats

from .draws import REPLICATES, drawn_figures, error_of, slack_of, weights_of
from .figures import Reference, counted
from .ledger import Ledger, Place
from .studies import Array, Question

LOGIT, BOUND = "patient-cluster bootstrap, logit t", "bound from separate patients"
FREE, EXACT = "patient-cluster bootstrap, t", "Clopper-Pearson"
LEAST = {"reference_average_precision": 50, "specificity_at_sensitivity": 50}
"""Patients of the rarer class that an interval needs, where more than FEWEST."""
FEWEST = 5
SHARES = {"sensitivity": 1, "specificity": 0}
UNBOUNDED = ("brier_skill", "calibration_slope", "calibration_intercept")
SAME_DRAWS = 2e-3
"""How far a standard error over the report's own draws may be off, as a share: fits end in other last digits."""
MISSING = 0.05
"""Share of draws that may lack a figure."""


class Expected(NamedTuple):
    """An interval, None where there should be none, and how far its ends may lie from the report's."""

    ends: tuple[float, float] | None
    within: tuple[float, float]
    method: str = ""
    unsure: bool = False
    """Whether chance alone says if there is one."""


NONE = Expected(None, (0.0, 0.0))


def rarer(metric: str, asked: Sequence[Question], known: Sequence[dict[str, float]]) -> int:
    """Patients that limit a figure.

    Args:
        metric: the figure.
        asked: the questions.
        known: figures of each; one that has none of this name does not count.
    """
    found = []
    for q, of_one in zip(asked, known, strict=True):
        if metric not in of_one:
            continue
        with_label = [len(set(q.patient[q.truth == label])) for label in (1, 0)]
        present = len(set(q.patient))
        kind = {"sensitivity": with_label[0], "specificity": with_label[1], "brier": present}
        found.append(kind.get(metric, min(*with_label, (present + 1) // 2)))
    return min(found, default=0)


def intervals(
    kind: str, asked: Sequence[Question], known: Sequence[dict[str, float]], values: dict[str, float], others: int,
    at: Reference, seed: int, weights: Sequence[Array] | None = None
) -> dict[str, Expected]:
    """What the intervals of figures over some questions should be.

    Args:
        kind: of task.
        asked: the questions; exact intervals stand where there is one.
        known: every figure of each question.
        values: the figures over all questions.
        others: draws of the report.
        at: what some figures refer to.
        seed: of the draws here.
        weights: the report's own draws, for figures with long tails; else other draws are made.
    """
    names = [name for name in values if name != "smooth_ece"]
    own = weights_of(asked, seed, REPLICATES) if weights is None else weights
    drawn = drawn_figures(kind, asked, names, known, at, own) if others else {}
    slack = None if weights is None else SAME_DRAWS
    return {name: _one(counted(kind, name), name, asked, values[name], drawn.get(name), others, known, slack)
            for name in values}


def _one(
    of: str, metric: str, asked: Sequence[Question], value: float, drawn: Array | None, others: int,
    known: Sequence[dict[str, float]], slack: float | None
) -> Expected:
    if metric == "smooth_ece" or drawn is None or not others:
        return NONE
    patients = rarer(of, asked, known)
    if patients < LEAST.get(metric, FEWEST):
        return NONE
    answered = [q for q, of_one in zip(asked, known, strict=True) if of in of_one]
    if metric in SHARES and len(answered) == 1:
        q = answered[0]
        assert q.called is not None
        mine = q.truth == SHARES[metric]
        ends = exact((q.called == q.truth)[mine], q.patient[mine])
        return Expected(ends, (1e-9, 1e-9), EXACT)
    lost = float(np.mean(~np.isfinite(drawn)))
    unsure = abs(lost - MISSING) <= 4 * math.sqrt(max(lost, 0.01) * (1 / len(drawn) + 1 / others))
    if lost > MISSING and not unsure:
        return NONE
    slack = slack_of(drawn, others) if slack is None else slack
    return (spread if metric in UNBOUNDED else on_logits)(value, drawn, patients, slack)._replace(unsure=unsure)


def spread(value: float, drawn: Array, patients: int, slack: float) -> Expected:
    """Value and t quantile times standard error, which may be off by a share of itself."""
    reach = float(stats.t.ppf(0.975, patients - 1)) * error_of(drawn)
    room = slack * reach + 1e-6
    return Expected((value - reach, value + reach), (room, room), FREE)


def on_logits(value: float, drawn: Array, patients: int, slack: float) -> Expected:
    """The same on the logit scale, with the share of one patient added to the variance; a bound at 0 and 1."""
    edge = 0.025 ** (1 / patients)
    if value >= 1 or value <= 0:
        return Expected((edge, 1.0) if value >= 1 else (0.0, 1 - edge), (1e-9, 1e-9), BOUND)
    error = math.sqrt(error_of(drawn)**2 + value * (1 - value) / (2 * patients**2))
    reach = float(stats.t.ppf(0.975, patients - 1)) * error / (value * (1 - value))
    centre = math.log(value / (1 - value))
    low, high, *inner = (float(special.expit(centre + share * reach))
                         for share in (-1, 1, -1 - slack, -1 + slack, 1 - slack, 1 + slack))
    room = (max(abs(inner[0] - low), abs(inner[1] - low)), max(abs(inner[2] - high), abs(inner[3] - high)))
    return Expected((low, high), (room[0] + 1e-6, room[1] + 1e-6), LOGIT)


def exact(right: Any, who: Any) -> tuple[float, float]:
    """Clopper and Pearson's at the effective number of patients of Korn and Graubard."""
    total, patients, share = len(right), len(set(who)), float(np.mean(right))
    if total == patients:
        worth = float(total)
    elif share in (0.0, 1.0):
        worth = float(patients)
    else:
        gaps = [right[who == p].sum() - share * (who == p).sum() for p in sorted(set(who))]
        variance = patients / (patients - 1) * float(np.square(gaps).sum()) / total**2 if patients > 1 else 0.0
        ratio = stats.t.ppf(0.975, total - 1) / stats.t.ppf(0.975, patients - 1) if patients > 1 else 1.0
        worth = min(share * (1 - share) / variance * ratio**2, total) if variance > 0 else float(patients)
    hits = share * worth
    low = 0.0 if hits == 0 else float(stats.beta.ppf(0.025, hits, worth - hits + 1))
    high = 1.0 if hits == worth else float(stats.beta.ppf(0.975, hits + 1, worth - hits))
    return low, high


def check(ledger: Ledger, place: Place, value: float | None, expected: Expected = NONE, within: float = 1e-9) -> None:
    """Sets value and interval of an estimate beside those that were found.

    Args:
        ledger: of metrics.json.
        place: of the estimate.
        value: found.
        expected: its interval.
        within: how far apart the values may be.
    """
    ledger.agree((*place, "value"), value, within)
    at = (*place, "interval")
    if expected.unsure and (ledger.at(at) is None) != (expected.ends is None):
        ledger.set_aside(at)
        return
    ledger.interval(at, expected.ends, [room + within for room in expected.within])
    if expected.ends is not None and expected.method:
        ledger.say((*place, "method"), expected.method)
