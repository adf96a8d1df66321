"""What is said of a target's prevalence: its interval, the warning, or that it cannot be known."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.evaluation.prevalence import estimate_prevalence
from medtl.predictions import Predictions


def predictions(prevalence: float, moved: float = 0.0, n: int = 400, known: bool = True) -> Predictions:
    """Source studies with a prevalence of .3 and target studies with another one, scored by the exact posterior."""
    draw = np.random.default_rng(3)
    role = np.repeat(["source", "target"], n)
    share = np.where(role == "source", 0.3, prevalence)
    labels = (draw.random(2 * n) < share).astype(np.int64)
    x = draw.normal(2.0 * labels + np.where(role == "target", moved, 0.0), 1.0)
    odds = 0.3 / 0.7 * np.exp(2 * x - 2)
    ids = np.array([f"s{k}" for k in range(2 * n)])
    labels = labels if known else np.where(role == "target", -1, labels)
    return Predictions(
        study=ids, patient=ids, site=np.where(role == "source", "north", "south"), scanner=np.full(2 * n, ""),
        role=role,
        split=np.where(role == "source", "val", "test"), model=np.full(2 * n, "adapted"), kind="binary",
        classes=("0", "1"), labels=labels[:, None], scores=np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1),
    )


def test_another_prevalence_is_found_with_the_warning_and_without_its_labels() -> None:
    (found,) = estimate_prevalence(predictions(0.6, n=1500), (0.7, 0.3), draws=50)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low[1] <= 0.6 <= found.high[1]
    assert found.bbse is not None
    assert found.bbse[1] == pytest.approx(0.6, abs=0.12)
    assert found.differs
    assert "Invariance cannot help" in found.sentence
    blind = estimate_prevalence(predictions(0.6, n=1500, known=False), (0.7, 0.3), draws=50)
    assert blind == (found,)


def test_the_same_prevalence_carries_no_warning() -> None:
    (found,) = estimate_prevalence(predictions(0.3), (0.7, 0.3), draws=100)
    assert not found.differs
    assert "Invariance" not in found.sentence


def test_a_scanner_that_moves_scores_is_not_taken_for_a_prevalence() -> None:
    (found,) = estimate_prevalence(predictions(0.3, moved=1.0, n=1500), (0.7, 0.3), draws=10)
    assert found.value is None
    assert found.p is not None
    assert found.p < 0.05
    assert "not identifiable" in found.sentence


def test_too_few_studies_say_so() -> None:
    (found,) = estimate_prevalence(predictions(0.5, n=12), (0.7, 0.3), draws=10)
    assert found.value is None
    assert "labelled source studies" in found.sentence
