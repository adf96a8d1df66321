"""Transfer component analysis: a closed-form projection behind the features, and a head on top."""
from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.components import Components, fit_components
from medtl.methods.base import OPTIONS, Extract, Fit, Method, Setting, Stages, Tell
from medtl.models.behind import Affine, KernelProjection
from medtl.models.extend import extend
from medtl.types import Table

ROUNDING = 1e-6
"""By how much of its size another runtime may round a feature otherwise."""
STEADY = 3e-5
"""How far that may move a component, on average; scores then move by less than 1e-5."""
WORTH = 0.1
"""Least standard deviation of a component: one that may not even be scaled up to this is rounding."""
STILL = 1e-2
"""Variation of a feature over its size below which it is left out, since in every component it would be noise."""
SILENT = 1e30
"""Scale of a feature that is left out: whatever it says becomes 0."""


@dataclass(frozen=True, config=OPTIONS)
class TCA(Method):
    """Learns the source, projects its features to components shared with the target, and fits a head on those.

    The components keep variance and differ little in mean between source and target: the leading solutions of
    K H K w = λ (I + μ K L K) w, on features standardised over both. They are scaled to standard deviation 1 over the
    studies seen, and are buffers of the network. No label enters them. Features and components that vary by little more
    than rounding are left out, and said. For features without a network there is the scikit-learn estimator
    ``medtl.methods.mapping.TCA``.

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
        found = self.found(table, setting.rng("tca", "landmarks"))
        yield found.told(self.components)
        extended = extend(model, found.layer, seed=setting.rng("tca", "head"))
        fixed = tuple(m for m in (extended.encoder, extended.pooling, extended.adaptation) if m is not None)
        yield Fit("head", extended, frozen=fixed, epochs=self.epochs)
        return extended

    def found(self, table: Table, seed: int) -> Found:
        """The projection, as a layer with its numbers set.

        Args:
            table: features of every study that may be seen.
            seed: of the landmarks.
        """
        rows = table.features.astype(np.float64)
        still = rows.std(axis=0) <= STILL * np.abs(rows).max(axis=0)
        if still.all():
            return Found(Affine(len(still), 1), 0, still)  # its numbers are 0, and so is what it gives
        held = np.where(still, rows.mean(axis=0), rows)
        fitted = fit_components(
            held[table.is_source], held[~table.is_source], count=self.components, mu=self.mu,
            kernel=self.kernel, landmarks=self.landmarks, seed=seed % 2**32,
        )
        fitted = dataclasses.replace(fitted, scale=np.where(still, SILENT, fitted.scale))
        layer, kept = steady_layer(fitted, rows)
        return Found(layer, kept, still)


@dataclasses.dataclass(frozen=True)
class Found:
    """A projection.

    Attributes:
        layer: with its numbers set.
        kept: number of its components; 0 where no feature varies enough, then the layer gives a single 0.
        still: bool, (d,), the features that are left out.
    """

    layer: Affine | KernelProjection
    kept: int
    still: NDArray[np.bool_]

    def told(self, asked: int) -> Tell:
        """What a user should know of it.

        Args:
            asked: wanted number of components.
        """
        width, left_out = len(self.still), int(self.still.sum())
        line = f"tca: {self.kept} of at most {asked} components, of {width} features"
        if left_out:
            line += f"; {left_out} that vary by less than 1 % of their size are left out"
        if not self.kept:
            line = (
                f"tca: the network sees no difference between studies that is more than rounding ({width} features): "
                "nothing to project, every study will get the same answer; train the source longer"
            )
        return Tell("components", (line,), {"asked": asked, "kept": self.kept, "features": width,
                                            "left_out": left_out})


def steady_layer(found: Components, features: NDArray[np.float64]) -> tuple[Affine | KernelProjection, int]:
    """A fitted map as a layer, its results centred and scaled to standard deviation 1, or less where they are unsteady.

    A network answers in float32, and another runtime rounds otherwise. A component is scaled up no further than so that
    this moves it by :data:`STEADY`, else the exported network would not answer as this one.

    Args:
        found: the map.
        features: that decide mean and scale, (n, d).

    Returns:
        The layer, and how many components it has: 0 where none is worth keeping, then it gives a single 0.
    """
    mapped = found.transform(features)
    mean, deviation = mapped.mean(axis=0), mapped.std(axis=0)
    kept = np.flatnonzero(deviation > 1e-9 * deviation.max(initial=0.0))
    size = ROUNDING * np.abs(features).max(axis=0)
    rounded = features + size * np.random.default_rng(0).choice([-1.0, 1.0], features.shape)
    with torch.no_grad():
        said = as_layer(found, mean, deviation, kept)(torch.from_numpy(rounded.astype(np.float32))).double().numpy()
    moved = said - (mapped - mean)[:, kept] / deviation[kept]
    excess = np.maximum(1.0, np.sqrt(np.square(moved).mean(axis=0)) / STEADY)
    deviation[kept] *= excess
    kept = kept[excess <= 1.0 / WORTH]
    return (as_layer(found, mean, deviation, kept) if len(kept) else Affine(features.shape[1], 1)), len(kept)


def as_layer(
    found: Components, mean: NDArray[np.float64], deviation: NDArray[np.float64], kept: NDArray[np.intp]
) -> Affine | KernelProjection:
    """Some components of a fitted map as a layer.

    Args:
        found: the map.
        mean: of its results, (components,).
        deviation: what they are divided by, above 0 for those that are kept.
        kept: which ones.
    """
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
