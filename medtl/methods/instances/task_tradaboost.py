"""Learners of the source sites alone, among which the target chooses."""
from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.errors import ConfigError
from medtl.functional.boosting.task_tradaboost import TaskTrAdaBoost as Estimator
from medtl.methods.base import OPTIONS
from medtl.methods.boosted import Boost, Boosted, Labelled, linear_learner, vote_head


@dataclass(frozen=True, config=OPTIONS)
class TaskTradaboost(Boosted):
    """Learns the network, then boosts linear learners of each source site alone by AdaBoost; the target weighs, flips
    and combines those, and fits nothing itself. Two classes. Their vote is the new head.

    Args:
        rounds: of the choice, at most one per kept learner.
        source_rounds: of AdaBoost per source site.
        gamma: least 1/2 log((1 - e) / e) of a learner to be kept.
        strength: inverse penalty of each logistic regression.
        vote: `soft` votes are probabilities, so that scores rank finely; `hard` ones are the paper's.
        first: `fit` trains the network before, on source and visible target labels; `nothing` takes it as it is.

    Reference:
        Yao & Doretto 2010, "Boosting for Transfer Learning with Multiple Sources", algorithms 2 and 3.
    """

    rounds: Annotated[int, Field(ge=1)] = 10
    source_rounds: Annotated[int, Field(ge=1)] = 10
    gamma: Annotated[float, Field(ge=0)] = 0.0
    strength: Annotated[float, Field(gt=0)] = 0.1
    vote: Literal["soft", "hard"] = "soft"

    kinds: ClassVar[tuple[str, ...]] = ("binary",)

    def boost(self, of: Labelled, seed: int) -> Boost:
        """The chosen members of the pool as a head; the source is not weighed."""
        try:
            found = Estimator(
                linear_learner(self.strength), rounds=self.rounds, source_rounds=self.source_rounds, gamma=self.gamma
            ).fit(of.source, of.source_labels, of.target, of.target_labels, of.sites)
        except ValueError as error:
            raise ConfigError(f"task_tradaboost: {error}") from None
        return Boost(vote_head(found.voters_, of, self.vote))
