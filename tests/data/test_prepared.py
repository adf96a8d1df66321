"""Prepared arrays keep to their cohort."""
from __future__ import annotations

import numpy as np
import pytest

from medtl.data.prepared import Prepared
from medtl.data.splits import assign


def test_a_cohort_of_other_rows_is_refused(make_catalogue, two_sites) -> None:
    cohort = assign(make_catalogue(two_sites), source=["a"], target=["b"])
    prepared = Prepared.in_memory(make_catalogue(two_sites[:5]), {})
    with pytest.raises(ValueError, match=f"{len(two_sites)} rows over 5 prepared"):
        prepared.cohort(cohort)


def test_in_memory_arrays_are_given_back(make_catalogue, two_sites) -> None:
    array = np.zeros((1, 1, 4, 4), np.float32)
    prepared = Prepared.in_memory(make_catalogue(two_sites), {2: array})
    assert prepared.array(2) is array
    assert prepared.kept.sum() == 1
