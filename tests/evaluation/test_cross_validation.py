"""Folds together: means of the folds' figures by scikit-learn, and intervals that hold as often as they say."""
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm
from sklearn import metrics as oracle

from medtl.errors import DataError
from medtl.evaluation.cross_validation import CrossValidated, cross_validate
from medtl.predictions import Predictions

PredictionsOf = Callable[..., Predictions]


def test_every_figure_is_the_mean_of_the_folds(predictions_of: PredictionsOf) -> None:
    folds = [renamed(predictions_of(n=60, seed=k), k) for k in range(3)]
    found = cross_validate(folds, bootstrap=200)
    assert len(found.rows) == 8
    for row in found.rows:
        parts = [p.where((p.site == row.site) & (p.model == row.model) & (p.split == "test")) for p in folds]
        told = {e.metric: e for e in row.estimates}
        areas = [float(oracle.roc_auc_score(p.labels[:, 0], p.scores[:, 1])) for p in parts]
        assert told["auroc"].value == pytest.approx(np.mean(areas), abs=1e-12)
        assert row.by_fold[0] == pytest.approx(areas)
        assert told["brier"].value == pytest.approx(
            np.mean([oracle.brier_score_loss(p.labels[:, 0], p.scores[:, 1]) for p in parts]))
        assert (row.studies, row.patients, row.folds) == (180, 90, 3)
        assert told["auroc"].interval is not None
        assert told["auroc"].interval.low < told["auroc"].value < told["auroc"].interval.high  # type: ignore[operator]
    difference = next(one for one in found.comparisons if one.site == "south")
    ours, theirs = (next(r for r in found.rows if (r.site, r.model) == ("south", m)) for m in ("adapted", "baseline"))
    assert difference.estimate.value == pytest.approx(
        ours.estimates[0].value - theirs.estimates[0].value)  # type: ignore[operator]
    told = json.loads(json.dumps(found.as_json()))
    assert told["results"][0]["metrics"]["auroc"]["by_fold"] == list(found.rows[0].by_fold[0])


def test_a_patient_tested_twice_is_refused(predictions_of: PredictionsOf) -> None:
    with pytest.raises(DataError, match="tested in two folds"):
        cross_validate([predictions_of(n=20), predictions_of(n=20)], bootstrap=0)


def test_a_fold_without_a_class_leaves_no_value_and_says_so(predictions_of: PredictionsOf) -> None:
    folds = [renamed(predictions_of(n=40, seed=k, one_class="west" if k == 1 else ""), k) for k in range(3)]
    row = next(r for r in cross_validate(folds, bootstrap=20).rows if r.site == "west")
    assert row.estimates[0].value is None
    assert row.estimates[0].reason.startswith("1 of 3 folds have no value")
    assert row.by_fold[0][1] is None


@pytest.mark.slow
def test_the_interval_covers_the_mean_of_the_folds_areas() -> None:
    """Networks are fixed, patients are drawn: of 400 simulations at least 92 % hold the truth, two scans a patient."""
    rng, held, tried = np.random.default_rng(5), 0, 400
    gains = (1.1, 1.4, 0.8)
    truth = float(np.mean([norm.cdf(g / np.sqrt(2)) for g in gains]))
    for _ in range(tried):
        found = cross_validate([simulated(rng, gain, k) for k, gain in enumerate(gains)], bootstrap=300)
        (row,) = (r for r in found.rows if r.role == "target")
        ends = row.estimates[0].interval
        assert ends is not None
        held += ends.low <= truth <= ends.high
    assert held / tried >= 0.92


def renamed(p: Predictions, fold: int) -> Predictions:
    return replace(p, study=np.char.add(f"f{fold}", p.study), patient=np.char.add(f"f{fold}", p.patient))


def simulated(rng: np.random.Generator, gain: float, fold: int) -> Predictions:
    """A fold: 30 target patients of two scans each, whose noise is half their own."""
    parts = (("home", "source", "val", 20), ("away", "target", "test", 30))
    rows = [(site, role, split, i) for site, role, split, n in parts for i in range(n)]
    label = np.repeat(rng.random(len(rows)) < 0.5, 2).astype(np.int64)
    own = np.repeat(rng.normal(size=len(rows)), 2)
    z = gain * label + np.sqrt(0.5) * (own + rng.normal(size=len(own)))
    column = {name: np.repeat([row[k] for row in rows], 2) for k, name in enumerate(("site", "role", "split"))}
    who = np.repeat([f"f{fold}p{row[3]}" for row in rows], 2)
    study = np.array([f"{name}s{k}" for k, name in enumerate(who)])
    p = expit(z)
    return Predictions(study=study, patient=who, site=column["site"], scanner=np.full(len(z), ""), role=column["role"],
                       split=column["split"], model=np.full(len(z), "adapted"), kind="binary", classes=("0", "1"),
                       labels=label[:, None], scores=np.stack([1 - p, p], axis=1))


def test_nothing_depends_on_the_order_of_rows(predictions_of: PredictionsOf) -> None:
    folds = [renamed(predictions_of(n=40, seed=k), k) for k in range(3)]
    rng = np.random.default_rng(0)
    mixed = [p.where(rng.permutation(len(p))) for p in folds]

    def values(found: CrossValidated) -> dict[tuple[str, str], list[float | None]]:
        return {(row.site, row.model): [e.value for e in row.estimates] for row in found.rows}

    one, other = values(cross_validate(folds, bootstrap=10)), values(cross_validate(mixed, bootstrap=10))
    assert one.keys() == other.keys()
    for key, found in one.items():
        assert found == pytest.approx(other[key])
