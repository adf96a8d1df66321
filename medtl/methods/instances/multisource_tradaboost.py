"""TrAdaBoost that asks, each round, which source site helps the target most."""
from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.tradaboost import MultiSourceTrAdaBoost as Estimator
from medtl.methods.base import OPTIONS, Method, Setting, Stages
from medtl.methods.boosted import First, Labelled, linear_learner, procedure, vote_head
from medtl.methods.kinds import CLASSES, only_for
from medtl.models.model import Model
from medtl.models.votes import VoteHead


@dataclass(frozen=True, config=OPTIONS)
class MultisourceTradaboost(Method):
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
    first: First = "fit"

    needs_target_labels: ClassVar[bool] = True

    @property
    def drops_penalties(self) -> bool:  # type: ignore[override]
        """Without a fit there is nothing that a penalty could act on."""
        return self.first == "nothing"

    def check(self, model: Model) -> tuple[str, ...]:
        """Classes only."""
        return only_for("multisource_tradaboost", CLASSES, model)

    def stages(self, setting: Setting) -> Stages:
        """Fit, extract, boost."""
        return procedure(setting, "multisource_tradaboost", self.first, self.head)

    def head(self, of: Labelled) -> VoteHead:
        """The boosted head."""
        found = Estimator(
            linear_learner(self.strength), rounds=self.rounds, error=self.error, correction=self.correction,
            vote=self.vote,
        ).fit(of.source, of.source_labels, of.target, of.target_labels, of.sites)
        return vote_head(found.voters_, of, self.vote)
