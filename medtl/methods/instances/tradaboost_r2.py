"""TrAdaBoost for numbers, on the network's features."""
from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.r2 import Loss
from medtl.functional.boosting.tradaboost_r2 import TrAdaBoostR2 as Estimator
from medtl.methods.base import OPTIONS
from medtl.methods.boosted import Boost, Boosted, Labelled, median_head, of_source, value_learner


@dataclass(frozen=True, config=OPTIONS)
class TradaboostR2(Boosted):
    r"""Learns the network, then boosts ridge regressions on its features over source and target by TrAdaBoost.R2.

    Errors are adjusted by the largest of both domains; e counts on the target only; source studies lose weight by
    β^e_i, target studies gain it by β_t^-e_i. The new head is the weighted median of the last half of the rounds.

    Args:
        rounds: N.
        strength: inverse penalty of each ridge regression, on standardised features.
        loss: how absolute errors over their largest are adjusted.
        first: `fit` trains the network before, on source and visible target labels; `nothing` takes it as it is.

    Reference:
        Pardoe & Stone 2010, "Boosting for Regression Transfer", algorithm 3.
    """

    rounds: Annotated[int, Field(ge=1)] = 10
    strength: Annotated[float, Field(gt=0)] = 0.1
    loss: Loss = "linear"

    kinds: ClassVar[tuple[str, ...]] = ("regression",)

    def boost(self, of: Labelled, seed: int) -> Boost:
        """The median of the last half of the rounds, and the weights that the source ended with."""
        found = Estimator(value_learner(self.strength), rounds=self.rounds, loss=self.loss).fit(
            of.source, of.source_labels, of.target, of.target_labels
        )
        return Boost(median_head(found.estimates_[found.first_:], of), of_source(found.weights_[-1], of))
