"""TrAdaBoost for numbers in two stages: how much of the source to keep is found by validation."""
from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.r2 import Loss
from medtl.functional.boosting.two_stage import TwoStageTrAdaBoostR2 as Estimator
from medtl.methods.base import OPTIONS
from medtl.methods.boosted import Boost, Boosted, Labelled, median_head, of_source, value_learner


@dataclass(frozen=True, config=OPTIONS)
class TwoStageTradaboostR2(Boosted):
    r"""Learns the network, then boosts ridge regressions on its features by two-stage TrAdaBoost.R2.

    In steps the target's share of the weight grows from m/(n+m) to 1, source studies losing weight by their errors; at
    each step AdaBoost.R2 boosts the target's weights with the source's fixed. The step with the lowest squared error by
    cross-validation over target studies answers: the weighted median of its regressions is the new head.

    Args:
        steps: S.
        folds: of the target's studies.
        rounds: of AdaBoost.R2 at each step.
        strength: inverse penalty of each ridge regression, on standardised features.
        loss: how absolute errors over their largest are adjusted.
        first: `fit` trains the network before, on source and visible target labels; `nothing` takes it as it is.

    Reference:
        Pardoe & Stone 2010, "Boosting for Regression Transfer", algorithm 4.
    """

    steps: Annotated[int, Field(ge=2)] = 10
    folds: Annotated[int, Field(ge=2)] = 5
    rounds: Annotated[int, Field(ge=1)] = 10
    strength: Annotated[float, Field(gt=0)] = 0.1
    loss: Loss = "linear"

    kinds: ClassVar[tuple[str, ...]] = ("regression",)

    def boost(self, of: Labelled, seed: int) -> Boost:
        """The median of the best step's regressions, and the weights of that step."""
        found = Estimator(
            value_learner(self.strength), steps=self.steps, folds=self.folds, rounds=self.rounds, loss=self.loss,
            seed=seed,
        ).fit(of.source, of.source_labels, of.target, of.target_labels)
        return Boost(median_head(found.estimates_, of), of_source(found.weights_[found.best_], of))
