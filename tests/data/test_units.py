"""What a split may not divide."""
from __future__ import annotations

import math

from medtl.data.units import signature, units_of


def test_rows_of_a_patient_stand_together_and_unknown_patients_by_study(make_catalogue) -> None:
    rows = [("a", "p", 0.0), ("a", "", 1.0), ("a", "p", 1.0), ("a", "", 0.0), ("a", "", 1.0)]
    catalogue = make_catalogue(rows, studies=["s1", "s2", "s3", "s4", "s2"])
    assert [unit.rows for unit in units_of(catalogue, range(5))] == [(0, 2), (1, 4), (3,)]
    assert [bool(unit.patient) for unit in units_of(catalogue, range(5))] == [True, False, False]


def test_signature_holds_every_known_value_once(make_catalogue) -> None:
    catalogue = make_catalogue([("a", "p", 1.0), ("a", "p", 0.0), ("a", "p", math.nan), ("a", "q", math.nan)])
    mixed, unknown = units_of(catalogue, range(4))
    assert signature(mixed, catalogue.labels) == ((0.0, 1.0),)
    assert signature(unknown, catalogue.labels) == ((),)
