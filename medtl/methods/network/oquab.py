"""ImageNet's front layers fixed, two new layers, and patches of several scales."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.data.batches import Batch, Pair
from medtl.methods.base import OPTIONS, Fit, Method, Setting, Stages, Tell, Turn
from medtl.methods.fronts import encoder_parts
from medtl.methods.kinds import CLASSES, only_for
from medtl.models.behind import behind
from medtl.models.model import Model
from medtl.models.patched import Patched, PatchScores, ReluLayer
from medtl.models.pooling import PatchPooling


@dataclass(frozen=True, config=OPTIONS)
class Oquab(Method):
    """Keeps the pretrained encoder as it is and learns two adaptation layers and a classifier on patches of several
    scales; a study's score is the mean over its patches of the class's probability to the fifth power.

    The paper labels patches by boxes and adds a background class. Here only studies have labels: every patch inherits
    its study's, and there is no background class. Patches are cut inside the network, so that what is exported takes
    whole scans.

    Args:
        hidden: width of each of the two layers.
        scales: 1 for the whole slice, s for (2 s - 1)² half overlapping patches of 1/s of its sides.
        power: of the patches' probabilities when they are taken together.
        dropout: in the new layers.

    Reference:
        Oquab et al. 2014, "Learning and Transferring Mid-Level Image Representations using Convolutional Neural
        Networks", sections 3 and 4.
    """

    hidden: Annotated[int, Field(ge=1)] = 256
    scales: Annotated[tuple[Annotated[int, Field(ge=1, le=8)], ...], Field(min_length=1)] = (1, 2)
    power: Annotated[float, Field(gt=0)] = 5.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5

    drops_penalties: ClassVar[bool] = True
    drops_because: ClassVar[str] = "has a loss of its own, over patches"

    def check(self, model: Model) -> Sequence[str]:
        """Classes only."""
        return only_for("oquab", CLASSES, model)

    def pace(self, model: Model, progress: float) -> Mapping[str, float]:
        """The encoder stands still."""
        return dict.fromkeys(encoder_parts(model), 0.0)

    def stages(self, setting: Setting) -> Stages:
        """New layers, then one fit over patches."""
        model = self.network(setting)
        head, encoder = model.head, model.encoder
        assert isinstance(head, PatchScores)
        assert isinstance(encoder, Patched)

        def of_patches(features: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            count = features.shape[1]
            return (
                head.each(features).flatten(0, 1), batch.labels.repeat_interleave(count, dim=0),
                batch.known.repeat_interleave(count, dim=0), batch.weights.repeat_interleave(count, dim=0),
            )

        def loss(pair: Pair, progress: float) -> Tensor:
            target = pair.target if setting.target_labels else None
            first, second = model.pair(pair.source.images, None if target is None else target.images)
            parts = [of_patches(first.features, pair.source)]
            if target is not None and second is not None:
                parts.append(of_patches(second.features, target))
            logits, labels, known, weights = (torch.cat(each) for each in zip(*parts, strict=True))
            return setting.task.loss(logits, labels, known, weights)

        yield Tell(
            "patches",
            (f"oquab: {encoder.patches} patches a slice at scales {', '.join(map(str, self.scales))}; each inherits "
             "the label of its study, and there is no background class, since only studies are labelled",),
            {"patches": encoder.patches, "scales": list(self.scales), "labels": "of the study", "background": False},
        )
        yield Fit("fit", model, turns=(Turn("model", (model,), loss),), forwards=())
        return model

    def network(self, setting: Setting) -> Model:
        """The network over patches."""
        model = setting.model
        encoder = Patched(model.encoder, {"scales": list(self.scales)})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setting.rng("oquab") % 2**63)
            layers = (ReluLayer(encoder.width, self.hidden, self.dropout),
                      ReluLayer(self.hidden, self.hidden, self.dropout))
            head = PatchScores(self.hidden, setting.task.outputs, self.power)
        description = model.describe()
        description.pop("branch")
        description |= {
            "patches": encoder.spec, "pooling": "patches", "adaptation": 0, "behind": [layer.spec for layer in layers],
            "head": head.spec, "feature_width": self.hidden,
        }
        device = model.encoder.mean.device
        made = Model(encoder, PatchPooling(encoder.width), behind(None, layers), head, model.treatment, description)
        return made.to(device).eval()
