"""What holds for all tests: few threads, no network, and nothing of the user's own folders is read or written."""
from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

_HOME = Path(tempfile.mkdtemp(prefix="medtl-tests-"))

for _name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
    os.environ.setdefault(f"{_name}_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")
for _name, _folder in {
    "XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config", "MPLCONFIGDIR": "matplotlib",
    "MEDTL_CACHE": "cache/medtl", "MEDTL_STATE": "state/medtl", "MEDTL_CONFIG": "config/medtl",
}.items():
    os.environ[_name] = str(_HOME / _folder)
os.environ.pop("MEDTL_DEBUG", None)
os.environ.update(HF_HUB_OFFLINE="1", NO_ALBUMENTATIONS_UPDATE="1", MPLBACKEND="agg", COLUMNS="100")


def pytest_unconfigure() -> None:
    """Removes the tests' own home."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections leave this machine in no test; gloo between processes stays possible."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and str(address[0]) not in {"127.0.0.1", "::1", "localhost"}:
            raise OSError(f"no network in tests: {address!r}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """The global generators stand where they stood in every run, whichever tests came before on this worker."""
    import random

    import numpy as np
    import torch

    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (libraries draw from it)
    torch.manual_seed(0)
