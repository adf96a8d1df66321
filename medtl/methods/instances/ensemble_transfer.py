"""Boosted heads over one shared backbone, each fitted on heavy source studies and the target."""
from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.resampling import TrResampling as Estimator
from medtl.methods.base import OPTIONS, Method, Setting, Stages
from medtl.methods.boosted import First, Labelled, linear_learner, procedure, vote_head
from medtl.methods.kinds import CLASSES, only_for
from medtl.models.model import Model
from medtl.models.votes import VoteHead


@dataclass(frozen=True, config=OPTIONS)
class EnsembleTransfer(Method):
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
    first: First = "fit"

    needs_target_labels: ClassVar[bool] = True

    @property
    def drops_penalties(self) -> bool:  # type: ignore[override]
        """Without a fit there is nothing that a penalty could act on."""
        return self.first == "nothing"

    def check(self, model: Model) -> tuple[str, ...]:
        """Classes only."""
        return only_for("ensemble_transfer", CLASSES, model)

    def stages(self, setting: Setting) -> Stages:
        """Fit, extract, draw and boost."""
        seed = setting.rng("ensemble_transfer")
        return procedure(setting, "ensemble_transfer", self.first, partial(self.head, seed=seed))

    def head(self, of: Labelled, seed: int = 0) -> VoteHead:
        """The boosted head."""
        found = Estimator(
            [linear_learner(strength) for strength in self.strengths], rounds=self.rounds, share=self.share,
            seed=seed, error=self.error, vote=self.vote,
        ).fit(of.source, of.source_labels, of.target, of.target_labels)
        return vote_head(found.voters_[found.first_:], of, self.vote)
