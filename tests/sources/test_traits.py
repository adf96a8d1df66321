"""Traits: coarse, clean, and nothing that could identify."""
from __future__ import annotations

import pytest

from medtl.sources.traits import thickness_band, traits_of_cells


@pytest.mark.parametrize(("cells", "told"), [
    ({"sex": "female", "age": "47"}, (("sex", "F"), ("age", "40-49"))),
    ({"age": "93.5"}, (("age", "90+"),)),
    ({"age": "40 - 49", "view": "PA"}, (("age", "40-49"), ("view", "PA"))),
    ({"age": "1971-03-02", "sex": "?", "kernel": ""}, ()),
    ({"manufacturer": "ACME 3000", "slice_thickness": "1.25"}, (("manufacturer", "ACME 3000"),
                                                              ("slice_thickness", "up to 1.5 mm"))),
    ({"kernel": "123456789"}, ()),
    ({"name": "Doe^Jane", "patient": "p1"}, ()),
])
def test_cells_become_bands_or_nothing(cells: dict[str, str], told: tuple[tuple[str, str], ...]) -> None:
    assert traits_of_cells(cells) == told


def test_thicknesses_have_three_bands() -> None:
    assert [thickness_band(mm) for mm in (0.6, 1.5, 2.0, 3.0, 5.0)] == [
        "up to 1.5 mm", "up to 1.5 mm", "up to 3 mm", "up to 3 mm", "above 3 mm"]
