"""Folders outside of runs follow MEDTL_* first, then XDG, then the home."""
from __future__ import annotations

from pathlib import Path

import pytest

from medtl.places import cache_folder, config_folder, shipped_folder, state_folder


def test_the_order_of_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTL_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("MEDTL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "medtl"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the XDG specification: relative paths are ignored
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "medtl"
    assert not (tmp_path / ".cache").exists()


def test_three_places_are_three(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({cache_folder(), state_folder(), config_folder()}) == 3


def test_configs_came_with_medtl() -> None:
    assert (shipped_folder("configs") / "chest_ct.yaml").is_file()
