"""A distance on deep features that holds in both domains; the nearest labelled study answers."""
from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.boosting.metric_transfer import MetricTransfer
from medtl.functional.standardise import squared_distances
from medtl.methods.base import OPTIONS
from medtl.methods.boosted import Boost, Boosted, Labelled
from medtl.models.votes import NearestHead


@dataclass(frozen=True, config=OPTIONS)
class MTLF(Boosted):
    """Learns the network, then a metric on its features together with weights of source studies; the new head answers
    by the nearest labelled study of each class under that metric.

    Logits are minus squared distances over their median, so that scores rank; their scale means little. The head holds
    the labelled studies' mapped features, `width` numbers each, and so does the exported package.

    Args:
        width: principal axes that the metric is learned on.
        pull: factor of the distance of the weights to the density ratio.
        pairs: factor of the pairs' term.
        steps: alternations, at most.
        first: `fit` trains the network before, on source and visible target labels; `nothing` takes it as it is.

    Reference:
        Xu et al. 2017, "A Unified Framework for Metric Transfer Learning".
    """

    width: Annotated[int, Field(ge=1)] = 16
    pull: Annotated[float, Field(gt=0)] = 1.0
    pairs: Annotated[float, Field(gt=0)] = 1.0
    steps: Annotated[int, Field(ge=1)] = 30

    def boost(self, of: Labelled, seed: int) -> Boost:
        """The neighbours, the map folded into one matrix, and the weights of the source."""
        found = MetricTransfer(width=self.width, pull=self.pull, pairs=self.pairs, steps=self.steps).fit(
            of.source, of.source_labels, of.target, of.target_labels
        )
        matrix = found.metric_ @ found.map_ / of.scale
        finite = np.where(np.isfinite(of.scale), of.scale, 0.0)
        places = found.places_
        head = NearestHead(len(of.mean), len(matrix), len(places), of.classes)
        squared = squared_distances(places, places)[np.triu_indices(len(places), k=1)]
        numbers = {
            "matrix": matrix, "offset": -matrix @ (of.mean + found.mean_ * finite), "places": places,
            "of_class": np.eye(of.classes)[found.place_labels_].T,
            "scale": np.asarray(max(float(np.median(squared)), 1e-6)),
        }
        for name, values in numbers.items():
            getattr(head, name).copy_(torch.from_numpy(np.array(values)))
        return Boost(head, found.weights_)
