"""What is wrong before a scan is read."""
from __future__ import annotations

import math
from dataclasses import replace

import pytest

from medtl.data.preflight import preflight
from medtl.data.splits import assign
from medtl.errors import DataError


def test_all_missing_files_and_unlabelled_sites_at_once(make_catalogue) -> None:
    rows = [("a", f"p{i}", math.nan) for i in range(10)] + [("b", f"p{i}", 1.0) for i in range(4)]
    cohort = assign(make_catalogue(rows), source=["a"], target=["b"])
    with pytest.raises(DataError) as error:
        preflight(cohort)
    assert len(error.value.lines) == 10
    assert error.value.lines[-1] == "and 6 more"


def test_a_source_without_a_known_label_is_named(make_catalogue, tmp_path) -> None:
    rows = [("a", f"p{i}", math.nan) for i in range(10)]
    catalogue = make_catalogue(rows)
    (tmp_path / "x").touch()
    items = tuple(replace(item, path=tmp_path / "x") for item in catalogue.items)
    cohort = assign(replace(catalogue, items=items), source=["a"])
    with pytest.raises(DataError, match="a: a source site without a single known label"):
        preflight(cohort)


def test_an_empty_catalogue_is_an_error(make_catalogue) -> None:
    with pytest.raises(DataError, match="no scan takes part"):
        preflight(make_catalogue([]))
