"""Weights of source studies: effective sample size in closed form, a bar for every study, a warning where few carry."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from medtl.errors import RunStateError
from medtl.evaluation.report.weights import read_weights, weights_file


def written(run: Path, values: dict[str, list[float]], stage: str = "") -> Path:
    file = run / "stages" / stage / "weights.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{site},s{k},{w}" for site, of_site in values.items() for k, w in enumerate(of_site)]
    file.write_text("site,study,weight\n" + "\n".join(lines) + "\n")
    return file


def test_effective_size_and_histogram(tmp_path: Path) -> None:
    written(tmp_path, {"north": [1.0] * 8, "east": [2.0, 0.0]})
    found = read_weights(tmp_path)
    assert found is not None
    everyone, north, east = found.rows
    assert everyone.site == "all source sites"
    assert everyone.effective == pytest.approx(10**2 / (8 + 4))
    assert north.effective == pytest.approx(8)
    assert east.effective == pytest.approx(1)
    heights = [float(h) for h in re.findall(r'<rect [^>]*height="([\d.]+)"', found.histogram)]
    assert len(heights) == 3
    assert max(heights) / min(heights) == pytest.approx(8, rel=0.05)
    assert found.warning == ""


def test_few_that_carry_all_are_told(tmp_path: Path) -> None:
    written(tmp_path, {"north": [50.0, *[0.01] * 49]})
    found = read_weights(tmp_path)
    assert found is not None
    assert found.warning.startswith("50 studies count as 1 equally weighted")


def test_the_last_weighted_stage_counts(tmp_path: Path) -> None:
    assert weights_file(tmp_path) is None
    assert read_weights(tmp_path) is None
    first = written(tmp_path, {"north": [1.0]})
    assert weights_file(tmp_path) == first
    written(tmp_path, {"north": [1.0]}, "00-fit")
    last = written(tmp_path, {"north": [1.0]}, "01-again")
    assert weights_file(tmp_path) == last
    last.write_text("a,b\n1,2\n")
    with pytest.raises(RunStateError, match="damaged"):
        read_weights(tmp_path)
