"""The map of features: principal components against scikit-learn, A-distance of known domains, no identifiers."""
from __future__ import annotations

import importlib.util
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from medtl.errors import ConfigError
from medtl.evaluation.feature_map import known_projection, principal, write_feature_map
from medtl.evaluation.kept_features import KeptFeatures, write_features
from medtl.predictions import Predictions, write_predictions
from medtl.predictions.joined import joined


def answers(model: str, n: int = 60) -> Predictions:
    role = np.repeat(["source", "target"], n // 2)
    labels = np.arange(n) % 2
    return Predictions(
        study=np.array([f"secret{k:02d}" for k in range(n)]), patient=np.array([f"hidden{k}" for k in range(n)]),
        site=np.where(role == "source", "north", "south"), scanner=np.full(n, ""), role=role,
        split=np.where(role == "source", "val", "test"), model=np.full(n, model), kind="binary", classes=("no", "yes"),
        labels=labels[:, None], scores=np.stack([1.0 - labels, labels], axis=1).astype(float),
    )


def run_folder(folder: Path) -> Path:
    """A run whose baseline's features tell the sites apart, and whose own do not."""
    table = answers("adapted")
    write_predictions(folder / "predictions.csv", joined([table, answers("baseline")]))
    draw = np.random.default_rng(0)
    alike = draw.normal(size=(60, 6)).astype(np.float32)
    apart = alike + 5.0 * (table.role == "target")[:, None].astype(np.float32)
    (folder / "baseline").mkdir()
    write_features(folder, KeptFeatures(table.study, table.site, alike))
    write_features(folder / "baseline", KeptFeatures(table.study, table.site, apart))
    return folder


def test_principal_components_are_those_of_scikit_learn() -> None:
    rows = np.random.default_rng(2).normal(size=(40, 5)) * [3.0, 2.0, 1.0, 1.0, 0.1]
    flat, share = principal(rows)
    oracle = PCA(2).fit(rows)
    assert np.abs(flat) == pytest.approx(np.abs(oracle.transform(rows)), abs=1e-9)
    assert share == pytest.approx(oracle.explained_variance_ratio_.sum())
    assert principal(np.ones((4, 1)))[0].shape == (4, 2)


def test_before_and_after_are_drawn_and_measured_without_identifiers(tmp_path: Path) -> None:
    (line,) = write_feature_map(run_folder(tmp_path), tmp_path / "report")
    assert line.startswith("south: A-distance")
    told = json.loads((tmp_path / "report" / "features.json").read_text())
    before, after = told["maps"]
    assert (before["model"], after["model"]) == ("baseline", "adapted")
    assert before["a_distance"]["south"]["value"] == pytest.approx(2.0, abs=0.1)
    assert after["a_distance"]["south"]["value"] < 1.0
    assert len(after["points"]) == 60
    picture = (tmp_path / "report" / "features.svg").read_text()
    root = ET.fromstring(picture)
    assert root.tag.endswith("svg")
    for text in (picture, json.dumps(told)):
        assert "secret" not in text
        assert "hidden" not in text
    for word in ("north", "south", "yes", "no", "baseline", "adapted"):
        assert f">{word}" in picture
    assert len(picture) < 64_000


def test_a_run_without_features_draws_nothing(tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions.csv", answers("adapted"))
    assert write_feature_map(tmp_path, tmp_path / "report") == ()
    assert not (tmp_path / "report").exists()


@pytest.mark.skipif(importlib.util.find_spec("umap") is not None, reason="umap-learn is installed")
def test_umap_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="umap-learn"):
        write_feature_map(run_folder(tmp_path), tmp_path / "report", projection="umap")


def test_a_projection_has_a_name() -> None:
    assert known_projection("umap") == "umap"
    with pytest.raises(ConfigError, match="expected pca or umap"):
        known_projection("tsne")
