"""Transfer component analysis: a closed-form projection behind the features, and a head on top."""
from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.components import Components, fit_components
from medtl.methods.base import OPTIONS, Extract, Fit, Method, Setting, Stages
from medtl.models.behind import Affine, KernelProjection
from medtl.models.extend import extend
from medtl.types import Table

NOISE = 1e-2
"""Variation of a feature over its size, and of a component over the largest one's, from which they are used. Runtimes
agree on a feature to about a millionth of its size; scaled up a hundredfold at most, scores still agree to 1e-5."""


@dataclass(frozen=True, config=OPTIONS)
class TCA(Method):
    """Learns the source, projects its features to components shared with the target, and fits a head on those.

    The components keep variance and differ little in mean between source and target: the leading solutions of
    K H K w = λ (I + μ K L K) w, on features standardised over both. They are scaled to standard deviation 1 over the
    studies seen, and are buffers of the network. No label enters them. For features without a network there is the
    scikit-learn estimator ``medtl.methods.mapping.TCA``.

    Args:
        components: how many; at most as many as vary by more than rounding are used.
        mu: how much a difference of means costs beside variance (the 2009 form; the 2011 paper's μ is one over it).
        kernel: `linear`, or `rbf`: then the network holds the features of up to 5,000 studies of the training data.
        landmarks: rows that stand for all others where there are more than 5,000 (`rbf`).
        epochs: of the head; the run's if left out.

    Reference:
        Pan et al. 2009, "Domain Adaptation via Transfer Component Analysis" (IJCAI); Pan et al. 2011 (IEEE
        Transactions on Neural Networks).
    """

    components: Annotated[int, Field(gt=0)] = 32
    mu: Annotated[float, Field(ge=0)] = 1.0
    kernel: Literal["linear", "rbf"] = "linear"
    landmarks: Annotated[int, Field(gt=1)] = 1000
    epochs: Annotated[int, Field(gt=0)] | None = None

    needs_target_images: ClassVar[bool] = True
    drops_penalties: ClassVar[bool] = True
    drops_because: ClassVar[str] = "projects finished features and then fits only the head"

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing that must be trainable: finished features will do."""
        return ()

    def stages(self, setting: Setting) -> Stages:
        """Fit, extract, solve, fit the head."""
        model = setting.model
        yield Fit("source", model)
        table = yield Extract("features", model)
        assert table is not None
        extended = extend(model, self.layer(table, setting.rng("tca", "landmarks")), seed=setting.rng("tca", "head"))
        fixed = tuple(m for m in (extended.encoder, extended.pooling, extended.adaptation) if m is not None)
        yield Fit("head", extended, frozen=fixed, epochs=self.epochs)
        return extended

    def layer(self, table: Table, seed: int) -> Affine | KernelProjection:
        """The projection, as a layer with its numbers set.

        Args:
            table: features of every study that may be seen.
            seed: of the landmarks.
        """
        features = without_noise(table.features)
        if not (features != features[0]).any():
            return Affine(features.shape[1], 1)  # all studies look the same: one component, always 0
        found = fit_components(
            features[table.is_source], features[~table.is_source], count=self.components, mu=self.mu,
            kernel=self.kernel, landmarks=self.landmarks, seed=seed % 2**32,
        )
        return as_layer(found, found.transform(features))


def without_noise(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Features in which what rounding made is held at its mean, so that no projection magnifies it.

    A network answers in float32 and another runtime rounds otherwise: variation below :data:`NOISE` of a feature's size
    would be scaled up to that of the others, and the exported network would not answer as this one.

    Args:
        features: float32, (n, d).
    """
    rows = features.astype(np.float64)
    still = rows.std(axis=0) <= NOISE * np.abs(rows).max(axis=0)
    return np.where(still, rows.mean(axis=0), rows)


def as_layer(found: Components, mapped: NDArray[np.float64]) -> Affine | KernelProjection:
    """A fitted map as a layer, its results centred and scaled to standard deviation 1.

    Args:
        found: the map.
        mapped: its results over the rows that decide mean and scale, (n, components).
    """
    mean, deviation = mapped.mean(axis=0), mapped.std(axis=0)
    kept = deviation > NOISE * max(1e-300, float(deviation.max()))  # the others would be rounding, scaled up
    mean, deviation = mean[kept], deviation[kept]
    weights = found.weights[:, kept] / deviation
    features, width = len(found.mean), weights.shape[1]
    if found.kernel == "linear":
        matrix = (found.gamma * found.landmarks.T @ weights).T / found.scale  # (components, d)
        affine = Affine(features, width)
        affine.matrix.copy_(torch.from_numpy(matrix))
        affine.offset.copy_(torch.from_numpy(-matrix @ found.mean - mean / deviation))
        return affine
    projection = KernelProjection(features, len(found.landmarks), width)
    numbers = {
        "mean": found.mean, "scale": found.scale, "gamma": np.asarray(found.gamma), "landmarks": found.landmarks,
        "weights": weights, "offset": -mean / deviation,
    }
    for name, values in numbers.items():
        getattr(projection, name).copy_(torch.from_numpy(np.asarray(values)))
    return projection
