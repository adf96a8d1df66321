"""Two small hospitals and the plain runs of a sweep over them."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medtl.api.sweeps import RunSpec
from medtl.config.load import load_config
from tests.api.hospitals import config, own_home, pictures


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    """A working directory of one's own with three small hospitals."""
    with own_home(tmp_path) as folder:
        pictures(folder / "data", {"north": 20, "south": 32, "east": 20})
        yield folder


@pytest.fixture
def runs(work: Path) -> Callable[..., list[RunSpec]]:
    """Makes runs of the same config that differ in their seed."""

    def made(*seeds: int, **options: str) -> list[RunSpec]:
        file = config(work, transfer="{}", **options)  # type: ignore[arg-type]
        short = ("evaluate.audit=off", "evaluate.failures=0")
        return [RunSpec(f"seed-{seed}", load_config(file, [f"train.seed={seed}", *short])) for seed in seeds]

    return made
