"""The target's class shares from answers alone: EM as it was published, confusions solved, and whether it can be."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from sklearn import metrics as sk

from .studies import Array, Study

LEAST, ODD, SIMULATED, DRAWS = 10, 0.05, 80, 200


class Shares(NamedTuple):
    """Shares of the classes; nothing but p where they cannot be known."""

    value: Array | None = None
    low: Array | None = None
    high: Array | None = None
    spread: Array | None = None
    bbse: Array | None = None
    p: float | None = None


def em(scores: Array, prior: Array, steps: int = 20_000) -> Array:
    """Saerens, Latinne and Decaestecker's steps until nothing moves."""
    shares = prior
    for _ in range(steps):
        joint = np.maximum(scores, 1e-12) * shares / prior
        after: Array = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(after - shares).max() < 1e-10:
            return after
        shares = after
    return shares


def quick(scores: Array, prior: Array) -> Array:
    """The same end: with two classes by the likelihood's maximum, which EM climbs to."""
    if scores.shape[1] > 2:
        return em(scores, prior, 300)
    ratio = np.maximum(scores, 1e-12) / prior
    found = optimize.minimize_scalar(
        lambda q: -float(np.log((1 - q) * ratio[:, 0] + q * ratio[:, 1]).mean()), bounds=(0, 1), method="bounded",
        options={"xatol": 1e-5})
    return np.array([1 - found.x, found.x])


def estimate(source: list[Study], target: list[Study], prior: Array) -> Shares | None:
    """Class shares at a target.

    Args:
        source: studies of the source sites with a known label.
        target: all studies of the target.
        prior: class shares in source validation.

    Returns:
        The shares; None where there are too few studies for anything.
    """
    labels = np.array([s.label for s in source], dtype=np.int64)
    if np.bincount(labels, minlength=len(prior)).min() < LEAST or len(target) < LEAST:
        return None
    home, away = np.array([s.scores for s in source]), np.array([s.scores for s in target])
    p = _fit(away, home, labels, prior)
    calls = sk.confusion_matrix(labels, home.argmax(axis=1), labels=range(len(prior)), normalize="true").T
    solved = None
    if np.linalg.cond(calls) <= 1e6:
        kept = np.maximum(np.linalg.inv(calls) @ np.bincount(away.argmax(axis=1), minlength=len(prior)) / len(away), 0)
        solved = kept / kept.sum()
    rng = np.random.default_rng(11)
    who = [s.patient for s in target]
    rows = {name: [i for i, w in enumerate(who) if w == name] for name in dict.fromkeys(who)}
    everyone = list(rows)
    drawn = np.stack([quick(away[[i for k in rng.integers(0, len(everyone), len(everyone)) for i in rows[everyone[k]]]],
                            prior) for _ in range(DRAWS)])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return Shares(em(away, prior), low, high, drawn.std(axis=0), solved, p)


def _gap(target: Array, source: Array, labels: NDArray[np.int64], shares: Array) -> float:
    """Largest distance of distribution functions, each written out at every score."""
    out = []
    for column in range(target.shape[1]):
        points = np.concatenate([source[:, column], target[:, column]])
        mixed = sum(share * (source[labels == k, column][None, :] <= points[:, None]).mean(axis=1)
                    for k, share in enumerate(shares))
        seen = (target[:, column][None, :] <= points[:, None]).mean(axis=1)
        out.append(float(np.abs(mixed - seen).max()))
    return max(out)


def _fit(target: Array, source: Array, labels: NDArray[np.int64], prior: Array) -> float:
    shares = em(target, prior)
    seen = _gap(target, source, labels, shares)
    rng = np.random.default_rng(12)
    members = [np.flatnonzero(labels == k) for k in range(len(prior))]
    usual = 0
    for _ in range(SIMULATED):
        again = np.concatenate([rng.choice(m, len(m)) for m in members])
        counts = rng.multinomial(len(target), shares / shares.sum())
        made = source[np.concatenate([rng.choice(m, c) for m, c in zip(members, counts, strict=True)])]
        usual += _gap(made, source[again], labels[again], quick(made, prior)) >= seen - 1e-12
    return (usual + 1) / (SIMULATED + 1)
