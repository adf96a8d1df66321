"""TENT lowers entropy, learns nothing but scale and shift, leaves the network alone, and has one order."""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from medtl.config.sections import ModelSection
from medtl.data.batches import Batch
from medtl.errors import ConfigError
from medtl.functional.entropy import prediction_entropy
from medtl.models.adapt.tent import check_tent, tent
from medtl.models.build import build_model
from medtl.models.model import Model
from medtl.tasks.classification import Classification

IMAGES = torch.rand(12, 1, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def network(bn: str = "joint", backbone: str = "test_resnet") -> Model:
    section = ModelSection(backbone=backbone, weights="none", bn=bn)  # type: ignore[arg-type]
    return build_model(section, task=Classification(label="nodule"), seed=0)


def scan(rows: np.ndarray) -> Iterator[Batch]:
    n = len(rows)
    yield Batch(IMAGES[torch.from_numpy(rows)], torch.full((n, 1), float("nan")), torch.zeros(n, 1, dtype=torch.bool),
                torch.ones(n), torch.zeros(n, dtype=torch.long), torch.from_numpy(rows))


def answers(model: Model, rows: np.ndarray, **options: object) -> np.ndarray:
    given = {"kind": "binary", "batch_size": 6, "seed": 0, "site": "south", **options}
    return tent(model, scan, rows, **given).logits  # type: ignore[arg-type]


def test_without_learning_it_is_batch_statistics_alone() -> None:
    model = network()
    rows = np.arange(12)
    found = answers(model, rows, batch_size=12, rate=0.0)
    reference = network().train()
    with torch.no_grad():
        expected = reference(IMAGES).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_entropy_falls_while_it_goes_on() -> None:
    rows = np.arange(12)
    again = np.concatenate([rows] * 24)  # the same twelve scans over and over

    def entropy(rate: float) -> float:
        logits = answers(network(), again, batch_size=12, rate=rate)
        return float(prediction_entropy(torch.from_numpy(logits), "binary").mean())

    assert entropy(1e-2) < 0.8 * entropy(0.0) < 0.7


def test_the_network_stays_as_it_was_and_the_answers_repeat() -> None:
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = answers(model, np.arange(12))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())
    np.testing.assert_array_equal(first, answers(model, np.arange(12)))
    assert not np.array_equal(first, answers(model, np.arange(12), site="north"))


def test_answers_come_in_the_order_asked_and_short_ends_are_spread() -> None:
    model = network()
    sizes = []

    def counted(rows: np.ndarray) -> Iterator[Batch]:
        sizes.append(len(rows))
        yield from scan(rows)

    rows = np.array([7, 3, 0, 11, 5, 2, 9])
    said = tent(model, counted, rows, kind="binary", batch_size=6, seed=0, site="south")
    assert sorted(sizes) == [3, 4]
    np.testing.assert_array_equal(said.rows, rows)
    assert np.isfinite(said.logits).all()
    assert (said.logits != 0).any(axis=1).all()


def test_what_it_cannot_work_on_is_said() -> None:
    with pytest.raises(ConfigError, match=r"is frozen \(model\.bn: frozen\)"):
        check_tent(network("frozen"), "binary")
    with pytest.raises(ConfigError, match="a regression does not have"):
        check_tent(network(), "regression")
    with pytest.raises(ConfigError, match="is not there"):
        check_tent(network(backbone="test_vit"), "binary")
