"""The product of weights, and what it says of itself."""
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from toy_cohort import QUICK, cohort, loader, run, small_model

from medtl.errors import ConfigError
from medtl.methods.base import Method
from medtl.methods.instances.density_ratio import DensityRatio
from medtl.training.device import open_device
from medtl.training.extract import extract
from medtl.training.files import read_json
from medtl.training.weights import study_weights, summary
from medtl.types import Table


@dataclass(frozen=True)
class Gives(Method):
    """Any weights."""

    what: tuple[float, ...]

    def weigh(self, table: Table) -> NDArray[np.float32]:
        return np.resize(np.array(self.what, np.float32), len(table) if len(self.what) != 3 else 3)


@pytest.fixture(scope="module")
def table() -> Table:
    return extract(small_model(), loader(cohort()), open_device(QUICK))


def test_products_have_mean_one_over_the_source(table: Table) -> None:
    weights = study_weights([Gives((1.0, 2.0)), Gives((3.0, 1.0))], ["a", "b"], table)
    assert weights is not None
    assert weights[table.is_source].mean() == pytest.approx(1.0)
    assert weights[0] / weights[1] == pytest.approx(1.5)
    assert study_weights([Method()], ["a"], table) is None


@pytest.mark.parametrize("bad", [(1.0, 2.0, 3.0), (-1.0,), (float("nan"),), (0.0,)])
def test_impossible_weights_are_told_by_method(bad: tuple[float, ...], table: Table) -> None:
    with pytest.raises(ConfigError, match="mine"):
        study_weights([Gives(bad)], ["mine"], table)


def test_the_run_says_what_is_left_of_the_evidence(tmp_path: Path, table: Table) -> None:
    run(tmp_path, [DensityRatio()], train=replace(QUICK, epochs=1))
    said = read_json(tmp_path / "stages" / "weights.json")
    assert set(said["sites"]) == {"north", "east"}
    assert said["all"]["studies"] == sum(site["studies"] for site in said["sites"].values())
    assert 1 <= said["all"]["effective"] <= said["all"]["studies"]
    assert said["all"]["mean"] == pytest.approx(1.0, abs=1e-5)
    of = summary(np.ones(len(table), np.float32), table)
    assert of["all"]["effective"] == of["all"]["studies"] == int(table.is_source.sum())
