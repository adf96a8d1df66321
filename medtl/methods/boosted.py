"""What boosting methods share: learn the network, extract features, boost linear learners, put them in as the head."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from medtl.errors import ConfigError
from medtl.functional.boosting.learners import Voter
from medtl.functional.standardise import location_and_scale
from medtl.methods.base import Extract, Fit, Setting, Stages
from medtl.models.votes import NearestHead, VoteHead, with_head
from medtl.types import Table

IMPOSSIBLE = -30.0
"""Logit of a class that a learner never saw."""

First = Literal["fit", "nothing"]


@dataclass(frozen=True)
class Labelled:
    """Labelled studies of both domains, on features that are standardised over all of them.

    Attributes:
        source: float64, (n, d).
        source_labels: int64, (n,).
        sites: of the source studies.
        target: float64, (m, d).
        target_labels: int64, (m,).
        unlabelled: all target studies that may be seen, labelled ones among them, (u, d).
        mean: of each feature before standardising.
        scale: its standard deviation, infinite where it does not vary.
        classes: K.
    """

    source: NDArray[np.float64]
    source_labels: NDArray[np.int64]
    sites: NDArray[np.str_]
    target: NDArray[np.float64]
    target_labels: NDArray[np.int64]
    unlabelled: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    classes: int


def labelled(table: Table, classes: int, name: str) -> Labelled:
    """The labelled studies of a table.

    Args:
        table: what may be seen.
        classes: K.
        name: of the method, for the message.

    Raises:
        ConfigError: a domain lacks a class.
    """
    labels = table.labels[:, 0].astype(np.float64)
    known = ~np.isnan(labels)
    is_source = table.is_source
    mean, scale = location_and_scale(table.features[known])
    x = (table.features.astype(np.float64) - mean) / scale
    of = np.where(known, labels, -1).astype(np.int64)
    source, target = known & is_source, known & ~is_source
    for domain, rows in (("source", source), ("target", target)):
        found = len(np.unique(of[rows]))
        if found < classes:
            raise ConfigError(
                f"transfer: {name} needs labelled {domain} studies of all {classes} classes, found {found}; "
                + ("set sites.target_labels, for instance {per_class: 8}" if domain == "target" else "add source sites")
            )
    return Labelled(
        x[source], of[source], np.array(table.site)[source], x[target], of[target], x[~is_source], mean, scale, classes
    )


def procedure(
    setting: Setting, name: str, first: First, boost: Callable[[Labelled], VoteHead | NearestHead]
) -> Stages:
    """Fits the network (or not), extracts features, boosts, and returns the network with the new head.

    Args:
        setting: of the run.
        name: of the method.
        first: ``fit`` learns the network on source and visible target labels before; ``nothing`` takes it as it is.
        boost: from labelled studies to a head on standardised features.
    """
    model = setting.model
    if first == "fit":
        yield Fit("fit", model)
    table = yield Extract("features", model)
    assert table is not None
    return with_head(model, boost(labelled(table, setting.task.outputs, name)))


def linear_learner(strength: float) -> LogisticRegression:
    """The base learner whose ensembles a network can hold.

    Args:
        strength: inverse penalty, above 0.
    """
    return LogisticRegression(C=strength, max_iter=1000)


def vote_head(
    voters: Sequence[Voter], of: Labelled, vote: Literal["soft", "hard"], factor: NDArray[np.float64] | None = None
) -> VoteHead:
    """Linear learners on standardised features as a head on the features themselves.

    Args:
        voters: fitted logistic regressions with their say.
        of: the studies that they were fitted on.
        vote: how each answers.
        factor: what the standardised features were multiplied by, (d,); 1 if None.
    """
    scale = (1.0 if factor is None else factor) / of.scale
    weights, biases = [], []
    for voter in voters:
        weight, bias = class_logits(voter.learner, of.classes)
        if voter.flipped:
            weight, bias = weight[::-1], bias[::-1]
        weights.append(weight * scale)
        biases.append(bias - (weight * scale) @ of.mean)
    votes = np.array([voter.vote for voter in voters])
    votes = votes / votes.sum() if votes.sum() > 0 else np.full(len(votes), 1.0 / len(votes))
    head = VoteHead(len(of.mean), of.classes, len(voters), vote)
    with torch.no_grad():
        head.linear.weight.copy_(torch.from_numpy(np.concatenate(weights)))
        head.linear.bias.copy_(torch.from_numpy(np.concatenate(biases)))
        head.votes.copy_(torch.from_numpy(votes))
    return head


def class_logits(learner: Any, classes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (K, d) and biases (K,) whose softmax a logistic regression answers with."""
    coefficients, intercepts = learner.coef_, learner.intercept_
    if len(coefficients) == 1 and len(learner.classes_) == 2:
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([[0.0], intercepts])
    weight = np.zeros((classes, coefficients.shape[1]))
    bias = np.full(classes, IMPOSSIBLE)
    weight[learner.classes_], bias[learner.classes_] = coefficients, intercepts
    return weight, bias
