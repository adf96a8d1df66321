"""Time of 2,000 patient-cluster bootstrap draws of five metrics against a scikit-learn loop on the same predictions.

100,000 predictions at 5 sites, four studies a patient. The loop is timed over a few draws and extrapolated.
"""
from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn import metrics as oracle

from medtl.evaluation.scoring import load_metrics
from medtl.functional.intervals.bootstrap import bootstrap, count_chunks
from medtl.functional.resampling import BinarySample

SITES, STUDIES, PER_PATIENT, DRAWS = 5, 20_000, 4, 2_000
NAMES = ("auroc", "average_precision", "balanced_accuracy", "sensitivity", "brier")


def hospital(seed: int) -> BinarySample:
    """One site's predictions, without ties."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(STUDIES // PER_PATIENT), PER_PATIENT)
    positive = rng.random(STUDIES) < 0.3
    scores = 1 / (1 + np.exp(-(rng.normal(size=STUDIES) + positive)))
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


def main() -> None:
    """Run both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loop-draws", type=int, default=100, help="draws of the scikit-learn loop to time")
    draws = parser.parse_args().loop_draws
    samples, metrics = [hospital(site) for site in range(SITES)], load_metrics(NAMES)
    start = time.perf_counter()
    ours = [
        bootstrap([sample], metrics, seed=0, strata=[(f"site {i}", sample.clusters)], replicates=DRAWS)[0]
        for i, sample in enumerate(samples)
    ]
    fast = time.perf_counter() - start
    counts = [
        np.vstack(list(count_chunks(0, [(f"site {i}", s.clusters)], draws, STUDIES))) for i, s in enumerate(samples)
    ]
    start = time.perf_counter()
    theirs = [np.array([loop(s, row) for row in c]).T for s, c in zip(samples, counts, strict=True)]
    slow = (time.perf_counter() - start) * DRAWS / draws
    apart = max(float(np.abs(a[:, :draws] - b).max()) for a, b in zip(ours, theirs, strict=True))
    print(f"medtl {fast:.2f} s, scikit-learn loop {slow:.0f} s (from {draws} draws): {slow / fast:.0f} times")
    print(f"largest difference over the {draws} common draws: {apart:.1e}")


if __name__ == "__main__":
    main()
