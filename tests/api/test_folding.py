"""Folds of one config: trained once each, every patient tested once, and put together from their files."""
from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.api.hospitals import assert_doing_it_again_changes_nothing, config, medtl, own_home, pictures


def rows_at(file: Path, site: str, model: str) -> list[dict[str, str]]:
    return [row for row in csv.DictReader(file.read_text().splitlines())
            if (row["site"], row["split"], row["model"]) == (site, "test", model)]


def auroc(rows: list[dict[str, str]]) -> float:
    return float(roc_auc_score([row["label"] == "1" for row in rows], [float(row["score_1"]) for row in rows]))


def test_folds_are_runs_of_their_own_that_test_every_patient_once(tmp_path: Path) -> None:
    with own_home(tmp_path) as work:
        pictures(work / "data", {"north": 40, "south": 32})
        file = config(work, baseline=True)
        words = ("train", "--config", file, "--set", "evaluate.folds=3", "--set", "evaluate.bootstrap=100",
                 "--set", "evaluate.audit=off")
        said = medtl(*words)
        assert said.code == 0, said.err
        run = work / "runs" / "tiny"
        told = json.loads((run / "folds" / "folds.json").read_text())
        files = [run / "predictions.csv", *(run / "folds" / f"fold-{k}" / "predictions.csv" for k in (1, 2))]
        assert {(row["site"], row["model"]) for row in told["results"]} == {
            (site, model) for site in ("north", "south") for model in ("adapted", "baseline")}
        for row in told["results"]:
            found = [rows_at(one, row["site"], row["model"]) for one in files]
            studies = [line["study"] for of_fold in found for line in of_fold]
            patients = [{line["patient"] for line in of_fold} for of_fold in found]
            assert len(studies) == len(set(studies)) == row["n"] == {"north": 40, "south": 32}[row["site"]]
            assert sum(map(len, patients)) == len(set.union(*patients)) == row["patients"]
            assert row["metrics"]["auroc"]["value"] == pytest.approx(np.mean([auroc(one) for one in found]), abs=1e-9)
        assert [one["site"] for one in told["comparisons"]] == ["south"]
        assert "Over 3 folds" in said.out
        assert_doing_it_again_changes_nothing(words, run / "folds" / "fold-2")


def test_folds_that_cannot_be_are_told_with_their_place(tmp_path: Path) -> None:
    with own_home(tmp_path) as work:
        pictures(work / "data", {"north": 8, "south": 8})
        file = config(work)
        for setting, words in ((("evaluate.folds=2",), "found 2, expected 3 or more"),
                               (("evaluate.folds=3", "evaluate.repeats=2"), "expected one of them"),
                               (("sites.test_fold={fold: 3, of: 3}",), "expected one from 0 to 2")):
            said = medtl("train", "--config", file, *(word for one in setting for word in ("--set", one)))
            assert said.code == 2
            assert words in said.err
