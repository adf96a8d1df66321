"""`medtl compare` as its user meets it: on run folders, with files, and with lines instead of tracebacks."""
from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from medtl.predictions import Predictions, write_predictions
from tests.api.hospitals import medtl
from tests.evaluation.duels import Hospital


def finished(folder: Path, p: Predictions, *, method: str = "dan", seed: int = 0, card: str = "hospitals") -> Path:
    folder.mkdir(parents=True)
    write_predictions(folder / "predictions.csv", p)
    (folder / "config.yaml").write_text(
        f"data: {{card: {card}}}\ntransfer: {{mapping: [{{method: {method}}}]}}\n"
        f"train: {{seed: {seed}, selection: source_validation}}\nevaluate: {{threshold: 0.5}}\n"
    )
    (folder / "DONE").write_text("finished\n")
    return folder


@pytest.fixture
def p() -> Predictions:
    return Hospital(80, 2.2, 1.0).draw(np.random.default_rng(0))


def test_one_run_is_compared_with_its_baseline_and_written(tmp_path: Path, p: Predictions) -> None:
    run, out = finished(tmp_path / "run", p), tmp_path / "out"
    said = medtl("compare", run, "--metric", "auroc", "--metric", "brier", "--margin", "0.02", "--out", out,
                 "--bootstrap", "200")
    assert said.code == 0, said.err
    told = json.loads((out / "compare.json").read_text())
    rows = list(csv.DictReader((out / "compare.csv").read_text().splitlines()))
    assert [row["metric"] for row in rows] == ["auroc", "brier"]
    assert told["rule"] == {"margin": 0.02, "direction": "either", "alpha": 0.05, "correction": "Holm", "power": 0.8}
    for row, object_ in zip(rows, told["comparisons"], strict=True):
        assert float(row["difference"]) == object_["value"]
        assert [float(row["low"]), float(row["high"])] == object_["interval"]
        assert row["sentence"] in said.out
        assert row["claim_about"] == "model"
    assert rows[0]["verdict"] == "gain"
    assert "nothing is claimed of other hospitals" in said.out
    assert "selected by: source_validation" in said.out
    assert str(tmp_path) not in (out / "compare.json").read_text()


def test_the_first_run_is_the_reference_unless_another_is_named(tmp_path: Path, p: Predictions) -> None:
    good = finished(tmp_path / "good", p.where(p.model == "adapted"))
    bad = finished(tmp_path / "bad", p.where(p.model == "baseline"), method="coral")
    for words, verdict in (([good, bad], "negative transfer"), ([good, bad, "--against", "bad"], "gain")):
        said = medtl("compare", *words, "--out", tmp_path / verdict)
        assert said.code == 0, said.err
        assert json.loads((tmp_path / verdict / "compare.json").read_text())["comparisons"][0]["verdict"] == verdict


def test_mistakes_are_lines(tmp_path: Path, p: Predictions) -> None:
    run = finished(tmp_path / "run", p)
    unfinished = finished(tmp_path / "unfinished", p, method="coral")
    (unfinished / "DONE").unlink()
    other = finished(tmp_path / "other", p, method="coral", card="elsewhere")
    fewer = finished(tmp_path / "fewer", p.where(p.study != "s3"), method="coral")
    for words, code, line in (
        ([run, unfinished], 3, "unfinished"), ([run, other], 3, "compare runs of one card"),
        ([run, fewer], 3, "the same studies"), ([run, "--margin", "-1"], 2, "--margin"),
        ([run, "--metric", "aurok"], 2, "auroc"), ([run, tmp_path / "nowhere"], 3, "no such run"),
        ([run, "--direction", "up"], 2, "direction"),
    ):
        said = medtl("compare", *words)
        assert (said.code, line in said.err) == (code, True), said.err
        assert "Traceback" not in said.err
