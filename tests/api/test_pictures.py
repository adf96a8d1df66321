"""Pictures of mistakes and of weighed studies: the right studies, small grey files, nothing that tells who they are."""
from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from medtl.api.pictures import EXTREMES, SIDE, write_pictures
from medtl.config.sections import EvaluateSection, ModelSection
from medtl.data.prepared import Prepared
from medtl.evaluation.report.pictures import read_pictures
from medtl.models.build import build_model
from medtl.models.model import Model
from medtl.predictions import Predictions, write_predictions
from medtl.tasks.classification import Classification
from medtl.types import Catalogue, Item

SECRET = "DOE^JANE"
N = 24


@pytest.fixture(scope="module")
def network() -> Model:
    task = Classification(label="blob", classes=("no", "yes"))
    section = ModelSection(backbone="test_resnet", weights="none", pooling="mean")
    return build_model(section, task=task, seed=0)


@pytest.fixture
def scans() -> Prepared:
    items = tuple(Item(k + 1, f"s{k}", f"p{k}", "north" if k < N // 2 else "south", "", Path(f"/x/{SECRET}"), (k % 2,))
                  for k in range(N))
    rng = np.random.default_rng(0)
    return Prepared.in_memory(Catalogue(items, ("blob",), Path()),
                              {k: rng.random((2, 1, 32, 32), dtype=np.float32) for k in range(N)})


def predictions(folder: Path, scans: Prepared, network: Model) -> Path:
    """What the network says, one row per study; the first half is source validation and test."""
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.stack([scans.array(k) for k in range(N)]))).numpy()
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    half = N // 2
    text = [[f"s{k}" for k in range(N)], [f"p{k}" for k in range(N)], ["north"] * half + ["south"] * half, [""] * N,
            ["source"] * half + ["target"] * half, ["val"] * (half // 2) + ["test"] * (N - half // 2), ["adapted"] * N]
    table = Predictions(*(np.array(column, dtype=np.str_) for column in text), kind="binary", classes=("no", "yes"),
                        labels=np.array([[k % 2] for k in range(N)]), scores=scores.astype(np.float64))
    write_predictions(folder / "predictions.csv", table)
    return folder / "predictions.csv"


def listed(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "thumbnails" / "pictures.json").read_text())
    return found


def test_each_mistake_has_its_picture_and_its_map(tmp_path: Path, scans: Prepared, network: Model) -> None:
    file = predictions(tmp_path, scans, network)
    write_pictures(file, scans, network, EvaluateSection(failures=2))
    found = listed(tmp_path)["failures"]
    assert found
    with file.open() as opened:
        rows = {(row["site"], row["study"]): row for row in csv.DictReader(opened)}
    for entry in found:
        row = rows[entry["site"], entry["study"]]
        assert float(row["score_yes"]) == pytest.approx(entry["score"], rel=1e-6)
        assert row["label"] == entry["truth"]
        assert row["split"] == "test"
        odds = np.log(float(row["score_yes"]) / float(row["score_no"]))
        assert entry["evidence"] == pytest.approx(odds, abs=1e-3)
        assert np.shape(entry["falls"]) == (7, 7)
        picture = Image.open(io.BytesIO((tmp_path / "thumbnails" / entry["picture"]).read_bytes()))
        assert (picture.mode, picture.size, picture.info) == ("L", (SIDE, SIDE), {})
    shown = read_pictures(tmp_path)
    assert shown is not None
    assert sum(len(answers) for *_, answers in shown.failures) == len(found)
    assert all("data:image/png;base64," in answer.overlay and "<rect" in answer.overlay
               for *_, answers in shown.failures for answer in answers)


def test_weighed_studies_are_those_of_the_ends(tmp_path: Path, scans: Prepared, network: Model) -> None:
    weights = tmp_path / "weights.csv"
    weights.write_text("site,study,weight\n" + "".join(f"north,s{k},{0.25 * k}\n" for k in range(N // 2)))
    write_pictures(predictions(tmp_path, scans, network), scans, network, EvaluateSection(failures=1), weights=weights)
    found = listed(tmp_path)["weights"]
    assert [entry["study"] for entry in found if entry["which"] == "largest"] == ["s11", "s10", "s9", "s8"][:EXTREMES]
    assert [entry["study"] for entry in found if entry["which"] == "smallest"] == ["s0", "s1", "s2", "s3"][:EXTREMES]


def test_none_are_drawn_where_none_are_wanted_and_old_ones_go(
    tmp_path: Path, scans: Prepared, network: Model
) -> None:
    file = predictions(tmp_path, scans, network)
    write_pictures(file, scans, network, EvaluateSection(failures=3))
    kept = tmp_path / "thumbnails" / "similar-7.png"
    kept.write_bytes(b"of another part")
    assert write_pictures(file, scans, network, EvaluateSection(failures=0)) is None
    assert [path.name for path in (tmp_path / "thumbnails").iterdir()] == ["similar-7.png"]
    assert read_pictures(tmp_path) is None


def test_nothing_tells_who_it_is(tmp_path: Path, scans: Prepared, network: Model) -> None:
    write_pictures(predictions(tmp_path, scans, network), scans, network, EvaluateSection(failures=2))
    for path in (tmp_path / "thumbnails").iterdir():
        assert SECRET.encode() not in path.read_bytes()
        assert str(tmp_path).encode() not in path.read_bytes()
