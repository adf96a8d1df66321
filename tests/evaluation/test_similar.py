"""Nearest studies by bits and by features, against a plain loop; what cannot be asked for says so."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medtl.errors import DataError, RunStateError
from medtl.evaluation.kept_features import KeptFeatures, read_features, write_features
from medtl.evaluation.similar import similar_studies
from medtl.predictions import Predictions


def answers(n: int = 30) -> Predictions:
    """Studies of three hospitals, two a patient."""
    labels = np.arange(n) % 2
    return Predictions(
        study=np.array([f"s{k:02d}" for k in range(n)]), patient=np.array([f"p{k // 2}" for k in range(n)]),
        site=np.array(["north", "east", "south"])[np.arange(n) // 2 % 3], scanner=np.array(["x"] * n),
        role=np.where(np.arange(n) // 2 % 3 == 2, "target", "source"), split=np.array(["test"] * n),
        model=np.array(["adapted"] * n), kind="binary", classes=("no", "yes"), labels=labels[:, None],
        scores=np.stack([1.0 - labels, labels], axis=1).astype(float),
    )


def kept(codes: bool) -> KeptFeatures:
    table, values = answers(), np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    order = np.random.default_rng(1).permutation(30)  # of its own: the join is by site and study
    return KeptFeatures(table.study[order], table.site[order], values[order], codes)


def test_codes_are_compared_bit_by_bit() -> None:
    table, features = answers(), kept(codes=True)
    found = similar_studies(features, table, "s04", count=28)
    rows = features.of(table.site, table.study)
    expected = {f"s{k:02d}": sum((rows[k] >= 0) != (rows[4] >= 0)) for k in range(30) if k not in (4, 5)}
    assert {one.study: one.distance for one in found.found} == expected
    assert [one.distance for one in found.found] == sorted(expected.values())
    assert found.by == "bits of 8"
    assert found.query.distance == 0


def test_features_are_compared_by_the_cosine_of_standardised_columns() -> None:
    table, features = answers(), kept(codes=False)
    rows = features.of(table.site, table.study).astype(float)
    z = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    for one in similar_studies(features, table, "s07", count=28).found:
        k = int(one.study[1:])
        cosine = z[k] @ z[7] / np.sqrt((z[k] @ z[k]) * (z[7] @ z[7]))
        assert one.distance == pytest.approx(1 - cosine)
        assert (one.site, one.label) == (table.site[k], ("no", "yes")[k % 2])


def test_so_many_at_every_hospital_and_never_the_same_patient() -> None:
    found = similar_studies(kept(codes=False), answers(), "s04", count=2, per_site=True).found
    assert [one.site for one in found] == ["north", "north", "east", "east", "south", "south"]
    assert "s05" not in {one.study for one in found}


def test_a_study_that_is_not_there_is_answered_with_the_nearest_id() -> None:
    with pytest.raises(DataError, match=r"s4x: no such study.*30"):
        similar_studies(kept(codes=False), answers(), "s4x")
    with pytest.raises(DataError, match="at 'east'"):
        similar_studies(kept(codes=False), answers(), "s00", site="east")


def test_kept_features_come_back_and_damage_is_told(tmp_path: Path) -> None:
    assert read_features(tmp_path) is None
    features = kept(codes=True)
    write_features(tmp_path, features)
    again = read_features(tmp_path)
    assert again is not None
    assert again.codes
    (tmp_path / "other").mkdir()
    write_features(tmp_path / "other", again)
    first, second = (folder / "features.safetensors" for folder in (tmp_path, tmp_path / "other"))
    assert first.read_bytes() == second.read_bytes()
    assert (again.values == features.values).all()
    assert (again.study == features.study).all()
    file = tmp_path / "features.safetensors"
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(RunStateError, match="damaged"):
        read_features(tmp_path)
