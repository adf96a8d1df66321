"""Boosted heads over one shared backbone, each fitted on heavy source studies and the target."""
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.resampling import TrResampling as Estimator
from medtl.methods.base import OPTIONS
from medtl.methods.boosted import Boost, Boosted, Labelled, linear_learner, of_source, vote_head


@dataclass(frozen=True, config=OPTIONS)
class EnsembleTransfer(Boosted):
    """Learns the network, then boosts heads on its features by TrResampling: each round draws source studies by
    weight, fits a logistic regression of each strength on them and the target, and keeps the best on the target.

    One shared backbone with an ensemble of heads, in place of an ensemble of networks, is ours.

    Args:
        rounds: N; the last half votes.
        strengths: inverse penalties to choose from.
        share: drawn studies over source studies.
        error: `hard` counts wrong answers, `soft` is 1 less the probability of the truth.
        vote: `soft` votes are probabilities; `hard` ones are those of TrAdaBoost's paper.
        first: `fit` trains the network before, on source and visible target labels; `nothing` takes it as it is.

    Reference:
        After Liu et al. 2018, an ensemble transfer learning method (TrResampling).
    """

    rounds: Annotated[int, Field(ge=1)] = 10
    strengths: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (0.01, 0.1, 1.0)
    share: Annotated[float, Field(gt=0)] = 1.0
    error: Literal["hard", "soft"] = "hard"
    vote: Literal["soft", "hard"] = "soft"

    def boost(self, of: Labelled, seed: int) -> Boost:
        """The last half of the rounds as a head, and the weights that the source ended with."""
        found = Estimator(
            [linear_learner(strength) for strength in self.strengths], rounds=self.rounds, share=self.share,
            seed=seed, error=self.error, vote=self.vote,
        ).fit(of.source, of.source_labels, of.target, of.target_labels)
        return Boost(vote_head(found.voters_[found.first_:], of, self.vote), of_source(found.weights_[-1], of))
