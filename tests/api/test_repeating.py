"""Several seeds of one config: trained once each, pooled over patients and seeds, recomputed from their files."""
from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.api.hospitals import assert_doing_it_again_changes_nothing, config, medtl, own_home, pictures


def auroc(file: Path, site: str, model: str) -> tuple[float, set[str]]:
    rows = [row for row in csv.DictReader(file.read_text().splitlines())
            if (row["site"], row["split"], row["model"]) == (site, "test", model)]
    y = np.array([row["label"] == "1" for row in rows])
    return float(roc_auc_score(y, [float(row["score_1"]) for row in rows])), {row["study"] for row in rows}


def test_repeats_are_runs_of_their_own_and_pooled_from_their_files(tmp_path: Path) -> None:
    with own_home(tmp_path) as work:
        pictures(work / "data", {"north": 40, "south": 32})
        file = config(work, baseline=True)
        words = ("train", "--config", file, "--set", "evaluate.repeats=2", "--set", "evaluate.bootstrap=100")
        said = medtl(*words)
        assert said.code == 0, said.err
        run = work / "runs" / "tiny"
        told = json.loads((run / "repeats" / "repeats.json").read_text())
        assert told["seeds"] == [3, 4]
        both = [run / "predictions.csv", run / "repeats" / "seed-4" / "predictions.csv"]
        for row in told["results"]:
            found = [auroc(one, row["site"], row["model"]) for one in both]
            assert row["metrics"]["auroc"]["value"] == pytest.approx(np.mean([value for value, _ in found]), abs=1e-9)
            assert row["n"] == len(found[0][1] | found[1][1])
            assert row["seeds"] == 2
        target = next(row for row in told["comparison"]["comparisons"] if row["site"] == "south")
        assert (target["claim_about"], target["seeds"]) == ("method", 2)
        assert "Over 2 seeds and splits" in said.out
        assert_doing_it_again_changes_nothing(words, run / "repeats" / "seed-4")
