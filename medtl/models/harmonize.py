"""ComBat within the network: each site's features are scaled and shifted before slices are pooled.

A site's map is affine per feature with a positive scale, so it may stand before a mean, a weighted mean or a maximum
over slices alike. Its numbers are buffers: they are stored, resumed and exported with the network.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medtl.functional.combat import Pooled, site_effect
from medtl.models.model import Model
from medtl.models.pooling import MeanPooling

METHOD = "combat"
SiteMap: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Factor and offset of each feature, (d,) each."""


class SitePooling(nn.Module):
    """Pooling over slices whose features were moved by their site's map first.

    Rows are told apart by :func:`route`; rows that nobody routed are of the site that answers.

    Args:
        pooling: of the network.
        sites: names, position is the number in ``Batch.domain``.
        width: of a slice's features, d.
        answers: number of the site whose scans are meant where nothing else is said: the target's if there is one.
    """

    factor: Tensor
    offset: Tensor
    pooled_mean: Tensor
    pooled_spread: Tensor

    def __init__(self, pooling: nn.Module, sites: Sequence[str], width: int, answers: int) -> None:
        super().__init__()
        self.pooling = pooling
        self.sites, self.answers = tuple(sites), answers
        self.spec: dict[str, Any] = {"method": METHOD, "sites": list(sites), "width": width, "answers": answers}
        self.register_buffer("factor", torch.ones(len(sites), width))
        self.register_buffer("offset", torch.zeros(len(sites), width))
        self.register_buffer("pooled_mean", torch.zeros(width, dtype=torch.float64))
        self.register_buffer("pooled_spread", torch.ones(width, dtype=torch.float64))
        self._routed: list[Tensor] = []

    def forward(self, slices: Tensor) -> Tensor:
        """(n, slices, d) to (n, d)."""
        domain = self._of_rows(len(slices)) if self._routed else None
        if domain is None:
            factor, offset = self.factor[self.answers], self.offset[self.answers]
        else:
            factor, offset = self.factor[domain][:, None], self.offset[domain][:, None]
        return self.pooling(slices * factor + offset)  # type: ignore[no-any-return]

    def route(self, *domains: Tensor) -> None:
        """Says of which site the rows of the next forwards are: of one forward of all, or of one forward each."""
        self._routed = [domain.to(self.factor.device) for domain in domains]

    def set_map(self, site: int, factor: NDArray[np.float64], offset: NDArray[np.float64]) -> None:
        """Sets one site's map of features, x to factor x + offset."""
        self.factor[site] = torch.from_numpy(factor).to(self.factor)
        self.offset[site] = torch.from_numpy(offset).to(self.offset)

    def _of_rows(self, count: int) -> Tensor | None:
        together = torch.cat(self._routed)
        if len(together) == count:
            return together
        if len(self._routed[0]) == count:
            return self._routed.pop(0)
        return None  # somebody else's forward


def layer_of(model: nn.Module) -> SitePooling | None:
    """A network's harmonisation of features, or None."""
    return next((module for module in model.modules() if isinstance(module, SitePooling)), None)


def route(model: nn.Module, *domains: Tensor) -> None:
    """Says of which site the rows of the next forwards are; nothing happens without harmonisation of features.

    Args:
        model: the network.
        domains: int64, (n,), ``Batch.domain`` of each batch that is forwarded next, together or one after another.
    """
    layer = layer_of(model)
    if layer is not None:
        layer.route(*domains)


def answer_for(model: Model, site: str | None) -> str | None:
    """Fixes the site whose map every scan gets from now on, as a package has it.

    Args:
        model: changed in place where it harmonises features.
        site: by name; None keeps the one that it answers for.

    Returns:
        Its name; None for a network that harmonises no features.

    Raises:
        KeyError: no such site.
    """
    layer = layer_of(model)
    if layer is None:
        return None
    if site is not None:
        if site not in layer.sites:
            raise KeyError(site)
        layer.answers = layer.sites.index(site)
    layer.route()
    return layer.sites[layer.answers]


def with_sites(model: Model, maps: Mapping[str, SiteMap], answers: int, pooled: Pooled) -> Model:
    """The same network with a map per site before its pooling; everything else is shared, not copied.

    Args:
        model: left as it is. Where it has maps already, they are replaced.
        maps: factor and offset per site, each (d,), in the order of ``Batch.domain``'s numbers.
        answers: number of the site that is meant where nothing else is said.
        pooled: of the training sites, kept for sites that come later.
    """
    description = model.describe()
    description.pop("branch")
    inner = model.pooling.pooling if isinstance(model.pooling, SitePooling) else model.pooling
    layer = SitePooling(inner, tuple(maps), int(description["encoder_width"]), answers)
    for number, (factor, offset) in enumerate(maps.values()):
        layer.set_map(number, factor, offset)
    layer.pooled_mean.copy_(torch.from_numpy(pooled.mean))
    layer.pooled_spread.copy_(torch.from_numpy(pooled.spread))
    description["harmonize"] = layer.spec
    device = next(model.parameters()).device
    return Model(
        model.encoder, layer.to(device), model.adaptation, model.head, model.treatment, description
    ).eval()


def with_new_sites(model: Model, features: Mapping[str, NDArray[np.float64]]) -> Model:
    """The same network with a map for further sites, from their own unlabelled features.

    Args:
        model: with ComBat; its own sites' maps stay.
        features: of :func:`features_of`'s network per new site, (n, d).
    """
    layer = layer_of(model)
    assert layer is not None
    pooled = Pooled(layer.pooled_mean.cpu().numpy(), layer.pooled_spread.cpu().numpy())
    maps: dict[str, SiteMap] = {
        site: (layer.factor[k].double().cpu().numpy(), layer.offset[k].double().cpu().numpy())
        for k, site in enumerate(layer.sites)
    }
    maps |= {site: site_effect(rows, pooled).affine(pooled) for site, rows in features.items()}
    return with_sites(model, maps, layer.answers, pooled)


def features_of(model: Model) -> Model:
    """A network whose features are the encoder's as they are before any harmonisation, mean over slices."""
    description = model.describe()
    description.pop("branch")
    description.pop("harmonize", None)
    width = int(description["encoder_width"])
    description |= {"adaptation": 0, "feature_width": width, "outputs": 1}
    head = nn.Linear(width, 1).to(next(model.parameters()).device)
    return Model(model.encoder, MeanPooling(), None, head, model.treatment, description).eval()


def harmonizing(pooling: nn.Module, spec: Mapping[str, Any] | None) -> nn.Module:
    """The pooling that a stored network's description asks for, its numbers not set."""
    if spec is None:
        return pooling
    return SitePooling(pooling, spec["sites"], int(spec["width"]), int(spec["answers"]))
