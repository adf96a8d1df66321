"""Verdicts in words: gain, negative transfer, equivalent or inconclusive, held together over all rows of a table."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from medtl.functional.intervals.difference import POWER, Difference
from medtl.functional.measure import NotEstimable
from medtl.functional.multiplicity import holm

GAIN, LOSS, EQUIVALENT = "gain", "negative transfer", "equivalent within the margin"
UNSURE, SAME, NOT_ESTIMABLE = "inconclusive", "no difference: identical scores", "not estimable"
CAVEAT_UNNAMED = "patients unknown: each study counts as one, so this looks surer than it is"

Direction: TypeAlias = Literal["either", "gain", "loss"]
DIRECTIONS: tuple[Direction, ...] = ("either", "gain", "loss")


@dataclass(frozen=True)
class Rule:
    """What is asked of every row, fixed before the numbers are seen.

    Args:
        margin: a gap below which two models count as equivalent, above 0; None asks for no equivalence.
        direction: `either` looks for gains and losses alike; `gain` or `loss` spends the whole error on one of them,
            and the other one is then never claimed.
        alpha: chance of any false gain or loss in the table, and again of any false equivalence.
    """

    margin: float | None = None
    direction: Direction = "either"
    alpha: float = 0.05

    @property
    def sentence(self) -> str:
        """The rule in words."""
        looked = {"either": "gain or loss", "gain": "gain only", "loss": "loss only"}[self.direction]
        margin = "no margin" if self.margin is None else f"equivalent means within {self.margin:g}"
        return f"fixed beforehand: {looked}; {margin}; {self.alpha:.0%} over all rows (Holm)"

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"margin": self.margin, "direction": self.direction, "alpha": self.alpha, "correction": "Holm",
                "power": POWER}


@dataclass(frozen=True)
class Row:
    """One comparison before it is judged.

    Args:
        difference: first minus second, or why there is none.
        higher_is_better: direction of the metric.
        same: whether both gave the very same scores.
        unnamed: whether some patients are unknown.
    """

    difference: Difference | NotEstimable
    higher_is_better: bool = True
    same: bool = False
    unnamed: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a comparison says.

    Args:
        word: gain, negative transfer, equivalent within the margin, inconclusive, or why there is no verdict.
        detail: what must stand beside the word; may be empty.
        p: of the row alone, None where not estimable.
        p_adjusted: by Holm over all rows.
        p_equivalent: adjusted p of equivalence, None without a margin.
        detectable: the smallest gap that could have been seen here, with a power of ``POWER``.
    """

    word: str
    detail: str = ""
    p: float | None = None
    p_adjusted: float | None = None
    p_equivalent: float | None = None
    detectable: float | None = None

    @property
    def sentence(self) -> str:
        """The word with what must stand beside it."""
        return f"{self.word} ({self.detail})" if self.detail else self.word

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"verdict": self.word, "sentence": self.sentence, "p": self.p, "p_adjusted": self.p_adjusted,
                "p_equivalent": self.p_equivalent, "detectable": self.detectable}


def judge_rows(rows: Sequence[Row], rule: Rule | None = None) -> tuple[Verdict, ...]:
    """Verdicts on all rows of one table, which share the chance of an error.

    Args:
        rows: comparisons.
        rule: what was fixed beforehand.

    Returns:
        One verdict per row.
    """
    rule = rule or Rule()
    plain = [_p_difference(row, rule) for row in rows]
    adjusted = holm(plain)
    within = holm([_p_within(row, rule) for row in rows])
    tests = max(1, int((~np.isnan(adjusted)).sum()))
    return tuple(
        _verdict(row, rule, p, corrected, near, tests)
        for row, p, corrected, near in zip(rows, plain, adjusted.tolist(), within.tolist(), strict=True)
    )


def _oriented(row: Row) -> Difference | None:
    """The difference with gains above 0."""
    found = row.difference
    if isinstance(found, NotEstimable):
        return None
    value = found.value if row.higher_is_better else -found.value
    return Difference(value, found.error, found.freedom, found.method)


def _p_difference(row: Row, rule: Rule) -> float:
    found = _oriented(row)
    if found is None:
        return float("nan")
    if row.same:
        return 1.0
    if rule.direction == "either":
        return found.p_either()
    return found.p_above() if rule.direction == "gain" else 1 - found.p_above()


def _p_within(row: Row, rule: Rule) -> float:
    found = _oriented(row)
    if found is None or rule.margin is None:
        return float("nan")
    return 0.0 if row.same else found.p_within(rule.margin)


def _verdict(row: Row, rule: Rule, p: float, adjusted: float, within: float, tests: int) -> Verdict:
    found = _oriented(row)
    if found is None:
        assert isinstance(row.difference, NotEstimable)
        return Verdict(NOT_ESTIMABLE, row.difference.reason)
    seen = found.detectable(rule.alpha / tests, 2 if rule.direction == "either" else 1)
    caveats = [CAVEAT_UNNAMED] if row.unnamed else []
    equivalent = None if rule.margin is None else within
    if row.same:
        return Verdict(SAME, "; ".join(caveats), p, adjusted, equivalent, seen)
    named = adjusted <= rule.alpha
    is_equivalent = equivalent is not None and equivalent <= rule.alpha
    if named and rule.direction != "loss" and found.value > 0:
        word, told = GAIN, ["yet smaller than the margin"] if is_equivalent else []
    elif named and rule.direction != "gain" and found.value < 0:
        word, told = LOSS, ["yet smaller than the margin"] if is_equivalent else []
    elif is_equivalent:
        word, told = EQUIVALENT, []
    else:
        word, told = UNSURE, [f"a gap of {seen:.3f} would have been seen with power {POWER:.2f}"]
        ends = found.interval(1 - rule.alpha)
        if rule.direction == "gain" and ends.high < 0:
            told.insert(0, "no gain; the whole interval lies on the side of a loss, which was not tested")
        if rule.direction == "loss" and ends.low > 0:
            told.insert(0, "no loss; the whole interval lies on the side of a gain, which was not tested")
    return Verdict(word, "; ".join([*told, *caveats]), p, adjusted, equivalent, seen)
