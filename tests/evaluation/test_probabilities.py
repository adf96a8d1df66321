"""Probabilities per site: recomputed from the file by hand, better where they can be, and refused where not."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn import metrics as oracle

from medtl.errors import DataError
from medtl.evaluation.probabilities import Wanted, evaluate_probabilities
from medtl.evaluation.probabilities.report import ProbabilityReport
from medtl.evaluation.probabilities.rows import TreatmentRow
from medtl.evaluation.probabilities.treatments import calibrated
from medtl.predictions import Predictions

PredictionsOf = Callable[..., Predictions]


def bolder(p: Predictions, by: float = 3.0) -> Predictions:
    positive = expit(by * logit(np.clip(p.scores[:, 1], 1e-6, 1 - 1e-6)))
    return replace(p, scores=np.stack([1 - positive, positive], axis=1), logits=None)


def report_of(p: Predictions, sites: tuple[str, ...] = ("north", "south"), **options: object) -> ProbabilityReport:
    part = p.where(np.isin(p.site, sites))
    found = evaluate_probabilities(part, bootstrap=20, **options)  # type: ignore[arg-type]
    assert found is not None
    return found


def row_of(report: ProbabilityReport, site: str, model: str, treatment: str) -> TreatmentRow:
    return next(r for r in report.treatments if (r.site, r.model, r.treatment) == (site, model, treatment))


def test_figures_are_those_of_scikit_learn_from_the_rows(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=80)
    report = report_of(p)
    for row in report.treatments:
        if row.treatment != "as answered":
            continue
        rows = p.where((p.site == row.site) & (p.model == row.model) & (p.split == "test"))
        brier = oracle.brier_score_loss(rows.labels[:, 0], rows.scores[:, 1])
        told = {e.metric: e for e in row.estimates}
        assert told["brier"].value == pytest.approx(brier, abs=1e-12)
        assert told["brier"].interval is not None
        assert told["smooth_ece"].interval is None
        assert row.parts is not None
        assert row.parts.miscalibration - row.parts.discrimination + row.parts.uncertainty == pytest.approx(brier)
        assert row.null is not None
        assert 0 < row.null[0] < row.null[1] < 0.5
        assert (row.studies, row.patients) == (80, 40)


def test_calibration_on_the_source_mends_answers_that_are_too_bold_everywhere(predictions_of: PredictionsOf) -> None:
    p = bolder(predictions_of(n=200), by=8.0)
    report = report_of(p)
    for site in ("north", "south"):
        plain = row_of(report, site, "baseline", "as answered").estimates[0].value
        for treatment in ("temperature, source validation", "platt, source validation", "isotonic, source validation"):
            assert row_of(report, site, "baseline", treatment).estimates[0].value < plain  # type: ignore[operator]


def test_labels_of_test_patients_choose_nothing(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=100)
    turned = p.labels.copy()
    test = (p.role == "target") & (p.split == "test")
    turned[test] = 1 - turned[test]
    told, again = (report_of(x) for x in (p, replace(p, labels=turned)))
    assert [r.detail for r in told.treatments] == [r.detail for r in again.treatments]
    assert [r.threshold for r in told.operating] == [r.threshold for r in again.operating]
    assert [r.bounds for r in told.sets] == [r.bounds for r in again.sets]
    assert [r.value for r in told.prevalence] == [r.value for r in again.prevalence]


def test_thresholds_state_what_was_attained(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=240)
    report = report_of(p, wanted=Wanted(sensitivity=0.9))
    assert {r.chosen_on for r in report.operating} == {"source validation", "target adapt"}
    for row in report.operating:
        rows = p.where((p.site == row.site) & (p.model == row.model) & (p.split == "test"))
        assert isinstance(row.threshold, float)
        called = rows.scores[:, 1] >= row.threshold
        assert row.sensitivity.value == pytest.approx(oracle.recall_score(rows.labels[:, 0], called))
        assert row.specificity.value == pytest.approx(oracle.recall_score(1 - rows.labels[:, 0], ~called))
    few = report_of(predictions_of(n=60)).operating
    assert all("needs 59" in str(row.threshold) for row in few if row.chosen_on == "target adapt")


def test_sets_hold_what_they_promise_or_say_why_not(predictions_of: PredictionsOf) -> None:
    for kind in ("binary", "multiclass"):
        report = report_of(predictions_of(kind, n=120), wanted=Wanted(error=0.2))
        local = [row for row in report.sets if row.calibrated_on == "target adapt"]
        assert len(local) == 2
        for row in local:
            assert all(estimate.value > 0.65 for _, estimate in row.coverage)  # type: ignore[operator]
            assert row.answered is not None
    short = report_of(predictions_of(n=30), wanted=Wanted(error=0.02))
    assert all("not attainable" in row.reason for row in short.sets)


def test_seen_labels_calibrate_nothing(predictions_of: PredictionsOf) -> None:
    report = report_of(predictions_of(n=80), wanted=Wanted(labels_seen=True))
    assert not [r for r in report.treatments if r.treatment.startswith("local")]
    assert {r.chosen_on for r in report.operating} == {"source validation"}
    assert any("took part in training" in note for note in report.notes)


def test_another_prevalence_is_found_and_corrected_and_a_moved_scale_is_refused() -> None:
    rng = np.random.default_rng(0)

    def site(name: str, role: str, split: str, n: int, share: float, lift: float = 0.0) -> list[tuple[object, ...]]:
        y = rng.random(n) < share
        odds = 2 * (2 * y - 1 + rng.normal(size=n)) + lift  # calibrated at a prevalence of one half
        return [(f"{split}{i}", name, role, split, int(a), float(expit(z)))
                for i, (a, z) in enumerate(zip(y, odds, strict=True))]

    def table(lift: float) -> Predictions:
        rows = [*site("north", "source", "val", 400, 0.5), *site("north", "source", "test", 400, 0.5),
                *site("south", "target", "test", 600, 0.1, lift)]
        study, at, role, split, label, score = (list(column) for column in zip(*rows, strict=True))
        text = {k: np.array(v, dtype=np.str_) for k, v in
                {"study": study, "patient": study, "site": at, "scanner": at, "role": role, "split": split}.items()}
        return Predictions(**text, model=np.full(len(rows), "baseline"), kind="binary", classes=("no", "yes"),
                           labels=np.array(label)[:, None], scores=np.stack([1 - np.array(score), score], axis=1))

    plain = report_of(table(0.0))
    assert plain.prevalence[0].value is not None
    assert plain.prevalence[0].value[1] == pytest.approx(0.1, abs=0.05)
    shifted, raw = (row_of(plain, "south", "baseline", t).estimates[0].value for t in ("prior shift", "as answered"))
    assert shifted < 0.8 * raw  # type: ignore[operator]
    moved = report_of(table(7.0))
    assert "not identifiable" in row_of(moved, "south", "baseline", "prior shift").detail


def test_several_labels_and_regression(predictions_of: PredictionsOf) -> None:
    report = report_of(predictions_of("multilabel", n=60, unknown=0.1))
    assert report.sets == ()
    assert {r.question for r in report.operating} == {"fluid", "mass"}
    assert {c.question for c in report.curves} == {"fluid", "mass"}


def test_calibrated_predictions_change_scores_alone(predictions_of: PredictionsOf) -> None:
    p = bolder(predictions_of(n=100))
    for method in ("temperature", "platt", "isotonic"):
        found, notes = calibrated(p, method)
        assert len(notes) == 2
        assert (found.study == p.study).all()
        assert found.scores.sum(axis=1) == pytest.approx(np.ones(len(p)))
        one, other = (oracle.brier_score_loss(x.labels[:, 0], x.scores[:, 1]) for x in (found, p))
        assert one < other
    assert calibrated(p, "none") == (p, ())
    with pytest.raises(DataError, match="isotonic"):
        calibrated(p, "isotonik")


def test_neither_row_order_nor_other_sites_change_a_figure(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=50)
    alone, whole = report_of(p), report_of(p, sites=("north", "east", "south", "west"))
    assert row_of(alone, "south", "adapted", "as answered").estimates == \
        row_of(whole, "south", "adapted", "as answered").estimates
