"""Multi-scale convolutional sparse coding: filter banks learned without labels from source and target scans."""
from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from medtl.data.batches import Pair
from medtl.functional.sparse_coding import bounded, coding_objective, shared_between_scales, sparse_codes
from medtl.methods.base import OPTIONS, Fit, Method, Setting, Stages, Turn
from medtl.models.backbones.sparse_coding import SparseCodingNet
from medtl.models.build import assemble
from medtl.models.model import Model


@dataclass(frozen=True, config=OPTIONS)
class MSCSC(Method):
    r"""Learns filter banks of three sizes on the scans of both domains, then fits the network of these banks.

    The first stage lowers ½ |X - Σ D_sk * Z_sk|² + λ |Z|₁ jointly over the scales, with |D| ≤ 1: codes by FISTA,
    filters downhill, and an encoder that learns to give the codes in one step (correlate, shrink). A term keeps filters
    of different scales apart; its form, the mean squared cosine of centred filters, is ours. The second stage trains
    the network of encoder, absolute value and pooling on source labels, banks included.

    The network is small and replaces the config's backbone (`sparse_coding` in its place; pooling over slices,
    adaptation layer and batch normalisation stay as configured), so the comparison with a pretrained backbone is not
    one of equal networks.

    Args:
        sparsity: λ, on pictures of about unit range less their local mean.
        apart: factor of the term that keeps scales apart.
        iterations: of FISTA per step.
        patch: side in pixels of the piece that each step codes, at the same random place in all its scans.
        slices: of each scan that a step codes, evenly spaced.
        bank_epochs: of the first stage; the run's if left out.

    Reference:
        Chang et al. 2018, "Unsupervised Transfer Learning via Multi-Scale Convolutional Sparse Coding for Biomedical
        Applications".
    """

    sparsity: Annotated[float, Field(gt=0)] = 0.05
    apart: Annotated[float, Field(ge=0)] = 0.1
    iterations: Annotated[int, Field(gt=0)] = 20
    patch: Annotated[int, Field(ge=17)] = 64
    slices: Annotated[int, Field(gt=0)] = 2
    bank_epochs: Annotated[int, Field(gt=0)] | None = None

    needs_target_images: ClassVar[bool] = True
    drops_penalties: ClassVar[bool] = True
    drops_because: ClassVar[str] = "replaces the network that penalties are built for"
    replaces_encoder: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing of the configured network."""
        return ()

    def stages(self, setting: Setting) -> Stages:
        """Learn the banks, then fit the network."""
        model, dictionary = self.network(setting)

        def loss(pair: Pair, progress: float) -> Tensor:
            assert pair.target is not None
            return self.coding_loss(model, dictionary, torch.cat([pair.source.images, pair.target.images]))

        turn = Turn("banks", (model.encoder, dictionary), loss)
        yield Fit("banks", model, turns=(turn,), target_labels=False, epochs=self.bank_epochs)
        yield Fit("fit", model)
        return model

    def network(self, setting: Setting) -> tuple[Model, Dictionary]:
        """The network of banks at its start, and the dictionary that its scans are composed of."""
        described = setting.model.describe()
        described.pop("branch")
        description = {
            **{key: value for key, value in described.items() if key != "behind"},
            "backbone": "sparse_coding", "timm_name": "sparse_coding", "mean": [0.5] * 3, "std": [0.5] * 3,
            "weights": {"source": "none", "sha256": "", "loaded": 0, "fresh": 0}, "head": "linear",
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setting.rng("mscsc"))
            net = SparseCodingNet()
            dictionary = Dictionary(net)
        device = next(setting.model.parameters()).device
        return assemble(net, description, setting.rng("mscsc", "head")).to(device), dictionary

    def coding_loss(self, model: Model, dictionary: Dictionary, images: Tensor) -> Tensor:
        """The objective of the first stage.

        Args:
            model: its encoder learns to give the codes.
            dictionary: its filters learn to compose the pictures.
            images: (n, slices, channels, h, w).
        """
        net = model.encoder.net
        assert isinstance(net, SparseCodingNet)
        with torch.autocast(images.device.type, enabled=False):
            step = max(1, images.shape[1] // self.slices)
            flat = images[:, ::step][:, :self.slices].flatten(0, 1).expand(-1, 3, -1, -1)
            prepared = self._patch(net.prepare((flat.float() - model.encoder.mean) / model.encoder.std))
            banks = bounded(list(dictionary.banks))
            codes = sparse_codes(prepared, banks, self.sparsity, self.iterations)
            guessed = torch.stack([(g - z).square().sum() for g, z in zip(net.codes(prepared), codes, strict=True)])
            composed = coding_objective(prepared, codes, banks, self.sparsity)
            return composed + 0.5 * guessed.sum() / prepared.numel() + self.apart * shared_between_scales(banks)

    def _patch(self, pictures: Tensor) -> Tensor:
        spare = [max(0, pictures.shape[axis] - self.patch) for axis in (-2, -1)]
        top, left = (int(torch.randint(room + 1, ())) for room in spare)  # of the CPU's stream
        return pictures[..., top:top + self.patch, left:left + self.patch]


class Dictionary(nn.Module):
    """The filters that pictures are composed of, started as the encoder's, at length 1.

    Args:
        net: whose banks give number, sizes and start.
    """

    def __init__(self, net: SparseCodingNet) -> None:
        super().__init__()
        starts = [parameter.detach() for name, parameter in net.named_parameters() if name.endswith("filters.weight")]
        self.banks = nn.ParameterList(w / w.flatten(1).norm(dim=1)[:, None, None, None] for w in starts)
