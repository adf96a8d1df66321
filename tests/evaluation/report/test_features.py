"""The map of the features enters the page as shapes and words only."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from medtl.errors import RunStateError
from medtl.evaluation.report.features import read_features

DATA = {"projection": "pca", "maps": [
    {"model": "adapted", "a_distance": {"south": {"value": 1.25, "low": 1.0, "high": 1.5}, "west": None}}]}


def folder(path: Path, drawing: str) -> Path:
    (path / "features.svg").write_text(drawing)
    (path / "features.json").write_text(json.dumps(DATA))
    return path


def test_shapes_and_words_stay_and_everything_else_goes(tmp_path: Path) -> None:
    found = read_features(folder(tmp_path, (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="x()"><script>alert(1)</script>'
        '<text x="1" y="2">a &lt;b&gt;</text><path d="M0 0h9" fill="#000" style="x"/><a href="http://e"><rect/></a>'
        '<image href="file:///x"/><foreignObject><p>hi</p></foreignObject></svg>')))
    assert found is not None
    assert found.picture == ('<svg viewBox="0 0 9 9"><text x="1" y="2">a &lt;b&gt;</text><path d="M0 0h9" fill="#000">'
                             "</path></svg>")
    assert found.distances == (("adapted", "south", "1.25 [1.00 to 1.50]"), ("adapted", "west", "not estimable"))


def test_none_is_none_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    assert read_features(tmp_path) is None
    with pytest.raises(RunStateError, match="damaged"):
        read_features(folder(tmp_path, "<svg"))
