"""The way back: a classifier taught by the model's own answers at the target, judged by the source's labels."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def reverse_risk(
    target: NDArray[np.floating], answers: NDArray[np.int64], source: NDArray[np.floating], labels: NDArray[np.int64]
) -> float:
    """Log loss on labelled source studies of a logistic regression that learned the target's answers.

    Where the model is right at the target and its features mean the same at both sites, the way back works too.

    Args:
        target: features of target studies, (m, d).
        answers: the class that the model gives each, (m,).
        source: features of source validation studies, (n, d).
        labels: their classes, (n,).

    Returns:
        In nats; classes that no answer has get the probability of one in m + K studies.

    Reference:
        Zhong, Fan, Yang, Verscheure & Ren 2010, "Cross validation framework to choose amongst models and datasets for
        transfer learning", ECML. There the whole method is run back; the logistic regression on features is our choice.
    """
    from sklearn.linear_model import LogisticRegression

    one, other = np.asarray(target, dtype=np.float64), np.asarray(source, dtype=np.float64)
    classes = np.union1d(answers, labels)
    known = np.unique(answers)
    floor = 1.0 / (len(one) + len(classes))
    probabilities = np.full((len(other), len(classes)), floor)
    if len(known) == 1:
        probabilities[:, np.searchsorted(classes, known[0])] = 1.0
    else:
        centre, spread = one.mean(axis=0), one.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        machine = LogisticRegression(C=1.0 / one.shape[1], max_iter=200, tol=1e-5)
        machine.fit((one - centre) / spread, answers)
        found = machine.predict_proba((other - centre) / spread)
        probabilities[:, np.searchsorted(classes, known)] = np.maximum(found, floor)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return float(-np.log(probabilities[np.arange(len(other)), np.searchsorted(classes, labels)]).mean())
