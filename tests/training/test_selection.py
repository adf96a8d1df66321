"""The rule that picks an epoch."""
from __future__ import annotations

import math

import numpy as np
import pytest
from toy_cohort import TASK, cohort

from medtl.training.selection import Choice, validation_loss


def cross_entropy(logits: np.ndarray, label: float) -> float:
    return math.log(np.exp(logits).sum()) - float(logits[int(label)])


def test_sites_count_equally_whatever_their_size() -> None:
    of = cohort()
    rows = of.rows("source", "val")
    rows = rows[: len(rows) - 1]  # the second site has one study less
    logits = np.random.default_rng(0).normal(size=(len(rows), 2)).astype(np.float32)
    items = of.catalogue.items
    losses: dict[str, list[float]] = {}
    for row, logit in zip(rows, logits, strict=True):
        losses.setdefault(items[row].site, []).append(cross_entropy(logit.astype(np.float64), items[row].labels[0]))
    assert len(losses) == 2
    expected = np.mean([np.mean(of_site) for of_site in losses.values()])
    assert validation_loss(TASK, of, rows, logits) == pytest.approx(expected, rel=1e-6)


def test_scans_of_a_study_are_averaged_first() -> None:
    of = cohort()
    rows = of.rows("source", "val")[:2]
    rows = np.array([rows[0], rows[0], rows[1]])
    logits = np.array([[0.0, 2.0], [0.0, -1.0], [1.0, 0.0]], np.float32)
    once = validation_loss(TASK, of, rows[1:], np.array([[0.0, 0.5], [1.0, 0.0]], np.float32))
    assert validation_loss(TASK, of, rows, logits) == pytest.approx(once, rel=1e-6)


def test_a_target_row_is_refused() -> None:
    of = cohort()
    with pytest.raises(ValueError, match="not of the source"):
        validation_loss(TASK, of, of.rows("target", "test")[:2], np.zeros((2, 2), np.float32))


def test_equals_go_to_the_earliest_epoch() -> None:
    choice = Choice("source_validation")
    chosen = [choice.offer(epoch, value) for epoch, value in enumerate([0.5, 0.4, 0.4, 0.6])]
    assert chosen == [True, True, False, False]
    assert (choice.best_epoch, choice.lowest, choice.stale) == (1, 0.4, 2)


def test_the_last_rule_takes_every_epoch_and_still_counts_epochs_without_gain() -> None:
    choice = Choice("last")
    assert [choice.offer(epoch, value) for epoch, value in enumerate([0.5, 0.6, 0.7])] == [True] * 3
    assert (choice.best_epoch, choice.stale) == (2, 2)
    unscored = Choice("last")
    assert unscored.offer(0, None)
    assert unscored.offer(1, None)
    assert (unscored.best_epoch, unscored.stale) == (1, 0)
