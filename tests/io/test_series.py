"""What a reader says of a series can be logged: no path, UID or identifier is in its print."""
from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest

from medtl.io.reasons import Reason
from medtl.io.series import Dropped, Identity, Scanner, Series
from medtl.io.volume import Volume

SECRETS = ("Doe", "1.2.826", "A-77", "19700101", "/data", "feedface")


def _series() -> Series:
    identity = Identity("1.2.826.1", "1.2.826.2", "1.2.826.3", ("1.2.826.4",), "Doe", "A-77", "19700101")
    return Series(
        "repaired", (Reason.DUPLICATE_DROPPED,), Volume(np.zeros((2, 2, 1), np.float32), np.eye(4), (1, 1, None), "HU"),
        Scanner(manufacturer="ACME"), (1, 1, None), (Path("/data/Doe/1"),), ("a copy was dropped",),
        dropped=(Dropped(Path("/data/Doe/2"), Reason.DUPLICATE_DROPPED),), digests=("feedface",), identity=identity,
        affine_lps=np.eye(4))


def test_print_says_the_verdict_and_names_nobody() -> None:
    shown = repr(_series()) + str(_series()) + f"{[_series()]}"
    assert "repaired" in shown
    assert "ACME" in shown
    assert not [secret for secret in SECRETS if secret in shown]


def test_every_field_of_the_identity_is_left_out_of_print() -> None:
    assert [each.name for each in fields(Identity) if each.repr] == []
    assert [each.name for each in fields(Scanner) if each.default is not None] == []  # absent unless stated


def test_nothing_can_be_changed_in_place() -> None:
    series = _series()
    with pytest.raises(FrozenInstanceError):
        series.verdict = "use"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        series.scanner.model = "Two"  # type: ignore[misc]
