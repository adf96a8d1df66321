"""The network: encoder over slices, pooling, adaptation layer, head; with named parts and taps for the methods."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from medtl.errors import ConfigError
from medtl.models import bn
from medtl.models.backbones.base import Encoder, part_names
from medtl.models.precision import forward_context, widened
from medtl.types import nearest


@dataclass(frozen=True)
class Outputs:
    """What the network gives for a batch of studies.

    Attributes:
        features: (n, d): of the adaptation layer if there is one, else the pooled features of the backbone.
        taps: the activations asked for by part name, mean over space and slices, each (n, d_l).
        outputs: (n, K), logits.
    """

    features: Tensor
    taps: dict[str, Tensor]
    outputs: Tensor

    def split(self, count: int) -> tuple[Outputs, Outputs]:
        """The first ``count`` studies and the rest."""
        first = Outputs(self.features[:count], {k: v[:count] for k, v in self.taps.items()}, self.outputs[:count])
        rest = Outputs(self.features[count:], {k: v[count:] for k, v in self.taps.items()}, self.outputs[count:])
        return first, rest


class Model(nn.Module):
    """One module from images to logits: the first waist.

    Args:
        encoder: images to features, per slice.
        pooling: features of slices to features of the study.
        adaptation: trainable layer between pooled features and head, or None.
        head: features to logits.
        treatment: of batch normalisation over domains; see :mod:`medtl.models.bn`.
        description: everything that :func:`medtl.models.store.load` needs to build this network again.
    """

    def __init__(
        self,
        encoder: Encoder,
        pooling: nn.Module,
        adaptation: nn.Module | None,
        head: nn.Module,
        treatment: bn.Treatment,
        description: dict[str, Any],
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.adaptation = adaptation
        self.head = head
        self.treatment: bn.Treatment = treatment
        self._description = description

    @property
    def parts(self) -> dict[str, nn.Module]:
        """Named parts, front to back: the encoder's by timm's names, ``pooling``, ``adaptation``, ``head``.

        Every parameter and every buffer of batch normalisation is in exactly one part.
        """
        parts = part_names(self.encoder.net)
        for name in ("pooling", "adaptation", "head"):
            part = getattr(self, name)
            if part is not None and any(True for _ in part.parameters()):
                parts[name] = part
        return parts

    @property
    def feature_width(self) -> int:
        """Width d of ``Outputs.features``."""
        return int(self._description["feature_width"])

    @property
    def branch(self) -> str:
        """Which branch answers at inference: ``source`` or ``target`` with domain-specific BN, else ``single``."""
        number = bn.inference_branch(self)
        return "single" if number is None else bn.BRANCHES[number]

    def describe(self) -> dict[str, Any]:
        """The network in JSON-able words, enough to build it again without any download."""
        return {**self._description, "branch": self.branch}

    def forward(self, images: Tensor) -> Tensor:
        """Images to logits, by the branch that answers at inference.

        Args:
            images: float32 in [0, 1], (n, slices, 1 or 3, height, width).

        Returns:
            (n, K).
        """
        return self.full(images).outputs

    def full(self, images: Tensor, domain: Tensor | None = None, taps: Sequence[str] = ()) -> Outputs:
        """Images to features, taps and logits.

        Args:
            images: float32 in [0, 1], (n, slices, 1 or 3, height, width).
            domain: int64, (n,), 0 source and 1 target, for domain-specific BN; None takes the inference branch.
            taps: names of parts, ``features`` or ``outputs``.

        Raises:
            ConfigError: a tap that the network does not have.
        """
        if self.treatment == "dsbn":
            bn.route(self, domain if domain is not None else (bn.inference_branch(self) or 0))
        return self._run(images, taps)

    def pair(
        self, source: Tensor, target: Tensor | None = None, taps: Sequence[str] = ()
    ) -> tuple[Outputs, Outputs | None]:
        """A source and a target batch, with BatchNorm treated as the model states.

        ``joint`` is one forward of the concatenation; otherwise the source goes first and alone, so that its outputs do
        not depend on the target's images, and the target's forward draws from a copy of the random state.

        Args:
            source: float32, (n, slices, channels, height, width).
            target: float32, (m, slices, channels, height, width), or None.
            taps: names of parts, ``features`` or ``outputs``.

        Returns:
            The source's outputs, and the target's or None.
        """
        if target is not None and self.treatment == "joint":
            return self._run(torch.cat([source, target]), taps).split(len(source))
        bn.route(self, 0)
        first = self._run(source, taps)
        if target is None:
            return first, None
        devices = [target.device] if target.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            if self.treatment == "adabn":
                with bn.untracked(self):
                    return first, self._run(target, taps)
            bn.route(self, 1)
            return first, self._run(target, taps)

    def slice_features(self, images: Tensor) -> Tensor:
        """The encoder alone: (n, slices, channels, height, width) to (n, slices, d), or (n, 1, d) of a volume."""
        n, slices = images.shape[:2]
        if self.encoder.volume:  # what a front kept of a volume has other axes, and none to spare
            whole = images if images.ndim == 5 else images.flatten(0, 1)
            return self.encoder(whole).reshape(n, 1, -1)  # type: ignore[no-any-return]
        return self.encoder(images.flatten(0, 1)).reshape(n, slices, -1)  # type: ignore[no-any-return]

    def finish(self, slices: Tensor) -> Outputs:
        """Everything after the encoder: (n, slices, d) to features and logits."""
        pooled = self.pooling(slices)
        features = pooled if self.adaptation is None else self.adaptation(pooled)
        outputs = self.head(features)
        own = {"pooling": pooled, "adaptation": features, "head": outputs, "features": features, "outputs": outputs}
        return Outputs(features, own, outputs)

    def _run(self, images: Tensor, taps: Sequence[str]) -> Outputs:
        n = images.shape[0]
        with self._caught(taps) as caught, forward_context():
            done = self.finish(self.slice_features(images))
        done = Outputs(
            widened(done.features), {name: widened(value) for name, value in done.taps.items()}, widened(done.outputs)
        )
        inner = {name: widened(value).reshape(n, -1, value.shape[1]).mean(dim=1) for name, value in caught.items()}
        missing = [name for name in taps if name not in inner and name not in done.taps]
        if missing:
            raise ConfigError(*(f"layer {name!r} of the backbone gives no activation of its own: choose another of "
                                f"{', '.join(self.parts)}" for name in missing))
        wanted = {name: inner[name] if name in inner else done.taps[name] for name in (*taps, "features", "outputs")}
        return Outputs(done.features, wanted, done.outputs)

    @contextmanager
    def _caught(self, taps: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        caught: dict[str, Tensor] = {}
        inner = [name for name in taps if name not in {"features", "outputs", "pooling", "adaptation", "head"}]
        if not inner:
            yield caught
            return
        parts = self.parts
        for name in inner:
            if name not in parts:
                hint = nearest(name, tuple(parts))
                raise ConfigError(f"layer {name!r} is not a part of this model ({', '.join(parts)}, features, outputs)"
                                  + (f": did you mean {hint!r}?" if hint else ""))

        def catch(name: str) -> Any:
            def hook(part: nn.Module, _: Any, output: Any) -> None:
                caught[name] = self.encoder.pooled(output[0] if isinstance(output, tuple) else output, part)
            return hook

        handles = [parts[name].register_forward_hook(catch(name)) for name in inner]
        try:
            yield caught
        finally:
            for handle in handles:
                handle.remove()
