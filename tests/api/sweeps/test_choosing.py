"""How a candidate is chosen: on files that say what each model answered, with an oracle by hand."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medtl.api.choosing import RULES, Score, by_labels, cross_validated, without_labels
from medtl.functional.measure import NotEstimable
from medtl.predictions import Predictions, write_predictions

ADAPT, TEST, FOLDS = 40, 60, 4
LABEL = np.arange(ADAPT + TEST) % 2


def run_folder(folder: Path, scores: np.ndarray, hidden: set[int], label: np.ndarray = LABEL) -> Path:
    """A run with these scores of the positive class whose training did not see the labels of ``hidden``."""
    folder.mkdir(parents=True)
    n = len(scores)
    split = np.array(["adapt"] * ADAPT + ["test"] * (n - ADAPT))
    names = np.array([f"s{i}" for i in range(n)])
    write_predictions(folder / "predictions.csv", Predictions(
        study=names, patient=np.array([f"p{i}" for i in range(n)]), site=np.array(["south"] * n),
        scanner=np.array([""] * n), role=np.array(["target"] * n), split=split, model=np.array(["adapted"] * n),
        kind="binary", classes=("0", "1"), labels=label[:, None], scores=np.stack([1 - scores, scores], axis=1)))
    lines = [f"{i},s{i},p{i},south,,target,{split[i]},{int(i in hidden or i >= ADAPT)}," for i in range(n)]
    (folder / "catalogue.csv").write_text("row,study,patient,site,scanner,role,split,hidden,refused\n"
                                          + "\n".join(lines) + "\n")
    return folder


def candidate(folder: Path, rng: np.random.Generator, skill: float = 0.0, label: np.ndarray = LABEL) -> Score:
    visible = set(range(24))
    paths = []
    for fold in range(-1, FOLDS):
        z = skill * (2 * LABEL - 1) + rng.normal(size=len(LABEL))
        scores = 1 / (1 + np.exp(-z))
        gone = {i for i in visible if (i // 2) % FOLDS == fold}
        paths.append(run_folder(folder / f"fold{fold}", scores, (set(range(ADAPT)) - visible) | gone, label))
    return Score(paths[0], tuple(paths[1:]), 1.0)


def test_each_visible_label_is_judged_by_the_fold_that_hid_it(tmp_path: Path) -> None:
    score = candidate(tmp_path, np.random.default_rng(0), 0.5)
    values, pairs = [], []
    for fold, path in enumerate(score.folds):
        rows = [line.split(",") for line in (path / "predictions.csv").read_text().splitlines()]
        head = rows[0].index("score_1")
        held = [i for i in range(24) if (i // 2) % FOLDS == fold]
        values.append(roc_auc_score(LABEL[held], [float(rows[i + 1][head]) for i in held]))
        pairs.append(LABEL[held].sum() * (1 - LABEL[held]).sum())
    assert cross_validated(score.run, score.folds) == pytest.approx(np.average(values, weights=pairs), abs=1e-7)
    assert isinstance(cross_validated(score.run, ()), NotEstimable)


def test_the_best_of_many_equals_looks_better_than_it_is_and_the_test_part_does_not(tmp_path: Path) -> None:
    """60 candidates that know nothing: the winner's own score is far above .5, held-out studies say about .5."""
    rng = np.random.default_rng(1)
    won, truth = [], []
    for repeat in range(3):
        scores = {f"c{k}": candidate(tmp_path / f"{repeat}-{k}", rng) for k in range(60)}
        _, ranked = by_labels(scores)
        winner = ranked[0][1]
        rows = [line.split(",") for line in (winner.run / "predictions.csv").read_text().splitlines()[1:]]
        test = [float(row[-1]) for row in rows if row[5] == "test"]
        assert winner.value is not None
        won.append(winner.value)
        truth.append(roc_auc_score(LABEL[ADAPT:], test))
    assert np.mean(won) > 0.65
    assert abs(np.mean(truth) - 0.5) < 0.12


def test_labels_of_the_test_part_and_hidden_ones_choose_nothing(tmp_path: Path) -> None:
    flipped = LABEL.copy()
    flipped[24:] = 1 - flipped[24:]
    orders = []
    for name, label in (("a", LABEL), ("b", flipped)):
        rng = np.random.default_rng(2)
        scores = {f"c{k}": candidate(tmp_path / name / f"{k}", rng, 0.2 * k, label) for k in range(5)}
        orders.append([(who, score.value) for who, score in by_labels(scores)[1]])
    assert orders[0] == orders[1]


def logged(folder: Path, values: dict[str, float]) -> Score:
    folder.mkdir(parents=True)
    worse = {name: value + 9 for name, value in values.items()}
    lines = [{"stage": "fit", "epoch": 0, "selection": {"best_epoch": 0, "values": worse}},
             {"stage": "fit", "epoch": 1, "selection": {"best_epoch": 1, "values": values}},
             {"stage": "fit", "epoch": 2, "selection": {"best_epoch": 1, "values": worse}}]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Score(folder, (), 1.0)


def test_without_labels_ranks_are_averaged_over_the_rules_at_the_epoch_that_was_kept(tmp_path: Path) -> None:
    one = dict(zip(RULES, [0.1, 0.2, 0.3, 0.4], strict=True))
    two = dict(zip(RULES, [0.2, 0.1, 0.3, 0.5], strict=True))
    three = dict(zip(RULES, [0.3, 0.3, 0.3, 0.1], strict=True))
    told, ranked = without_labels({name: logged(tmp_path / name, values) for name, values in
                                   (("one", one), ("two", two), ("three", three))})
    ranks = {"one": (1 + 2 + 2 + 2) / 4, "two": (2 + 1 + 2 + 3) / 4, "three": (3 + 3 + 2 + 1) / 4}
    assert {name: -(score.value or 0) for name, score in ranked} == pytest.approx(ranks)
    assert [name for name, _ in ranked] == ["one", "two", "three"]
    assert dict(ranked[0][1].parts) == pytest.approx(one)
    assert "without target labels" in told


def test_a_candidate_without_values_comes_last(tmp_path: Path) -> None:
    scores = {"empty": Score(tmp_path, (), 1.0), "some": logged(tmp_path / "s", dict.fromkeys(RULES, 0.5))}
    assert [name for name, _ in without_labels(scores)[1]] == ["some", "empty"]
