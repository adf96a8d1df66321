"""A regression from the manifest to the package, as its user meets it."""
from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.api.hospitals import config, medtl, own_home, pictures, write_manifest

SITES = {"north": 24, "south": 28}
TASK = "{name: regression, label: left}"
LABELLED = "{source: [north], target: [south], target_labels: {total: 8}}"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with own_home(tmp_path_factory.mktemp("numbers")) as folder:
        rows = pictures(folder / "data", SITES)
        draw = np.random.default_rng(0)
        for row in rows:
            row[5] = f"{50 + 20 * int(row[3]) + draw.normal():.2f}"
        rows[0][5] = ""  # unknown
        write_manifest(folder / "data", rows)
        yield folder


def predictions(run: Path) -> list[dict[str, str]]:
    with (run / "predictions.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("method", ["probe", "tradaboost_r2"])
def test_numbers_are_learned_told_and_exported(work: Path, method: str) -> None:
    family = "network: [{method: probe}]" if method == "probe" else "instances: [{method: tradaboost_r2}]"
    file = config(work, method, task=TASK, sites=LABELLED, transfer=f"{{{family}}}", baseline=method != "probe")
    said = medtl("train", "--config", file)
    assert said.code == 0, said
    assert "MAE" in said.out
    run = work / "runs" / method
    rows = predictions(run)
    assert list(rows[0])[-2:] == ["value", "predicted"]
    told = json.loads((run / "report" / "metrics.json").read_text())
    assert told["kind"] == "regression"
    here = next(r for r in told["results"] if (r["site"], r["split"], r["model"]) == ("south", "test", "adapted"))
    mine = [r for r in rows if (r["site"], r["split"], r["model"]) == ("south", "test", "adapted")]
    errors = np.array([float(r["predicted"]) - float(r["value"]) for r in mine])
    assert here["metrics"]["mae"]["value"] == pytest.approx(np.abs(errors).mean())
    assert here["metrics"]["bias"]["value"] == pytest.approx(errors.mean())
    assert here["metrics"]["mae"]["interval"] is not None
    assert np.isfinite(errors).all()
    page = (run / "report" / "index.html").read_text()
    assert "Bland and Altman" in page
    assert "<circle" in page
    table = json.loads((run / "split.json").read_text())
    assert {row["class"] for row in table} <= {"left", "all", "unknown"}
    exported = medtl("export", run)
    assert exported.code == 0, exported
    first = next(r for r in rows if r["model"] == "adapted")
    answers = work / f"{method}.csv"
    known = medtl("predict", run / "export", work / "data" / "scans", "--out", answers)
    assert known.code == 0, known
    with answers.open() as stream:
        found = {row["study"]: row for row in csv.DictReader(stream)}
    assert float(found[first["study"]]["predicted"]) == pytest.approx(float(first["predicted"]), rel=1e-5)


def test_what_is_for_classes_is_refused_before_the_first_epoch(work: Path) -> None:
    file = config(work, "wrong", task=TASK, sites=LABELLED, transfer="{instances: [{method: tradaboost}]}")
    said = medtl("train", "--config", file)
    assert said.code == 2
    assert "tradaboost is for binary and multiclass tasks, found a regression task" in said.err
    said = medtl("train", "--config", config(work, "words", task="{name: regression, label: grade}"))
    assert said.code == 3
    assert "is no finite number" in said.err
