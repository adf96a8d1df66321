"""Made-up catalogues for the data tests."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from medtl.types import Catalogue, Item

Rows = Sequence[tuple[str, str, float]]
"""(site, patient, label) per row."""


class Binary:
    """The part of a task that splits and tables need."""

    kind = "binary"
    label_names = ("finding",)

    def encode(self, raw: Sequence[str]) -> tuple[float, ...]:
        """0, 1 or blank."""
        values = []
        for cell in raw:
            if cell not in ("0", "1", ""):
                raise ValueError(f"{cell!r} is not in the vocabulary 0, 1")
            values.append(float(cell) if cell else float("nan"))
        return tuple(values)


@pytest.fixture
def binary() -> Binary:
    """A binary task without torch."""
    return Binary()


@pytest.fixture
def make_catalogue() -> Callable[..., Catalogue]:
    """Builds a catalogue from (site, patient, label) rows; options: published splits, studies, scanners."""

    def make(
        rows: Rows, *, splits: Sequence[str] = (), studies: Sequence[str] = (), scanners: Sequence[str] = (),
        names: Callable[[int], str] = "scan{}.png".format, salt: str = "",
    ) -> Catalogue:
        items = tuple(
            Item(
                row=i + 1, study=salt + (studies[i] if studies else f"study{i}"),
                patient=f"{salt}{site}:{patient}" if patient else "", site=site,
                scanner=scanners[i] if scanners else "", path=Path("root") / names(i), labels=(label,),
                split=splits[i] if splits else "",
            )
            for i, (site, patient, label) in enumerate(rows)
        )
        return Catalogue(items=items, label_names=("finding",), root=Path("root"))

    return make


@pytest.fixture
def two_sites() -> list[tuple[str, str, float]]:
    """Site a: 40 patients with two scans each, 30 % positive; site b: 30 patients with one or two, half positive."""
    rng = np.random.default_rng(3)
    rows: list[tuple[str, str, float]] = []
    for patient in range(40):
        rows += [("a", f"p{patient}", float(patient % 10 < 3))] * 2
    for patient in range(30):
        rows += [("b", f"p{patient}", float(rng.integers(2)))] * (1 + patient % 2)
    return rows
