"""ComBat within the network: each row gets its own site's map, whichever forward it comes in, and is stored with it."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from medtl.config.sections import ModelSection
from medtl.functional.combat import Pooled
from medtl.models import store
from medtl.models.build import build_model
from medtl.models.harmonize import SitePooling, answer_for, features_of, layer_of, route, with_new_sites, with_sites
from medtl.models.model import Model
from medtl.models.pooling import MeanPooling
from medtl.tasks.classification import Classification

IMAGES = torch.rand(6, 2, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def network(pooling: str = "mean") -> tuple[Model, Model]:
    """A network, and the same with maps of two sites."""
    section = ModelSection(backbone="test_resnet", weights="none", pooling=pooling)  # type: ignore[arg-type]
    plain = build_model(section, task=Classification(label="nodule"), seed=0)
    width = int(plain.describe()["encoder_width"])
    rng = np.random.default_rng(0)
    maps = {site: (rng.uniform(0.5, 2, width), rng.normal(0, 1, width)) for site in ("north", "south")}
    return plain, with_sites(plain, maps, 1, Pooled(rng.normal(0, 1, width), rng.uniform(1, 2, width)))


def logits(model: Model, images: Tensor = IMAGES) -> Tensor:
    with torch.no_grad():
        return model(images)


@pytest.mark.parametrize("pooling", ["mean", "max", "attention"])
def test_rows_get_their_own_sites_map_in_one_forward_or_two(pooling: str) -> None:
    _, model = network(pooling)
    alone = {}
    for site in ("north", "south"):
        assert answer_for(model, site) == site
        alone[site] = logits(model)
    domain = torch.tensor([0, 1, 1, 0, 1, 0])
    wanted = torch.where(domain[:, None] == 0, alone["north"], alone["south"])
    route(model, domain)
    torch.testing.assert_close(logits(model), wanted)
    route(model, domain[:2], domain[2:])
    torch.testing.assert_close(logits(model), wanted)  # joint
    route(model, domain[:2], domain[2:])
    torch.testing.assert_close(torch.cat([logits(model, IMAGES[:2]), logits(model, IMAGES[2:])]), wanted)
    route(model)
    torch.testing.assert_close(logits(model), alone["south"])


def test_a_map_of_slices_is_a_map_of_their_mean() -> None:
    slices = torch.rand(3, 4, 5)
    layer = SitePooling(MeanPooling(), ("a",), 5, 0)
    factor, offset = np.arange(1.0, 6.0), np.arange(5.0)
    layer.set_map(0, factor, offset)
    torch.testing.assert_close(layer(slices), slices.mean(1) * torch.from_numpy(factor).float()
                               + torch.from_numpy(offset).float())


def test_it_is_stored_with_the_network(tmp_path: Path) -> None:
    plain, model = network()
    store.save(model, tmp_path)
    again = store.load(tmp_path)
    torch.testing.assert_close(logits(again), logits(model))
    layer = layer_of(again)
    assert layer is not None
    assert (layer.sites, layer.answers) == (("north", "south"), 1)
    assert layer_of(plain) is None
    assert answer_for(plain, "anywhere") is None
    with pytest.raises(KeyError):
        answer_for(again, "west")


def test_a_new_site_joins_and_the_others_stay() -> None:
    plain, model = network()
    features = features_of(plain).full(IMAGES).features.detach().numpy().astype(np.float64)
    torch.testing.assert_close(features_of(model).full(IMAGES).features, features_of(plain).full(IMAGES).features)
    grown = with_new_sites(model, {"west": np.concatenate([features, features + 0.1])})
    before, after = layer_of(model), layer_of(grown)
    assert before is not None
    assert after is not None
    assert after.sites == ("north", "south", "west")
    torch.testing.assert_close(after.factor[:2], before.factor)
    torch.testing.assert_close(logits(grown), logits(model))
