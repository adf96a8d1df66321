"""Boosting over source and labelled target studies: those of the source that mislead lose weight."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.tradaboost import TrAdaBoost as Estimator
from medtl.methods.base import OPTIONS
from medtl.methods.boosted import Boost, Boosted, Labelled, linear_learner, of_source, vote_head
from medtl.models.model import Model


@dataclass(frozen=True, config=OPTIONS)
class Tradaboost(Boosted):
    r"""Learns the network, then boosts linear learners on its features by TrAdaBoost; their vote is the new head.

    Each round's error counts on the target only; source studies that were wrong are multiplied by β, target studies
    that were wrong by 1 / β_t; the rounds ceil(N/2)..N vote. Features are standardised over all labelled studies, and
    the result is one exportable network. On features that were fitted to the same studies there is little left to
    boost: combine it with `freeze` (`until: all`, `model.adaptation: 0`), or set `first: nothing`.

    Args:
        rounds: N.
        strength: inverse penalty of each logistic regression.
        error: `hard` counts wrong answers, `soft` is 1 less the probability of the truth.
        correction: `dynamic` keeps the source's mass from drifting to zero.
        at_chance: at an error of 1 - 1/K or above: `stop`, `flip` (two classes) or `clip`.
        vote: `soft` votes are probabilities, so that scores rank finely; `hard` ones are the paper's.
        first: `fit` trains the network before, on source and visible target labels; `nothing` takes it as it is.

    Reference:
        Dai et al. 2007, "Boosting for Transfer Learning", figure 1.
    """

    rounds: Annotated[int, Field(ge=1)] = 10
    strength: Annotated[float, Field(gt=0)] = 0.1
    error: Literal["hard", "soft"] = "hard"
    correction: Literal["none", "dynamic"] = "dynamic"
    at_chance: Literal["stop", "flip", "clip"] = "stop"
    vote: Literal["soft", "hard"] = "soft"

    def check(self, model: Model) -> Sequence[str]:
        """Classes only; a flip needs two."""
        lines = [*super().check(model)]
        if self.at_chance == "flip" and model.describe()["outputs"] > 2:
            lines.append("tradaboost.at_chance: flip is for two classes; choose stop or clip")
        return lines

    def boost(self, of: Labelled, seed: int) -> Boost:
        """The last half of the rounds as a head, and the weights that the source ended with."""
        found = Estimator(
            linear_learner(self.strength), rounds=self.rounds, error=self.error, correction=self.correction,
            at_chance=self.at_chance, vote=self.vote,
        ).fit(of.source, of.source_labels, of.target, of.target_labels)
        head = vote_head(found.voters_[found.first_:], of, self.vote)
        return Boost(head, of_source(found.weights_[-1], of))
