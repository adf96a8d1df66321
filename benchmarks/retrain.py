"""task_tradaboost taught a new target hospital, against starting again from the source studies.

Three source sites of 500 studies and 64 labelled target studies, 1,280 features each (the width of the default
backbone), as 20 hidden factors that sites turn by a little, plus noise. Starting again is the same estimator's `fit`,
which boosts on every source site and then chooses on the target; beside it `tradaboost`, which learns a target from
source and target together. The kept pool is that of one `fit`, and a new target is `fit_target`; what it answers is
compared with what a fit of both phases answers. The learner is logistic regression (C = 0.1) throughout, ten rounds.
"""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.frame.figures import Ratio, Row, Table
from benchmarks.frame.timing import in_turns
from medtl.functional.boosting.task_tradaboost import TaskTrAdaBoost
from medtl.functional.boosting.tradaboost import TrAdaBoost

FACTORS = 20
Array = NDArray[np.float64]


def hospital(
    studies: int, loadings: Array, rule: Array, random: np.random.Generator
) -> tuple[Array, NDArray[np.int64]]:
    """Features and labels of one site."""
    factors = random.normal(size=(studies, FACTORS))
    turned = loadings + 0.2 * random.normal(size=loadings.shape)
    chance = 1.0 / (1.0 + np.exp(-2.0 * factors @ rule))
    noise = random.normal(size=(studies, loadings.shape[1]))
    return factors @ turned + noise, (random.random(studies) < chance).astype(np.int64)


def learner() -> LogisticRegression:
    """What is boosted."""
    return LogisticRegression(C=0.1, max_iter=1000)


def run(quick: bool = False) -> list[Row]:
    """Times a new target on the kept pool and from the start."""
    sites, studies, labelled, width, repeats = (2, 60, 16, 40, 2) if quick else (3, 500, 64, 1280, 3)
    random = np.random.default_rng(0)
    loadings = random.normal(size=(FACTORS, width)) / np.sqrt(FACTORS)
    rule = random.normal(size=FACTORS) / np.sqrt(FACTORS)
    parts = [hospital(studies, loadings, rule, random) for _ in range(sites)]
    x, y = (np.concatenate(column) for column in zip(*parts, strict=True))
    names = np.repeat(np.arange(sites), studies)
    first, new = (hospital(labelled, loadings, rule, random) for _ in range(2))
    test, truth = hospital(1000, loadings, rule, random)

    kept, whole = TaskTrAdaBoost(learner()).fit(x, y, *first, names), TaskTrAdaBoost(learner())
    took = in_turns({
        "new": lambda: kept.fit_target(*new),
        "again": lambda: whole.fit(x, y, *new, names),
        "tradaboost": lambda: TrAdaBoost(learner()).fit(x, y, *new),
    }, repeats, warm=0)
    apart = float(np.abs(kept.predict_proba(test) - whole.predict_proba(test)).max())
    assert apart == 0, apart
    size = f"{sites} x {studies} source studies, {labelled} of the target, {width} features"
    right = float(((kept.predict_proba(test)[:, 1] > 0.5) == truth).mean())
    return [
        Ratio(f"starting again / a new target on the kept pool, seconds, {size}",
              took["again"].best / took["new"].best, took["new"].text(), took["again"].text(), at_least=5),
        Ratio("tradaboost from the start / the same", took["tradaboost"].best / took["new"].best, took["new"].text(),
              took["tradaboost"].text()),
        Table("Answers on 1,000 further studies of the target", ("largest difference to starting again", "% right"),
              ((f"{apart:g}", f"{100 * right:.1f}"),)),
    ]
