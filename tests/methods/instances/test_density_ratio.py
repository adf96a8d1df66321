"""Density ratio against the closed form of two Gaussians, and against what it must not read or be fooled by."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medtl.functional.weighting import effective_sample_size
from medtl.methods.instances.density_ratio import DensityRatio
from medtl.types import Role, Table


def table(source: int, target: int, *, shift: float, width: int = 2, seed: int = 0, scans: int = 1) -> Table:
    draw = np.random.default_rng(seed)
    n = source + target
    features = draw.normal(size=(n // scans, width)).repeat(scans, axis=0).astype(np.float32)
    role: tuple[Role, ...] = ("source",) * source + ("target",) * target
    features[source:, 0] += shift
    return Table(
        study=tuple(f"s{i}" for i in range(n)), patient=tuple(f"p{i // scans}" for i in range(n)),
        site=tuple("a" if r == "source" else "b" for r in role), role=role,
        split=tuple("train" if r == "source" else "adapt" for r in role), labels=np.zeros((n, 1), np.float32),
        hidden=np.array([r == "target" for r in role]), features=features,
    )


def test_weights_follow_the_true_ratio_of_two_gaussians() -> None:
    of = table(600, 400, shift=1.0)
    weights = DensityRatio(clip=100.0).weigh(of)[:600]
    true = np.exp(of.features[:600, 0] - 0.5)  # N(1, 1) over N(0, 1)
    assert np.corrcoef(np.log(weights), np.log(true))[0, 1] > 0.97
    np.testing.assert_allclose(np.median(weights / (true / true.mean())), 1.0, atol=0.15)


def test_weights_have_mean_one_are_bounded_and_leave_the_target_alone() -> None:
    of = table(80, 40, shift=3.0)
    weights = DensityRatio(clip=4.0).weigh(of)
    assert weights[:80].mean() == pytest.approx(1.0, abs=1e-5)
    assert weights[:80].max() / weights[:80].min() <= 16.0 + 1e-3
    assert (weights[80:] == 1).all()


def test_no_shift_leaves_nearly_all_of_the_evidence_even_with_more_features_than_studies() -> None:
    weights = DensityRatio().weigh(table(60, 60, shift=0.0, width=300))[:60]
    assert effective_sample_size(weights) > 50


def test_scans_of_one_patient_do_not_vouch_for_each_other() -> None:
    weights = DensityRatio().weigh(table(80, 80, shift=0.0, width=200, scans=4))[:80]
    assert effective_sample_size(weights) > 65  # a classifier that had seen the patient's other scans would be sure


def test_labels_and_names_change_nothing() -> None:
    of = table(40, 30, shift=1.0)
    draw = np.random.default_rng(1)
    renamed = replace(
        of, labels=draw.integers(0, 2, of.labels.shape).astype(np.float32), study=tuple(f"x{k}" for k in range(70)),
        patient=tuple(f"q{99 - k}" for k in range(70)),
    )
    assert np.array_equal(DensityRatio().weigh(of), DensityRatio().weigh(renamed))


def test_a_handful_of_patients_gives_equal_weights() -> None:
    of = table(4, 4, shift=5.0)
    one = replace(of, patient=("a", "a", "a", "a", "b", "b", "b", "b"))
    np.testing.assert_allclose(DensityRatio().weigh(one), 1.0)


def test_constant_features_give_equal_weights() -> None:
    of = table(10, 10, shift=0.0)
    np.testing.assert_allclose(DensityRatio().weigh(replace(of, features=np.ones_like(of.features))), 1.0, rtol=1e-5)
