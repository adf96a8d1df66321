"""Evidence of a gain: the corrected resampled t-test by hand, its error level, and what is no evidence at all."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from medtl.functional.probing.evidence import LEAST, NONE, Evidence, HeldOut, compared, fewest_patients
from medtl.functional.probing.folds import grouped_folds

PATIENTS = tuple(f"p{k}" for k in range(40))
LABELS = np.repeat([0.0, 1.0], 20)


def held_out(losses: object, folds: int = 5) -> HeldOut:
    given = np.atleast_2d(np.asarray(losses, dtype=np.float64))
    of = [grouped_folds(LABELS, PATIENTS, folds=folds, classes=2, seed=repeat) for repeat in range(len(given))]
    return HeldOut(given, np.array(of), np.zeros((40, 2)))


def test_the_error_over_folds_is_that_of_nadeau_and_bengio() -> None:
    draw = np.random.default_rng(0)
    one, other = held_out(draw.random((3, 40))), held_out(draw.random((3, 40)))
    found = compared(one, other, LABELS, PATIENTS, 2)
    apart = one.losses - other.losses
    splits = [0.5 * sum(apart[r][(one.folds[r] == k) & (c == LABELS)].mean() for c in (0, 1))
              for r in range(3) for k in range(5)]
    assert found.gain == pytest.approx(np.mean(splits))
    assert found.of_folds == pytest.approx(np.sqrt((1 / 15 + 8 / 32) * np.var(splits, ddof=1)))
    assert found.error == max(found.of_folds, found.of_patients)
    assert found.p_value == pytest.approx(stats.t.sf(found.gain / found.error, 19))


def test_a_gain_that_is_not_there_is_seldom_clear_and_a_large_one_is() -> None:
    draw = np.random.default_rng(1)
    p_values = [[compared(held_out(draw.random((2, 40))), held_out(draw.random((2, 40)) - gain), LABELS, PATIENTS, 2)
                 .p_value for _ in range(100)] for gain in (0.0, 0.5)]
    assert np.mean(np.array(p_values[0]) < 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 100)
    assert np.mean(np.array(p_values[1]) < 0.01) > 0.9


def test_few_patients_no_spread_and_no_answer_are_no_evidence() -> None:
    clear = Evidence(0.5, 0.05, 0.1, LEAST)
    assert clear.p_value < 0.01
    assert replace(clear, patients=LEAST - 1).p_value == 1.0
    assert replace(clear, of_patients=0.0, of_folds=0.0).p_value == 1.0
    assert replace(clear, gain=-0.5).p_value > 0.99
    assert NONE.p_value == 1.0
    nothing = held_out(np.full(40, np.nan))
    assert compared(nothing, nothing, LABELS, PATIENTS, 2).p_value == 1.0


def test_repeats_that_one_fit_lacks_count_for_neither() -> None:
    draw = np.random.default_rng(2)
    one, other = held_out(draw.random((2, 40))), held_out(draw.random((2, 40)))
    gap = HeldOut(np.vstack([np.full(40, np.nan), other.losses[1]]), other.folds, other.outputs)
    alone = compared(HeldOut(one.losses[1:], one.folds[1:], one.outputs),
                     HeldOut(other.losses[1:], other.folds[1:], other.outputs), LABELS, PATIENTS, 2)
    assert compared(one, gap, LABELS, PATIENTS, 2) == alone


def test_patients_of_the_rarer_class_are_counted() -> None:
    labels = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    assert fewest_patients(labels, ("a", "b", "", "c", "c", "d"), 2) == 2
    assert fewest_patients(labels, ("", "", "", "", "", ""), 2) == 3
    assert fewest_patients(labels, ("a", "a", "b", "c", "d", "e"), 0) == 2
