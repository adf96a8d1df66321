"""Per-site figures: recomputed with scikit-learn alone, blind to order, honest where there is nothing to say."""
from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as oracle

from medtl.errors import DataError
from medtl.evaluation.site_report import SiteReport
from medtl.evaluation.sites import evaluate_sites
from medtl.predictions import Predictions, read_predictions, write_predictions

PredictionsOf = Callable[..., Predictions]


def youden(labels: np.ndarray, scores: np.ndarray) -> float:
    """By search over every score with exact counts, the highest of the best."""
    positives, negatives = int(labels.sum()), int((1 - labels).sum())
    hits = {s: int(labels[scores >= s].sum()) * negatives - int((1 - labels)[scores >= s].sum()) * positives
            for s in scores.tolist()}
    return max(s for s, value in hits.items() if value == max(hits.values()))


def independent_figures(path: Path) -> dict[tuple[str, str, str, str], dict[str, float]]:
    """Everything from the file with the csv module and scikit-learn."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"]]
    names = [name.removeprefix("score_") for name in rows[0] if name.startswith("score_")]
    out = {}
    for key in sorted({(r["site"], r["role"], r["split"], r["model"]) for r in rows}):
        def column(chosen: list[dict[str, str]]) -> tuple[np.ndarray, np.ndarray]:
            return (np.array([int(r["label"] == names[1]) for r in chosen]),
                    np.array([float(r["score_" + names[1]]) for r in chosen]))

        y, s = column([r for r in rows if (r["site"], r["role"], r["split"], r["model"]) == key])
        cut = youden(*column([r for r in rows if (r["role"], r["split"], r["model"]) == ("source", "val", key[3])]))
        out[key] = {
            "auroc": oracle.roc_auc_score(y, s), "average_precision": oracle.average_precision_score(y, s),
            "balanced_accuracy": oracle.balanced_accuracy_score(y, s >= cut),
            "sensitivity": oracle.recall_score(y, s >= cut), "specificity": oracle.recall_score(1 - y, s < cut),
            "brier": oracle.brier_score_loss(y, s), "n": len(y), "n_positive": int(y.sum()), "threshold": cut,
        }
    return out


def test_every_figure_equals_an_independent_computation_from_the_file(
    tmp_path: Path, predictions_of: PredictionsOf
) -> None:
    path = tmp_path / "predictions.csv"
    write_predictions(path, predictions_of(n=50, unknown=0.1))
    told = evaluate_sites(read_predictions(path), bootstrap=0).as_json()
    expected = independent_figures(path)
    found = {(r["site"], r["role"], r["split"], r["model"]): r for r in told["results"] if not r["pooled"]}
    assert found.keys() == expected.keys()
    cuts = {t["model"]: t["values"]["nodule"] for t in told["thresholds"]}
    for key, figures in expected.items():
        assert (found[key]["n"], found[key]["n_positive"]) == (figures["n"], figures["n_positive"])
        assert cuts[key[3]] == figures["threshold"]
        for name, metric in found[key]["metrics"].items():
            assert metric["value"] == pytest.approx(figures[name], abs=1e-12)
    for comparison in told["comparisons"][:2]:
        pair = [expected[comparison["site"], "target", "test", model]["auroc"] for model in ("adapted", "baseline")]
        assert comparison["value"] == pytest.approx(pair[0] - pair[1], abs=1e-12)
    for model, worst in ((w["model"], w["site"]) for w in told["worst"]):
        values = {site: expected[site, "target", "test", model]["auroc"] for site in ("south", "west")}
        assert worst == min(values, key=lambda site: values[site])


def test_several_classes_and_labels_equal_scikit_learn(predictions_of: PredictionsOf) -> None:
    for kind in ("multiclass", "multilabel"):
        p = predictions_of(kind, n=60)
        result = evaluate_sites(p, bootstrap=0).select(split="test", model="adapted", role="target", pooled=False)[0]
        rows = p.where((p.site == result.site) & (p.split == "test") & (p.model == "adapted"))
        y = rows.labels if kind == "multilabel" else rows.labels[:, 0]
        options = {} if kind == "multilabel" else {"multi_class": "ovr"}
        area = oracle.roc_auc_score(y, rows.scores, **options)
        assert result.estimate("auroc").value == pytest.approx(area, abs=1e-9)
        if kind == "multiclass":
            expected = oracle.balanced_accuracy_score(y, rows.scores.argmax(axis=1))
            assert result.estimate("balanced_accuracy").value == pytest.approx(expected, abs=1e-12)
        assert [part.name for part in result.parts] == list(p.classes)


def figures(report: SiteReport) -> str:
    return json.dumps(report.as_json(), sort_keys=True, allow_nan=False)


def test_another_salt_changes_no_figure(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=40)
    again = {name: np.array([f"{hash((name, text)):x}" for text in getattr(p, name)]) for name in ("study", "patient")}
    assert figures(evaluate_sites(replace(p, **again), bootstrap=50)) == figures(evaluate_sites(p, bootstrap=50))


def test_other_sites_do_not_change_a_sites_interval(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=40)
    alone = evaluate_sites(p.where(p.site != "west"), bootstrap=50).select(split="test", pooled=False)
    whole = [r for r in evaluate_sites(p, bootstrap=50).select(split="test", pooled=False) if r.site != "west"]
    assert list(alone) == whole


def test_one_class_is_not_estimable_and_says_where(predictions_of: PredictionsOf) -> None:
    report = evaluate_sites(predictions_of(n=40, one_class="west"), bootstrap=50)
    west = next(r for r in report.select(split="test", model="adapted", pooled=False) if r.site == "west")
    assert west.estimate("auroc").value is None
    assert west.estimate("auroc").reason == "one class at west"
    assert west.estimate("specificity").value is not None
    assert ("adapted", "south") in report.worst
    assert [c.verdict for c in report.comparisons if c.site == "west"] == ["not estimable (one class at west)"]
    assert "NaN" not in figures(report)


def test_no_validation_means_no_threshold_and_the_reason_says_so(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=30)
    report = evaluate_sites(p.where(p.split != "val"), bootstrap=0)
    estimate = report.select(split="test")[0].estimate("sensitivity")
    assert estimate.value is None
    assert "source validation" in estimate.reason


def test_a_fixed_threshold_is_used_as_given(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=40)
    report = evaluate_sites(p, bootstrap=0, threshold=0.7)
    result = report.select(split="test", role="target", model="baseline", pooled=False)[0]
    rows = p.where((p.site == result.site) & (p.split == "test") & (p.model == "baseline"))
    expected = oracle.recall_score(rows.labels[:, 0], rows.scores[:, 1] >= 0.7)
    assert result.estimate("sensitivity").value == pytest.approx(expected, abs=1e-12)


def test_identical_models_are_called_identical(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=40, models=("adapted",))
    both = replace(p, **{
        name: np.concatenate([getattr(p, name)] * 2)
        for name in ("study", "patient", "site", "scanner", "role", "split", "labels", "scores", "logits")
    }, model=np.repeat(["adapted", "baseline"], len(p)))
    verdicts = {c.verdict for c in evaluate_sites(both, bootstrap=50).comparisons}
    assert verdicts == {"no difference: identical scores"}


def test_gain_and_negative_transfer_are_named(predictions_of: PredictionsOf) -> None:
    for gain, verdict in ((3.0, "gain"), (0.2, "negative transfer")):
        report = evaluate_sites(predictions_of(n=150, gain=gain), bootstrap=200)
        assert {c.verdict for c in report.comparisons} == {verdict}


def test_models_on_different_studies_are_not_compared(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=30)
    report = evaluate_sites(p.where((p.model == "adapted") | (p.study != "stest3")), bootstrap=0)
    assert all("different studies" in c.verdict for c in report.comparisons)


def test_unknown_patients_are_said(predictions_of: PredictionsOf) -> None:
    report = evaluate_sites(predictions_of(n=30, nameless=True), bootstrap=20)
    assert report.results[0].patients == report.results[0].studies
    assert any("patients are unknown" in note for note in report.notes)


def test_too_few_patients_have_a_value_and_no_interval(predictions_of: PredictionsOf) -> None:
    estimate = evaluate_sites(predictions_of(n=8), bootstrap=50).select(split="test")[0].estimate("auroc")
    assert estimate.interval is None
    assert "an interval needs 5" in estimate.reason


def test_what_cannot_be_evaluated_is_refused(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=10)
    with pytest.raises(DataError, match="neither youden nor a number"):
        evaluate_sites(p, threshold="best")
    with pytest.raises(DataError, match="no predictions"):
        evaluate_sites(p.where(np.zeros(len(p), dtype=bool)))
    regression = replace(p, kind="regression", classes=(), labels=p.scores[:, :1], scores=p.scores[:, :1], logits=None)
    with pytest.raises(DataError, match="regression"):
        evaluate_sites(regression)
