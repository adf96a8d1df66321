"""One network for all sites up to its head, and a head per site."""
from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from medtl.data.batches import Pair
from medtl.methods.base import OPTIONS, Fit, Method, Setting, Stages, Tell, Turn
from medtl.models.model import Model
from medtl.models.site_heads import SiteHeads
from medtl.models.values import ValueHead
from medtl.models.votes import with_head

_ACTIVATION: dict[str, Literal["softmax", "sigmoid", "identity"]] = {
    "binary": "softmax", "multiclass": "softmax", "multilabel": "sigmoid", "regression": "identity"
}


@dataclass(frozen=True, config=OPTIONS)
class SharedTrunk(Method):
    """Trains one network on all labelled studies with a head per site (or scanner, as `sites.domains` says): each
    study's loss is that of its own site's head, and everything beneath is shared.

    What answers is the target's own head where its labels are visible (the mean of them with several targets), else
    the mean of the source heads' scores; source studies are scored the same way. Several tasks at once are
    `task.labels`: each label is an output of its own over a shared trunk.

    Args:
        answers: `auto`, or `mean` for the mean of the source heads in any case.

    Reference:
        Huang et al. 2013, "Cross-language knowledge transfer using multilingual deep neural network with shared hidden
        layers"; Caruana 1997, "Multitask Learning".
    """

    answers: Literal["auto", "mean"] = "auto"

    drops_penalties: ClassVar[bool] = True
    drops_because: ClassVar[str] = "has a loss of its own, each study's under its site's head"

    def stages(self, setting: Setting) -> Stages:
        """Heads, fit."""
        model = self.network(setting)
        heads = model.head
        assert isinstance(heads, SiteHeads)

        def loss(pair: Pair, progress: float) -> Tensor:
            target = pair.target if setting.target_labels else None
            first, second = model.pair(pair.source.images, None if target is None else target.images)
            logits = heads.of(first.features, pair.source.domain)
            if target is None or second is None:
                source = pair.source
                return setting.task.loss(logits, source.labels, source.known, source.weights)
            both = (pair.source, target)
            return setting.task.loss(
                torch.cat([logits, heads.of(second.features, target.domain)]),
                *(torch.cat([getattr(batch, name) for batch in both]) for name in ("labels", "known", "weights")),
            )

        names = setting.domains[heads.first: heads.last]
        answering = f"the head of {names[0]}" if len(names) == 1 else f"the mean of the heads of {', '.join(names)}"
        yield Tell("heads", (f"shared_trunk: a head for each of {', '.join(setting.domains)}; {answering} answers",),
                   {"heads": list(setting.domains), "answers": list(names)})
        yield Fit("fit", model, turns=(Turn("model", (model,), loss),), forwards=())
        return model

    def network(self, setting: Setting) -> Model:
        """The network with its heads."""
        model = setting.model
        everyone, sources = len(setting.domains), _sources(setting)
        own = self.answers == "auto" and setting.target_labels and sources < everyone
        first, last = (sources, everyone) if own else (0, max(1, sources))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setting.rng("shared_trunk") % 2**63)
            head = SiteHeads(
                model.feature_width, setting.task.outputs, everyone, first, last, _ACTIVATION[setting.task.kind]
            )
        if isinstance(model.head, ValueHead):
            head.mean.copy_(model.head.mean)
            head.scale.copy_(model.head.scale)
        return with_head(model, head)


def _sources(setting: Setting) -> int:
    """How many domains are the source's; they come first."""
    return sum(name in setting.source_sites or name.partition("/")[0] in setting.source_sites
               for name in setting.domains)
