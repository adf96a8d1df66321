"""LEEP and NCE: how well a source classifier's answers tell the target's labels."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def leep(source_scores: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean log probability of the labels under the empirical predictor from source classes; at most 0.

    Source classes that no row has any score in are skipped. With many source classes and few rows it is optimistic:
    read it less a permutation null, see :func:`medtl.functional.transferability.null.less_null`.

    Args:
        source_scores: probabilities of source classes, (n, Z), rows of sum 1.
        labels: classes of the target, (n,).

    Reference:
        Nguyen et al. 2020, "LEEP: A New Measure to Evaluate Transferability of Learned Representations", eq. 2.
    """
    theta = np.asarray(source_scores, dtype=np.float64)
    classes, y = np.unique(labels, return_inverse=True)
    joint = np.zeros((len(classes), theta.shape[1]))
    np.add.at(joint, y, theta)
    total = joint.sum(axis=0)
    used = total > 0
    conditional = joint[:, used] / total[used]
    likelihood = (conditional[y] * theta[:, used]).sum(axis=1)
    return min(float(np.log(likelihood).mean()), 0.0)


def nce(source_labels: NDArray[np.integer], labels: NDArray[np.integer]) -> float:
    """Negative conditional entropy of the labels given a source classifier's classes, -H(Y|Z), in nats; at most 0.

    Args:
        source_labels: classes that the source classifier answers, (n,).
        labels: classes of the target, (n,).

    Reference:
        Tran et al. 2019, "Transferability and Hardness of Supervised Classification Tasks".
    """
    _, z = np.unique(source_labels, return_inverse=True)
    _, y = np.unique(labels, return_inverse=True)
    joint = np.zeros((z.max() + 1, y.max() + 1))
    np.add.at(joint, (z, y), 1.0 / len(y))
    given = joint / joint.sum(axis=1, keepdims=True)
    return min(float((joint[joint > 0] * np.log(given[joint > 0])).sum()), 0.0)
