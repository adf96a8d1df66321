"""Subgroups: figures from the file by hand, a planted difference found, none on a null, and few patients not scored."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medtl.evaluation.subgroups import evaluate_subgroups, read_traits
from medtl.predictions import Predictions
from tests.evaluation.duels import Hospital

PredictionsOf = Callable[..., Predictions]


def by_patient(p: Predictions, values: tuple[str, ...]) -> dict[tuple[str, str], dict[str, str]]:
    number = [int(name[1:]) if name[1:].isdigit() else int(name[len("ptest"):]) for name in p.patient.tolist()]
    return {(site, study): {"sex": values[n % len(values)]}
            for site, study, n in zip(p.site.tolist(), p.study.tolist(), number, strict=True)}


def test_a_subgroup_s_auroc_is_that_of_its_rows(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=80)
    p = p.where(p.split == "test")
    traits = by_patient(p, ("F", "M"))
    report = evaluate_subgroups(p, traits, threshold=0.5, bootstrap=50)
    assert report is not None
    assert {g.trait for g in report.groups} == {"sex"}  # one scanner a site splits nothing
    for group in report.groups:
        sex = np.array([traits[key]["sex"] for key in zip(p.site.tolist(), p.study.tolist(), strict=True)])
        rows = p.where((p.site == group.site) & (p.model == group.model) & (sex == group.value))
        assert (group.studies, group.patients) == (40, 20)
        assert group.estimates[0].value == pytest.approx(roc_auc_score(rows.labels[:, 0], rows.scores[:, 1]))
    assert len(report.tests) == 8
    assert "by chance" in report.notes[0]


def test_a_model_that_fails_on_one_scanner_is_found_and_one_that_does_not_is_not() -> None:
    rng = np.random.default_rng(0)
    for worse, found in ((0.1, True), (2.0, False)):
        good, bad = Hospital(150, 2.0, 2.0).draw(rng), Hospital(150, worse, worse).draw(rng)
        both = Predictions(**{
            **{name: np.concatenate([getattr(good, name), getattr(bad, name)])
               for name in ("site", "role", "split", "model", "labels", "scores")},
            "study": np.r_[good.study, np.char.add("b", bad.study)],
            "patient": np.r_[good.patient, np.char.add("b", bad.patient)],
            "scanner": np.r_[np.full(len(good), "A"), np.full(len(bad), "B")],
        }, kind="binary", classes=good.classes)
        report = evaluate_subgroups(both, {}, threshold=0.5, bootstrap=20)
        assert report is not None
        p = {test.model: test.p_adjusted for test in report.tests}
        assert (p["adapted"] < 0.05) is found  # type: ignore[operator]


def test_few_patients_are_named_and_not_scored(predictions_of: PredictionsOf) -> None:
    p = predictions_of(n=40)
    p = p.where(p.split == "test")
    report = evaluate_subgroups(p, by_patient(p, ("a", "b", "c", "d")), threshold=0.5, bootstrap=20)
    assert report is not None
    assert all(e.value is None and "needs 10" in e.reason for g in report.groups for e in g.estimates)
    assert all(test.p_adjusted is None for test in report.tests)


def test_nothing_to_split_by_is_no_report(predictions_of: PredictionsOf, tmp_path: Path) -> None:
    p = predictions_of(n=20)
    assert evaluate_subgroups(p, {}, threshold=0.5) is None
    assert evaluate_subgroups(replace(p, scanner=np.array([f"s{i}" for i in range(len(p))])), {}) is None
    assert read_traits(tmp_path / "traits.csv") == {}


def test_traits_are_read_by_site_and_study(tmp_path: Path) -> None:
    (tmp_path / "traits.csv").write_text("site,study,sex,age\nnorth,s1,F,40-49\nsouth,s1,,50-59\n")
    assert read_traits(tmp_path / "traits.csv") == {
        ("north", "s1"): {"sex": "F", "age": "40-49"}, ("south", "s1"): {"sex": "", "age": "50-59"}}
