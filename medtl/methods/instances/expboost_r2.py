"""Boosting on the target's numbers with the sources' regressors as experts."""
from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.expboost_r2 import ExpBoostR2 as Estimator
from medtl.functional.boosting.r2 import Loss
from medtl.methods.base import OPTIONS
from medtl.methods.boosted import Boost, Boosted, Labelled, median_head, value_learner


@dataclass(frozen=True, config=OPTIONS)
class ExpboostR2(Boosted):
    r"""Learns the network, then boosts ridge regressions on its features by ExpBoost.R2.

    Each source site's regression, refitted to the target's values by a straight line, is an expert. AdaBoost.R2 runs on
    target studies only; each round takes the lowest weighted error of a new regression and every expert. The new head
    is the weighted median of all rounds.

    Args:
        rounds: at most so many.
        strength: inverse penalty of each ridge regression, on standardised features.
        loss: how absolute errors over their largest are adjusted.
        first: `fit` trains the network before, on source and visible target labels; `nothing` takes it as it is.

    Reference:
        Pardoe & Stone 2010, "Boosting for Regression Transfer", section 3.
    """

    rounds: Annotated[int, Field(ge=1)] = 10
    strength: Annotated[float, Field(gt=0)] = 0.1
    loss: Loss = "linear"

    kinds: ClassVar[tuple[str, ...]] = ("regression",)

    def boost(self, of: Labelled, seed: int) -> Boost:
        """The median of all rounds; source studies are not weighed."""
        found = Estimator(value_learner(self.strength), rounds=self.rounds, loss=self.loss).fit(
            of.source, of.source_labels, of.target, of.target_labels, of.sites
        )
        return Boost(median_head(found.estimates_, of))
