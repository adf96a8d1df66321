"""Learning curves: planted curves give the planted answer, and what is not reached is said."""
from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from medtl.evaluation.budget import Curve, learning_curve, write_curve
from medtl.evaluation.matrix import PairedRun
from medtl.predictions import Predictions

STUDIES = 400
LABELS = (4, 8, 16, 32)


def made(n: int, seed: int, auroc: float) -> PairedRun:
    """A run whose scores have this AUROC at the target, up to the draw of its patients."""
    label = np.arange(STUDIES) % 2
    patient = np.random.default_rng(99).normal(size=STUDIES)
    own = np.random.default_rng([n, seed]).normal(size=STUDIES)
    z = math.sqrt(2) * norm.ppf(auroc) * label + math.sqrt(0.7) * patient + math.sqrt(0.3) * own
    score = norm.cdf(z / 2)
    return PairedRun(("north",), "south", f"{n}", seed, Predictions(
        study=np.array([f"s{i}" for i in range(STUDIES)]), patient=np.array([f"p{i}" for i in range(STUDIES)]),
        site=np.array(["south"] * STUDIES), scanner=np.array([""] * STUDIES), role=np.array(["target"] * STUDIES),
        split=np.array(["test"] * STUDIES), model=np.array(["adapted"] * STUDIES), kind="binary",
        classes=("0", "1"), labels=label[:, None], scores=np.stack([1 - score, score], axis=1)))


def planted(wanted: float, ceiling: float = 0.93, draws: int = 4) -> Curve:
    """The true curve is ceiling - .4 n^-.7."""
    runs = {n: [made(n, seed, ceiling - 0.4 * n**-0.7) for seed in range(draws)] for n in LABELS}
    return learning_curve({0: [made(0, seed, 0.6) for seed in range(draws)], **runs}, wanted, bootstrap=300)


def test_points_are_means_of_what_scikit_learn_says() -> None:
    curve = planted(0.85)
    for point in curve.points:
        truth = 0.6 if point.labels == 0 else 0.93 - 0.4 * point.labels**-0.7
        for seed, value in point.draws:
            run = made(point.labels, seed, truth).predictions
            assert run is not None
            assert value == pytest.approx(roc_auc_score(run.labels[:, 0], run.scores[:, 1]), abs=1e-12)
        assert point.estimate.value == pytest.approx(np.mean([value for _, value in point.draws]))
        assert point.estimate.interval is not None


def test_the_planted_number_lies_within_the_interval() -> None:
    curve = planted(0.85)
    truth = (0.4 / 0.08) ** (1 / 0.7)
    assert curve.needed is not None
    assert curve.needed[1] <= truth <= curve.needed[2]
    assert curve.needed[1] <= curve.needed[0] <= curve.needed[2]
    assert "takes about" in curve.answer


def test_a_goal_above_the_ceiling_is_not_reached() -> None:
    curve = planted(0.97, ceiling=0.8)
    assert curve.needed is not None
    assert math.isinf(curve.needed[0])
    assert curve.answer.startswith("AUROC 0.97: not reached within 320 labelled patients per class")
    assert curve.ceiling is not None
    assert curve.ceiling[0] < 0.97


def test_two_numbers_of_labels_have_no_fit_and_failures_are_named() -> None:
    lost = PairedRun(("north",), "south", "16", 0, None, "its adapt part has 9 patients; ask for fewer")
    curve = learning_curve({4: [made(4, 0, 0.7)], 8: [made(8, 0, 0.9)], 16: [lost]}, 0.85, bootstrap=100)
    assert curve.needed is None
    assert "was reached with 8" in curve.answer
    assert "ask for fewer" in curve.points[-1].reasons[0]
    assert curve.failures[0][1] == lost.reason


def test_the_page_stands_alone_and_the_json_has_no_infinity(tmp_path: Path) -> None:
    written = write_curve(planted(0.97, ceiling=0.8), tmp_path, title="a <b>", told=[("Data", "x & y")])
    told = json.loads((tmp_path / "budget.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert told["needed_per_class"][0] is None
    page = written.page.read_text()
    assert "a &lt;b&gt;" in page
    assert "x &amp; y" in page
    assert "<script" not in page
    assert "not reached" in page
    for point in written.curve.points:
        assert f"{point.estimate.value:.3f}" in page
