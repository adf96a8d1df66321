"""What boosting methods share: learn the network, extract features, boost linear learners, put them in as the head."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pydantic.dataclasses
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from medtl.errors import ConfigError
from medtl.functional.boosting.learners import Voter
from medtl.functional.boosting.r2 import Estimate
from medtl.functional.standardise import location_and_scale
from medtl.functional.weighting import effective_sample_size
from medtl.methods.base import OPTIONS, Extract, Fit, Method, Setting, Stages, Tell
from medtl.methods.kinds import CLASSES, only_for
from medtl.models.model import Model
from medtl.models.values import MedianHead
from medtl.models.votes import NearestHead, VoteHead, with_head
from medtl.types import Table

IMPOSSIBLE = -30.0
"""Logit of a class that a learner never saw."""
BINS = 24
"""Of the histogram of weights."""

First = Literal["fit", "nothing"]
Head = VoteHead | NearestHead | MedianHead


@dataclass(frozen=True)
class Labelled:
    """Labelled studies of both domains, on features that are standardised over all of them.

    Attributes:
        source: float64, (n, d).
        source_labels: int64, or float64 for values, (n,).
        sites: of the source studies.
        target: float64, (m, d).
        target_labels: int64, (m,).
        unlabelled: all target studies that may be seen, labelled ones among them, (u, d).
        mean: of each feature before standardising.
        scale: its standard deviation, infinite where it does not vary.
        classes: K; 0 for values.
        studies: ids of the source studies.
    """

    source: NDArray[np.float64]
    source_labels: NDArray[Any]
    sites: NDArray[np.str_]
    target: NDArray[np.float64]
    target_labels: NDArray[Any]
    unlabelled: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    classes: int
    studies: tuple[str, ...] = ()


def labelled(table: Table, classes: int, name: str) -> Labelled:
    """The labelled studies of a table.

    Args:
        table: what may be seen.
        classes: K; 0 for values.
        name: of the method, for the message.

    Raises:
        ConfigError: a domain lacks a class, or has fewer than two values.
    """
    labels = table.labels[:, 0].astype(np.float64)
    known = ~np.isnan(labels)
    is_source = table.is_source
    mean, scale = location_and_scale(table.features[known])
    x = (table.features.astype(np.float64) - mean) / scale
    of: NDArray[Any] = np.where(known, labels, -1).astype(np.int64) if classes else labels
    source, target = known & is_source, known & ~is_source
    for domain, rows in (("source", source), ("target", target)):
        found = len(np.unique(of[rows])) if classes else int(rows.sum())
        if found < (classes or 2):
            what = f"labelled {domain} studies of all {classes} classes" if classes else f"at least 2 {domain} values"
            raise ConfigError(
                f"transfer: {name} needs {what}, found {found}; "
                + ("set sites.target_labels, for instance {per_class: 8}" if domain == "target" else "add source sites")
            )
    return Labelled(
        x[source], of[source], np.array(table.site)[source], x[target], of[target], x[~is_source], mean, scale,
        classes, tuple(study for study, chosen in zip(table.study, source, strict=True) if chosen),
    )


@dataclass(frozen=True)
class Boost:
    """What boosting gave.

    Attributes:
        head: on the features.
        weights: of the source studies in the end, mean 1, (n,); None where a method keeps none.
    """

    head: Head
    weights: NDArray[np.float64] | None = None


@pydantic.dataclasses.dataclass(frozen=True, config=OPTIONS)
class Boosted(Method):
    """A procedure that learns the network (or takes it as it is), extracts features, and boosts on them."""

    first: First = "fit"

    needs_target_labels: ClassVar[bool] = True
    kinds: ClassVar[tuple[str, ...]] = CLASSES

    @property
    def drops_penalties(self) -> bool:  # type: ignore[override]
        """Without a fit there is nothing that a penalty could act on."""
        return self.first == "nothing"

    @property
    def name(self) -> str:
        """In the registry."""
        return type(self).__module__.rpartition(".")[2]

    def check(self, model: Model) -> Sequence[str]:
        """The kinds of task that it is for."""
        return only_for(self.name, self.kinds, model)

    def boost(self, of: Labelled, seed: int) -> Boost:
        """Boosts.

        Args:
            of: labelled studies, on standardised features.
            seed: of what is drawn.
        """
        raise NotImplementedError

    def head(self, of: Labelled, seed: int = 0) -> Head:
        """The boosted head."""
        return self.boost(of, seed).head

    def stages(self, setting: Setting) -> Stages:
        """Fit, extract, boost, tell the weights."""
        model = setting.model
        if self.first == "fit":
            yield Fit("fit", model)
        table = yield Extract("features", model)
        assert table is not None
        of = labelled(table, setting.task.outputs if setting.task.kind != "regression" else 0, self.name)
        found = self.boost(of, setting.rng(self.name) % 2**32)
        if found.weights is not None:
            yield weights_told(self.name, of, found.weights)
        return with_head(model, found.head)


def weights_told(name: str, of: Labelled, weights: NDArray[np.float64]) -> Tell:
    """What boosting made of the source, for the report: per site the effective number of studies and a histogram.

    Args:
        name: of the method.
        of: whose studies were weighed.
        weights: mean 1, (n,).
    """
    edges = np.linspace(0.0, max(float(weights.max()), 1e-9), BINS + 1)

    def row(w: NDArray[np.float64]) -> dict[str, Any]:
        return {
            "studies": len(w), "effective": round(effective_sample_size(w), 3) if w.sum() > 0 else 0.0,
            "mean": round(float(w.mean()), 6), "least": round(float(w.min()), 6), "largest": round(float(w.max()), 6),
            "histogram": np.histogram(w, edges)[0].tolist(),
        }

    whole = row(weights)
    sites = {str(site): row(weights[of.sites == site]) for site in dict.fromkeys(of.sites.tolist())}
    table = [(str(site), study, f"{w:.6g}") for site, study, w in zip(of.sites, of.studies, weights, strict=True)]
    return Tell(
        name.replace("_", "-"),
        (f"{name}: in the end the {whole['studies']} source studies count as {whole['effective']:.0f} equally weighted "
         "ones",),
        {"all": whole, "sites": sites, "edges": [round(float(edge), 6) for edge in edges]},
        {"weights": (("site", "study", "weight"), table)},
    )


def of_source(weights: NDArray[np.float64], of: Labelled) -> NDArray[np.float64]:
    """The source's part of weights of all studies, source first, at mean 1; zeros where it has no weight left."""
    own = weights[: len(of.source)]
    return np.asarray(own / own.mean()) if own.sum() > 0 else np.zeros(len(own))


def value_learner(strength: float) -> Ridge:
    """The base learner of values whose ensembles a network can hold.

    Args:
        strength: inverse penalty, above 0.
    """
    return Ridge(alpha=1.0 / strength)


def median_head(estimates: Sequence[Estimate], of: Labelled) -> MedianHead:
    """Linear regressors on standardised features as a head on the features themselves: their weighted median.

    Args:
        estimates: fitted linear regressors, or ones refitted by a straight line, with their say.
        of: the studies that they were fitted on.
    """
    head = MedianHead(len(of.mean), len(estimates))
    weight = np.zeros((len(estimates), len(of.mean)))
    bias = np.zeros(len(estimates))
    for k, estimate in enumerate(estimates):
        learner, slope, offset = estimate.learner, 1.0, 0.0
        if hasattr(learner, "slope"):
            slope, offset, learner = learner.slope, learner.offset, learner.learner
        weight[k] = slope * np.ravel(learner.coef_) / of.scale
        bias[k] = offset + slope * float(np.ravel(learner.intercept_)[0]) - weight[k] @ of.mean
    votes = np.array([estimate.vote for estimate in estimates])
    votes = votes / votes.sum() if votes.sum() > 0 else np.full(len(votes), 1.0 / len(votes))
    with torch.no_grad():
        head.linear.weight.copy_(torch.from_numpy(weight))
        head.linear.bias.copy_(torch.from_numpy(bias))
        head.votes.copy_(torch.from_numpy(votes))
    return head


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
