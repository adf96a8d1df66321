"""TrAdaBoost on features that agree between hospitals."""
from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.enhanced import EnhancedTrAdaBoost as Estimator
from medtl.functional.boosting.learners import Voter
from medtl.methods.base import OPTIONS
from medtl.methods.boosted import Boost, Boosted, Labelled, linear_learner, of_source, vote_head


@dataclass(frozen=True, config=OPTIONS)
class EnhancedTradaboost(Boosted):
    """Learns the network, drops its features that differ between the domains, and boosts on the others by TrAdaBoost.

    A feature's gap is the mean over classes of the distance of class means, in standard deviations. The paper's own
    formula could not be read; this form is ours.

    Args:
        rounds: N.
        strength: inverse penalty of each logistic regression.
        gap: largest gap of a kept feature.
        least: share of features that are kept in any case.
        vote: `soft` votes are probabilities; `hard` ones are those of TrAdaBoost's paper.
        first: `fit` trains the network before, on source and visible target labels; `nothing` takes it as it is.

    Reference:
        After Li et al. 2017, an enhanced TrAdaBoost for sandstone images of several regions.
    """

    rounds: Annotated[int, Field(ge=1)] = 10
    strength: Annotated[float, Field(gt=0)] = 0.1
    gap: Annotated[float, Field(ge=0)] = 0.5
    least: Annotated[float, Field(gt=0, le=1)] = 0.25
    vote: Literal["soft", "hard"] = "soft"

    def boost(self, of: Labelled, seed: int) -> Boost:
        """The boosted head, in which dropped features have weight 0, and the weights that the source ended with."""
        found = Estimator(
            linear_learner(self.strength), rounds=self.rounds, gap=self.gap, least=self.least, vote=self.vote
        ).fit(of.source, of.source_labels, of.target, of.target_labels)
        voters: list[Voter] = []
        for voter in found.voters_[found.first_:]:
            whole = np.zeros((len(voter.learner.coef_), len(found.support_)))
            whole[:, found.support_] = voter.learner.coef_
            voter.learner.coef_ = whole
            voters.append(replace(voter))
        return Boost(vote_head(voters, of, self.vote), of_source(found.weights_[-1], of))
