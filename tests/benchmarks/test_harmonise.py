"""The table of harmonisation: its AUROC under draws of patients, and the configs that it compares."""
from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.harmonise import WAYS, Answers, directions
from medtl.config.load import load_config
from medtl.predictions import Predictions


def test_draws_of_patients_are_copies_of_their_rows() -> None:
    rng = np.random.default_rng(0)
    n, labels, scores = 24, np.arange(24) % 2, np.random.default_rng(1).uniform(0, 1, 24)
    text = {name: np.array([value] * n) for name, value in
            {"site": "s", "scanner": "", "role": "target", "split": "test", "model": "baseline"}.items()}
    keys = tuple(f"p{i // 2}" for i in range(n))
    table = Predictions(study=np.array([f"x{i}" for i in range(n)]), patient=np.array(keys), kind="binary",
                        classes=("no", "yes"), labels=labels[:, None], scores=np.stack([1 - scores, scores], 1), **text)
    place = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    counts = np.vstack([np.ones(12, np.int64), rng.integers(0, 3, 12)])
    found = Answers(table, keys).values(place, counts)
    for value, times in zip(found, counts, strict=True):
        rows = np.repeat(np.arange(n), [times[place[key]] for key in keys])
        assert value == pytest.approx(roc_auc_score(labels[rows], scores[rows]))


def test_every_way_is_a_config_that_holds() -> None:
    for config in directions().values():
        for way, changes in WAYS.items():
            made = load_config(config, changes)
            assert (made.data.harmonize == way) is (way in ("histogram", "site_z", "combat"))
