"""Time of 2,000 patient-cluster bootstrap draws of five metrics against a scikit-learn loop on the same predictions.

100,000 predictions at 5 sites, four studies a patient. The loop is timed over 100 draws and extrapolated.
"""
from __future__ import annotations

import time

import numpy as np
from sklearn import metrics as oracle

from benchmarks.frame.figures import Ratio, Row, Table
from benchmarks.frame.timing import in_turns
from medtl.evaluation.scoring import load_metrics
from medtl.functional.intervals.bootstrap import bootstrap, count_chunks
from medtl.functional.resampling import BinarySample

SITES, STUDIES, PER_PATIENT, DRAWS, LOOP_DRAWS = 5, 20_000, 4, 2_000, 100
NAMES = ("auroc", "average_precision", "balanced_accuracy", "sensitivity", "brier")


def hospital(seed: int, studies: int) -> BinarySample:
    """One site's predictions, without ties."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(studies // PER_PATIENT), PER_PATIENT)
    positive = rng.random(studies) < 0.3
    scores = 1 / (1 + np.exp(-(rng.normal(size=studies) + positive)))
    return BinarySample.of(positive, scores, cluster=cluster, decided=scores >= 0.6)


def loop(sample: BinarySample, counts: np.ndarray) -> list[float]:
    """One draw as it is usually written: pick the rows, score them again."""
    rows = np.concatenate([np.repeat(np.flatnonzero(counts > 0), counts[counts > 0])[:, None] * PER_PATIENT
                           + np.arange(PER_PATIENT)], axis=1).ravel()
    assert sample.decided is not None
    positive, scores, called = sample.positive[rows], sample.scores[rows], sample.decided[rows]
    return [
        oracle.roc_auc_score(positive, scores), oracle.average_precision_score(positive, scores),
        oracle.balanced_accuracy_score(positive, called), oracle.recall_score(positive, called),
        oracle.brier_score_loss(positive, scores),
    ]


def run(quick: bool = False) -> list[Row]:
    """Times both and compares the draws that they have in common."""
    studies, draws, loops, repeats = (400, 200, 5, 1) if quick else (STUDIES, DRAWS, LOOP_DRAWS, 3)
    samples, metrics = [hospital(site, studies) for site in range(SITES)], load_metrics(NAMES)

    def ours() -> list[np.ndarray]:
        return [bootstrap([sample], metrics, seed=0, strata=[(f"site {i}", sample.clusters)], replicates=draws)[0]
                for i, sample in enumerate(samples)]

    fast = in_turns({"medtl": ours}, repeats)["medtl"]
    counts = [
        np.vstack(list(count_chunks(0, [(f"site {i}", s.clusters)], loops, studies))) for i, s in enumerate(samples)
    ]
    theirs: list[list[list[float]]] = [[] for _ in samples]
    seconds = []
    for draw in range(loops):
        start = time.perf_counter()
        for site, sample in enumerate(samples):
            theirs[site].append(loop(sample, counts[site][draw]))
        seconds.append(time.perf_counter() - start)
    apart = max(float(np.abs(a[:, :loops] - np.array(b).T).max()) for a, b in zip(ours(), theirs, strict=True))
    slow = sum(seconds) * draws / loops
    spread = f"{min(seconds) * draws:.0f} to {max(seconds) * draws:.0f} by its fastest and slowest draw"
    return [
        Ratio("scikit-learn loop / medtl, seconds", slow / fast.best, fast.text(), f"{slow:.0f} s ({spread})", 30),
        Table("Agreement", ("draws in common", "largest difference"), ((str(loops), f"{apart:.1e}"),)),
    ]
