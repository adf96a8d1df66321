"""Groups found without labels: recovered where they are there, no more than chance where they are not."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.functional.grouping import OUTSIDE, agreement, axes, density_groups, mean_groups, purity


def blobs(seed: int = 0, apart: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    x = draw.normal(size=(100, 12))
    x[:, [0, 2]] += apart * (labels == 1)[:, None]
    x[:, [1, 3]] += apart * (labels == 2)[:, None]
    return x, labels


def test_groups_that_are_there_are_found_and_numbered_by_size() -> None:
    x, labels = blobs()
    rows = axes(x[:, :4])
    for groups in (density_groups(rows, 8), mean_groups(rows)):
        inside = groups != OUTSIDE
        assert inside.mean() > 0.8
        assert agreement(groups[inside], labels[inside], draws=0).ari > 0.95
        counts = np.bincount(groups[inside])
        assert (np.diff(counts) <= 0).all()
    assert len(np.unique(mean_groups(rows, 2))) == 2


def test_agreement_stands_beside_what_chance_gives() -> None:
    draw = np.random.default_rng(0)
    labels = np.repeat([0, 1], 40)
    known = agreement(labels.copy(), labels)
    assert (known.ari, known.nmi, known.purity) == (1.0, 1.0, 1.0)
    assert known.p_value == pytest.approx(1 / 201)
    values = [agreement(draw.integers(0, 8, 80), labels, draws=40).p_value for _ in range(40)]
    assert 0.25 < np.mean(values) < 0.75
    many = agreement(np.arange(80), labels)
    assert many.purity == 1.0
    assert many.null_purity == 1.0  # alone it would look perfect


def test_patients_keep_together_under_the_null() -> None:
    labels = np.repeat([0, 1], 40)
    patients = [f"p{k // 10}" for k in range(80)]
    groups = np.repeat([0, 1, 0, 1, 1, 1, 0, 1], 10)  # of patients, not of studies
    loose = agreement(groups, labels, draws=400)
    held = agreement(groups, labels, blocks=patients, draws=400)
    assert loose.p_value < 0.2
    assert held.p_value > loose.p_value


def test_purity_by_hand() -> None:
    assert purity(np.array([0, 0, 0, 1, 1]), np.array(["a", "a", "b", "b", "b"])) == pytest.approx(0.8)
