"""TrAdaBoost that asks, each round, which source site helps the target most."""
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.tradaboost import MultiSourceTrAdaBoost as Estimator
from medtl.methods.base import OPTIONS
from medtl.methods.boosted import Boost, Boosted, Labelled, linear_learner, of_source, vote_head


@dataclass(frozen=True, config=OPTIONS)
class MultisourceTradaboost(Boosted):
    """Learns the network, then boosts linear learners on its features; each round fits one candidate per source site,
    with the target, and takes the best on the target. All rounds vote, and their vote is the new head.

    Args:
        rounds: N.
        strength: inverse penalty of each logistic regression.
        error: `hard` counts wrong answers, `soft` is 1 less the probability of the truth.
        correction: `dynamic` keeps the sources' mass from drifting to zero; the paper has `none`.
        vote: `soft` votes are probabilities, so that scores rank finely; `hard` ones are the paper's.
        first: `fit` trains the network before, on source and visible target labels; `nothing` takes it as it is.

    Reference:
        Yao & Doretto 2010, "Boosting for Transfer Learning with Multiple Sources", algorithm 1.
    """

    rounds: Annotated[int, Field(ge=1)] = 10
    strength: Annotated[float, Field(gt=0)] = 0.1
    error: Literal["hard", "soft"] = "hard"
    correction: Literal["none", "dynamic"] = "none"
    vote: Literal["soft", "hard"] = "soft"

    def boost(self, of: Labelled, seed: int) -> Boost:
        """All rounds as a head, and the weights that the sources ended with."""
        found = Estimator(
            linear_learner(self.strength), rounds=self.rounds, error=self.error, correction=self.correction,
            vote=self.vote,
        ).fit(of.source, of.source_labels, of.target, of.target_labels, of.sites)
        return Boost(vote_head(found.voters_, of, self.vote), of_source(found.weights_[-1], of))
