"""A package's scores are calibrated as the run's config asks, on the scale of its report, or not at all."""
from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

import medtl
from medtl.config.sections import InputSection
from medtl.data.transforms import Preprocess
from medtl.errors import IntegrityError
from medtl.evaluation.report import write_report
from medtl.export.calibration import Calibration, calibration_of, read_map
from medtl.export.package import export_run
from medtl.export.parity import StudyReader
from medtl.export.predictor import Predictor
from medtl.export.scans import scans_of
from medtl.functional.calibration import Isotonic, Platt, Temperature
from medtl.functional.measure import NotEstimable
from medtl.predictions import read_predictions
from medtl.predictions.calibrated import METHODS, ScoreMap
from medtl.run import RunFolder

Row = dict[str, str]


def _copy(trained: Any, folder: Path, method: str) -> tuple[Path, list[Row], StudyReader]:
    """The run with another config, and each of its scans once more as one of source validation, for want of studies.

    Two labels of these are turned, so that scores do not tell the classes apart. The reader finds the scans again.
    """
    run = folder / "run"
    shutil.copytree(trained.run, run, ignore=shutil.ignore_patterns("export"))
    config = (run / "config.yaml").read_text()
    assert "calibration: none" in config
    (run / "config.yaml").write_text(config.replace("calibration: none", f"calibration: {method}"))
    with (run / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    studies = list(dict.fromkeys(row["study"] for row in rows))
    more = [{**row, "study": f"again{row['study']}", "patient": f"again{row['patient']}", "site": "north",
             "role": "source", "split": "val",
             "label": str(1 - int(row["label"])) if studies.index(row["study"]) in (0, 3) else row["label"]}
            for row in rows]
    home = {("north", again["study"]): (row["site"], row["study"]) for again, row in zip(more, rows, strict=True)}
    rows += more
    with (run / "predictions.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_report(run)
    scans = scans_of(run, Preprocess(InputSection(**RunFolder(run).config_as_written()["data"]["input"])))
    return run, rows, lambda site, study: scans(*home.get((site, study), (site, study)))


def _by_hand(method: str, rows: list[Row]) -> Any:
    """The map of the positive class's score, by scikit-learn alone."""
    mine = [row for row in rows if (row["role"], row["split"]) == ("source", "val")]
    p, y = np.array([float(row["score_1"]) for row in mine]), np.array([int(row["label"]) for row in mine])
    if method == "isotonic":
        return IsotonicRegression(out_of_bounds="clip").fit(p, y).predict
    if method == "temperature":
        fit = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(logit(p)[:, None], y)
        cold = float(np.clip(fit.coef_[0, 0], 0.01, 100))
        return lambda score: expit(cold * logit(score))
    up, down = int(y.sum()), int((1 - y).sum())
    soft = np.where(y == 1, (up + 1) / (up + 2), 1 / (down + 2))
    fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(
        np.tile(logit(p), 2)[:, None], np.repeat([1, 0], len(p)), sample_weight=np.concatenate([soft, 1 - soft]))
    return lambda score: expit(fit.intercept_[0] + fit.coef_[0, 0] * logit(score))


@pytest.mark.parametrize("method", METHODS)
def test_a_package_answers_as_the_report_that_calibrates(trained: Any, tmp_path: Path, method: str) -> None:
    run, rows, read = _copy(trained, tmp_path, method)
    package = export_run(run, tmp_path / "package", read=read)
    contract = json.loads((package / "contract.json").read_text())
    assert contract["format"] == 2
    assert contract["output"]["calibration"]["method"] == method
    assert contract["output"]["calibration"]["fitted_on"] == "source validation"
    assert contract["parity"]["calibration_difference"] == 0.0
    for card in ("card.md", "card.xml"):
        assert f"calibrated after the network by {method}" in (package / card).read_text()
    medtl.predict(package, trained.scans[:3], tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open() as file:
        answered = np.array([float(row["score_1"]) for row in csv.DictReader(file)])
    plain = Predictor.open(trained.package).predict(list(trained.scans[:3]))
    raw = np.array([row.scores[1] for row in plain if row.scores is not None])
    np.testing.assert_allclose(answered, _by_hand(method, rows)(raw), atol=2e-4)
    assert np.abs(answered - raw).max() > 1e-4
    # the thresholds that the contract states are on the scale of its scores: one of its own calibrated answers
    level = next(iter(contract["thresholds"]["values"].values()))
    found = read_map(contract["output"]["calibration"])
    assert found is not None
    scans = Counter((row["site"], row["study"]) for row in rows)
    single = [[float(row["score_0"]), float(row["score_1"])] for row in rows
              if row["split"] == "val" and scans[row["site"], row["study"]] == 1]
    assert np.abs(found(np.array(single))[:, 1] - level).min() < 1e-8


def test_a_report_on_another_scale_is_not_exported(trained: Any, tmp_path: Path) -> None:
    run, _, read = _copy(trained, tmp_path, "none")
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("calibration: none", "calibration: platt"))
    with pytest.raises(IntegrityError, match="write the report anew") as caught:
        export_run(run, read=read)
    assert caught.value.exit_code == 5
    assert not (run / "export").exists()


def test_where_it_cannot_be_fitted_scores_are_the_networks_own_and_the_card_says_so(
    trained: Any, tmp_path: Path
) -> None:
    run = tmp_path / "run"  # its own validation part has too few studies
    shutil.copytree(trained.run, run, ignore=shutil.ignore_patterns("export"))
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("calibration: none", "calibration: isotonic"))
    write_report(run)
    package = export_run(run, tmp_path / "package")
    contract = json.loads((package / "contract.json").read_text())
    assert contract["format"] == 1
    assert contract["output"]["calibration"]["map"] is None
    assert "could not be fitted on source validation" in (package / "card.md").read_text()
    ours, theirs = (Predictor.open(p).predict(list(trained.scans[:2])) for p in (package, trained.package))
    assert [row.scores for row in ours] == [row.scores for row in theirs]


def test_without_a_calibration_nothing_is_said(trained: Any) -> None:
    contract = json.loads((trained.package / "contract.json").read_text())
    assert contract["format"] == 1
    assert "calibration" not in contract["output"]
    assert "## Calibration" not in (trained.package / "card.md").read_text()


@pytest.mark.parametrize("found", [
    ScoreMap("platt", "binary", ("no", "yes"), (Platt(0.25, 0.7),)),
    ScoreMap("temperature", "multiclass", ("a", "b", "c"), (Temperature(1.7),)),
    ScoreMap("isotonic", "multilabel", ("a", "b"), (Isotonic(np.array([0.1, 1 / 3]), np.array([0.0, 0.7])),
                                                    Isotonic(np.array([0.2, 0.9]), np.array([0.1, 1.0])))),
    ScoreMap("isotonic", "multiclass", ("a", "b", "c"),
             tuple(Isotonic(np.array([0.1, 0.6]), np.array([0.0, 0.9])) for _ in range(3))),
])
def test_a_map_in_the_contract_is_the_map(found: ScoreMap) -> None:
    told = json.loads(json.dumps(Calibration(found.method, found, 20).as_json()))
    again = read_map(told)
    assert again is not None
    scores = np.random.default_rng(0).dirichlet(np.ones(len(found.classes)), size=50)
    np.testing.assert_array_equal(again(scores), found(scores))
    if found.kind != "multilabel":
        np.testing.assert_allclose(again(scores).sum(axis=1), 1.0)
    assert again.sentence == found.sentence


def test_what_is_no_map_is_refused() -> None:
    assert read_map(None) is None
    assert read_map(Calibration("platt", NotEstimable("too few"), 3).as_json()) is None
    told = Calibration("platt", ScoreMap("platt", "binary", ("no", "yes"), (Platt(0.0, 1.0),)), 3).as_json()
    with pytest.raises(IntegrityError, match="calibration cannot be read"):
        read_map({**told, "map": {**told["map"], "maps": [{"intercept": 0.0}]}})


def test_none_is_asked_for_by_default(trained: Any) -> None:
    assert calibration_of({}, read_predictions(trained.run / "predictions.csv"), "adapted") is None
