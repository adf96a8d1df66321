"""Where medtl keeps things on this machine, outside of runs: cache, state and user config, and what came with it.

``MEDTL_CACHE``, ``MEDTL_STATE`` and ``MEDTL_CONFIG`` name folders outright; otherwise the XDG base directories hold.
Nothing is created by asking.
"""
from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

Shipped = Literal["configs", "data_cards"]


def cache_folder() -> Path:
    """What can be computed again: preprocessed scans, simulated scans."""
    return _folder("MEDTL_CACHE", "XDG_CACHE_HOME", ".cache")


def state_folder() -> Path:
    """What is private to this user: which id stands for which file, tracebacks."""
    return _folder("MEDTL_STATE", "XDG_STATE_HOME", ".local/state")


def config_folder() -> Path:
    """The user's own settings, among them the salt that is used outside of a project."""
    return _folder("MEDTL_CONFIG", "XDG_CONFIG_HOME", ".config")


def _folder(own: str, xdg: str, default: str) -> Path:
    if named := os.environ.get(own):
        return Path(named).expanduser()
    base = os.environ.get(xdg)
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / default) / "medtl"


def shipped_folder(kind: Shipped) -> Path:
    """The configs or data cards that came with medtl: inside the installed package, or in a development checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "shipped" / kind
    return installed if installed.is_dir() else package.parent / kind
