"""CORAL in closed form: finished features of one domain whitened and coloured like the other's."""
from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from medtl.functional.moments import coral_map
from medtl.methods.base import OPTIONS, Extract, Fit, Method, Setting, Stages
from medtl.models.behind import Affine
from medtl.models.extend import extend
from medtl.types import Table


@dataclass(frozen=True, config=OPTIONS)
class FeatureCORAL(Method):
    """Learns the source, then makes covariances of both domains equal by one affine map of the features.

    `source_to_target` is the paper's: source features are mapped, a fresh head is fitted on them, and target features
    go to that head as they are; the network keeps its shape. `target_to_source` maps what comes in at inference (its
    numbers are buffers of the network) and keeps the head; the source's own studies are then mapped too. For features
    without a network there is the scikit-learn estimator ``medtl.methods.mapping.CORAL``.

    Args:
        direction: which domain is mapped.
        ridge: added to both covariances, as a multiple of their mean variance (1 on the paper's standardised features).
        means: whether the mapped domain also takes the other's mean, as features standardised per domain would.
        epochs: of the head; the run's if left out.

    Reference:
        Sun, Feng & Saenko 2016, "Return of Frustratingly Easy Domain Adaptation", algorithm 1.
    """

    direction: Literal["source_to_target", "target_to_source"] = "source_to_target"
    ridge: Annotated[float, Field(gt=0)] = 1.0
    means: bool = True
    epochs: Annotated[int, Field(gt=0)] | None = None

    needs_target_images: ClassVar[bool] = True
    drops_penalties: ClassVar[bool] = True
    drops_because: ClassVar[str] = "maps finished features and moves nothing but the head after that"

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing that must be trainable: finished features will do."""
        return ()

    def stages(self, setting: Setting) -> Stages:
        """Fit, extract, solve, and where the source is mapped, fit the head."""
        model = setting.model
        yield Fit("source", model)
        table = yield Extract("features", model)
        assert table is not None
        if self.direction == "target_to_source":
            return extend(model, self.layer(table))
        mapped = extend(model, self.layer(table), seed=setting.rng("feature_coral"))
        fixed = tuple(m for m in (mapped.encoder, mapped.pooling, mapped.adaptation) if m is not None)
        yield Fit("head", mapped, frozen=fixed, epochs=self.epochs)
        model.head.load_state_dict(mapped.head.state_dict())
        return model

    def layer(self, table: Table) -> Affine:
        """The map, as a layer with its numbers set.

        Args:
            table: features of every study that may be seen.
        """
        rows = torch.from_numpy(table.features).double()
        is_source = torch.from_numpy(table.is_source)
        moving, fixed = rows[is_source], rows[~is_source]
        if self.direction == "target_to_source":
            moving, fixed = fixed, moving
        variance = 0.5 * float(moving.var(dim=0).mean() + fixed.var(dim=0).mean())
        matrix, offset = coral_map(moving, fixed, ridge=max(self.ridge * variance, 1e-12), means=self.means)
        layer = Affine(rows.shape[1], rows.shape[1])
        layer.matrix.copy_(matrix)
        layer.offset.copy_(offset)
        return layer
