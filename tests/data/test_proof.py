"""The proof of a split."""
from __future__ import annotations

import math

import numpy as np
import pytest

from medtl.data.proof import check_sizes, proof
from medtl.errors import DataError
from medtl.types import Cohort


def cohort_of(catalogue, splits: list[str], roles: list[str] | None = None) -> Cohort:
    n = len(splits)
    return Cohort(catalogue, tuple(roles or ["source"] * n), tuple(splits), np.zeros(n, dtype=np.bool_))


def test_a_planted_patient_is_caught_by_row(make_catalogue) -> None:
    catalogue = make_catalogue([("a", "p", 0.0), ("a", "q", 1.0), ("a", "p", 1.0)])
    with pytest.raises(DataError, match=r"row 3: patient a:p is in source test at a, and by row 1 in source train"):
        proof(cohort_of(catalogue, ["train", "train", "test"]))
    proof(cohort_of(catalogue, ["train", "train", "unused"]))


def test_a_study_of_an_unknown_patient_is_caught_too(make_catalogue) -> None:
    catalogue = make_catalogue([("a", "", 0.0), ("a", "", 1.0)], studies=["s", "s"])
    with pytest.raises(DataError, match="study s is in source val"):
        proof(cohort_of(catalogue, ["train", "val"]))


def test_a_patient_who_is_test_at_source_and_at_target_is_caught(make_catalogue) -> None:
    catalogue = make_catalogue([("a", "p", 0.0), ("a", "p", 1.0)])
    with pytest.raises(DataError, match="the split leaks"):
        proof(cohort_of(catalogue, ["test", "test"], ["source", "target"]))


def test_counts_are_of_studies_and_patients(make_catalogue) -> None:
    rows = [("a", "p", 0.0), ("a", "p", 1.0), ("a", "q", 1.0), ("a", "", math.nan), ("b", "p", 1.0)]
    catalogue = make_catalogue(rows, studies=["s1", "s1", "s2", "s3", "s4"])
    cohort = cohort_of(catalogue, ["train", "train", "train", "train", "adapt"], ["source"] * 4 + ["target"])
    table = [(c.site, c.split, c.name, c.studies, c.patients) for c in proof(cohort, ("no", "yes")).counts]
    assert table == [
        ("a", "train", "no", 1, 1), ("a", "train", "yes", 2, 2), ("a", "train", "unknown", 1, None),
        ("a", "train", "all", 3, None), ("b", "adapt", "yes", 1, 1), ("b", "adapt", "all", 1, 1),
    ]
    assert proof(cohort).as_dicts()[0] == {
        "site": "a", "role": "source", "split": "train", "class": "finding=0", "studies": 1, "patients": 1}


def test_a_target_of_one_class_is_no_error_since_its_labels_are_not_looked_at(make_catalogue, binary) -> None:
    rows = [("a", f"p{i}", float(i % 2)) for i in range(12)] + [("b", f"p{i}", 1.0) for i in range(4)]
    splits = ["train"] * 4 + ["val"] * 4 + ["test"] * 4 + ["adapt"] * 2 + ["test"] * 2
    cohort = cohort_of(make_catalogue(rows), splits, ["source"] * 12 + ["target"] * 4)
    assert check_sizes(cohort, binary).notes == ()
