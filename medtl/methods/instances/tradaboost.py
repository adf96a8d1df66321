"""Boosting over source and labelled target studies: those of the source that mislead lose weight."""
from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.tradaboost import TrAdaBoost as Estimator
from medtl.methods.base import OPTIONS, Method, Setting, Stages
from medtl.methods.boosted import First, Labelled, linear_learner, procedure, vote_head
from medtl.methods.kinds import CLASSES, only_for
from medtl.models.model import Model
from medtl.models.votes import VoteHead


@dataclass(frozen=True, config=OPTIONS)
class Tradaboost(Method):
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
    first: First = "fit"

    needs_target_labels: ClassVar[bool] = True

    @property
    def drops_penalties(self) -> bool:  # type: ignore[override]
        """Without a fit there is nothing that a penalty could act on."""
        return self.first == "nothing"

    def check(self, model: Model) -> tuple[str, ...]:
        """Classes only; a flip needs two."""
        lines = only_for("tradaboost", CLASSES, model)
        if self.at_chance == "flip" and model.describe()["outputs"] > 2:
            lines += ("tradaboost.at_chance: flip is for two classes; choose stop or clip",)
        return lines

    def stages(self, setting: Setting) -> Stages:
        """Fit, extract, boost."""
        return procedure(setting, "tradaboost", self.first, self.head)

    def head(self, of: Labelled) -> VoteHead:
        """The boosted head."""
        found = Estimator(
            linear_learner(self.strength), rounds=self.rounds, error=self.error, correction=self.correction,
            at_chance=self.at_chance, vote=self.vote,
        ).fit(of.source, of.source_labels, of.target, of.target_labels)
        return vote_head(found.voters_[found.first_:], of, self.vote)
