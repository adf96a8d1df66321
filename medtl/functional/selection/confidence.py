"""How a model's answers on unlabelled studies look: decided, varied, in dense groups."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medtl.functional.measure import FloatArray

TEMPERATURE = 0.05


def mean_entropy(probabilities: NDArray[np.floating]) -> float:
    """Mean entropy of each study's answer.

    Args:
        probabilities: rows of K exclusive classes that sum to 1, (n, K).

    Returns:
        In nats, from 0 to ln K.

    Reference:
        Morerio, Cavazza & Murino 2018, "Minimal-entropy correlation alignment", ICLR (entropy as a validation score).
    """
    return float(_entropy(np.asarray(probabilities, dtype=np.float64)).mean())


def mutual_information(probabilities: NDArray[np.floating]) -> float:
    """Entropy of the mean answer minus the mean entropy of the answers: decided, yet not all the same.

    Args:
        probabilities: rows of K exclusive classes that sum to 1, (n, K).

    Returns:
        In nats, from 0 to ln K.

    Reference:
        Bridle, Heading & MacKay 1991, "Unsupervised classifiers, mutual information and 'phantom targets'", NIPS.
    """
    rows = np.asarray(probabilities, dtype=np.float64)
    return float(_entropy(rows.mean(axis=0, keepdims=True))[0] - _entropy(rows).mean())


def soft_neighbourhood_density(probabilities: NDArray[np.floating], temperature: float = TEMPERATURE) -> float:
    r"""Mean entropy of each answer's similarity to all others: high where answers stand in dense groups.

    .. math:: P_{ij} = \frac{\exp(S_{ij}/\tau)}{\sum_{k \ne i} \exp(S_{ik}/\tau)}, \quad
        \mathrm{SND} = -\frac1n \sum_i \sum_{j \ne i} P_{ij} \log P_{ij}

    Args:
        probabilities: answers, (n, K); S is the inner product of rows of length 1.
        temperature: tau, above 0.

    Returns:
        In nats, from 0 to ln(n - 1); 0 for fewer than 3 rows.

    Reference:
        Saito, Kim, Teterwak, Sclaroff, Darrell & Saenko 2021, "Tune it the right way: unsupervised validation of domain
        adaptation via soft neighborhood density", ICCV.
    """
    rows = np.asarray(probabilities, dtype=np.float64)
    if len(rows) < 3:
        return 0.0
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
    logits = rows @ rows.T / temperature
    np.fill_diagonal(logits, -np.inf)
    logits -= logits.max(axis=1, keepdims=True)
    raised = np.exp(logits)
    return float(_entropy(raised / raised.sum(axis=1, keepdims=True)).mean())


def _entropy(rows: FloatArray) -> FloatArray:
    logs = np.log(np.where(rows > 0, rows, 1.0))
    return np.asarray(-(rows * logs).sum(axis=1))
