"""A home of one's own for each test of the verbs: nothing it notes or trains is seen by another."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.hospitals import own_home


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    """An empty working directory with its own state and salt."""
    with own_home(tmp_path) as folder:
        yield folder
