"""TCA and CORAL inside a network: the layer is the map, and the procedure asks for what it needs."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from medtl.export.parity import TOLERANCE
from medtl.functional.components import fit_components
from medtl.functional.moments import covariance
from medtl.methods.base import Extract, Fit, Setting, Tell
from medtl.methods.mapping.feature_coral import FeatureCORAL
from medtl.methods.mapping.tca import TCA
from medtl.models.build import assemble
from medtl.models.model import Model
from medtl.tasks.classification import Classification
from medtl.types import Role, Table


def table(source: int = 40, target: int = 30, width: int = 5, shift: float = 2.0) -> Table:
    draw = np.random.default_rng(0)
    role: tuple[Role, ...] = ("source",) * source + ("target",) * target
    order = draw.permutation(source + target)
    features = draw.normal(size=(source + target, width)).astype(np.float32)
    features[source:] = features[source:] * 2.0 + shift
    return Table(
        study=tuple(f"s{i}" for i in order), patient=tuple(f"p{i}" for i in order), site=("a",) * len(order),
        role=tuple(role[i] for i in order), split=("train",) * len(order),
        labels=np.zeros((len(order), 1), np.float32), hidden=np.zeros(len(order), bool), features=features[order],
    )


class Net(torch.nn.Module):
    num_features = 5

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 5, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.conv(images).mean(dim=(2, 3))


def setting() -> Setting:
    description: dict[str, Any] = {
        "backbone": "net", "mean": [0.5] * 3, "std": [0.5] * 3, "pooling": "mean", "adaptation": 0, "bn": "joint",
        "head": "linear", "outputs": 2,
    }
    model = assemble(Net(), description, 0)
    return Setting(
        model, Classification(label="nodule"), ("a",), ("b",), ("a", "b"), False, 1,
        lambda *names: sum(map(ord, str(names))), table,
    )


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_the_layer_is_the_fitted_map_at_unit_deviation(kernel: str) -> None:
    of = table()
    layer = TCA(components=3, mu=10.0, kernel=kernel).found(of, seed=0).layer  # type: ignore[arg-type]
    found = fit_components(
        of.features[of.is_source], of.features[~of.is_source], count=3, mu=10.0, kernel=kernel  # type: ignore[arg-type]
    )
    mapped = found.transform(of.features)
    expected = (mapped - mapped.mean(0)) / mapped.std(0)
    np.testing.assert_allclose(layer(torch.from_numpy(of.features)).numpy(), expected, rtol=1e-3, atol=1e-4)
    assert not list(layer.parameters())


def drive(method: TCA | FeatureCORAL) -> tuple[list[Fit | Extract | Tell], Model]:
    """The requests, and what comes out, without training."""
    stages = method.stages(setting())
    asked, reply = [next(stages)], None
    while True:
        reply = table() if isinstance(asked[-1], Extract) else None
        try:
            asked.append(stages.send(reply))
        except StopIteration as end:
            return asked, end.value


def test_tca_fits_looks_and_fits_the_head_only() -> None:
    asked, model = drive(TCA(components=3, epochs=2))
    assert [request.name for request in asked] == ["source", "features", "components", "head"]
    told, head = asked[2:]
    assert isinstance(told, Tell)
    assert told.content == {"asked": 3, "kept": 3, "features": 5, "left_out": 0}
    assert isinstance(head, Fit)
    assert head.epochs == 2
    assert set(head.frozen) == {model.encoder, model.pooling, model.adaptation}
    assert model.feature_width == 3
    assert model(torch.rand(2, 1, 1, 8, 8)).shape == (2, 2)
    assert model.encoder is asked[0].model.encoder


def test_mapping_the_source_leaves_the_network_as_it_was_and_mapping_the_target_puts_a_layer_in() -> None:
    asked, model = drive(FeatureCORAL())
    assert [request.name for request in asked] == ["source", "features", "head"]
    assert model is asked[0].model
    assert torch.equal(model.head.weight, asked[2].model.head.weight)  # type: ignore[arg-type]
    asked, model = drive(FeatureCORAL(direction="target_to_source", ridge=1e-6))
    assert [request.name for request in asked] == ["source", "features"]
    assert model.head is asked[0].model.head
    of = table()
    assert model.adaptation is not None
    mapped = model.adaptation(torch.from_numpy(of.features[~of.is_source]))
    wanted = torch.from_numpy(of.features[of.is_source])
    torch.testing.assert_close(covariance(mapped), covariance(wanted), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(mapped.mean(0), wanted.mean(0), rtol=1e-3, atol=1e-4)


def test_neither_reads_labels_names_or_order() -> None:
    of = table()
    draw = np.random.default_rng(1)
    other = replace(of, labels=draw.normal(size=of.labels.shape).astype(np.float32), study=of.study[::-1])
    for method in (TCA(components=2), FeatureCORAL()):
        one, same = (
            method.found(t, 0).layer if isinstance(method, TCA) else method.layer(t) for t in (of, other)
        )
        assert all(torch.equal(a, b) for a, b in zip(one.buffers(), same.buffers(), strict=True))


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("varying", [0, 2, 5])
def test_collapsed_features_are_not_scaled_up_to_noise(kernel: str, varying: int) -> None:
    of, draw = table(), np.random.default_rng(3)
    width = of.features.shape[1]
    spread = np.where(np.arange(width) < varying, 1.0, 1e-5)
    features = (3.0 + spread * draw.normal(size=of.features.shape)).astype(np.float32)
    found = TCA(components=4, kernel=kernel).found(replace(of, features=features), seed=0)  # type: ignore[arg-type]
    said = found.layer(torch.from_numpy(features))
    assert found.still.tolist() == (spread < 1.0).tolist()
    if kernel == "linear":
        assert found.kept == min(4, varying)
    assert said.shape[1] == max(1, found.kept)
    assert bool(said.any()) == (varying > 0)
    other = features * (1.0 + 1e-6 * draw.normal(size=features.shape)).astype(np.float32)  # another runtime's rounding
    torch.testing.assert_close(found.layer(torch.from_numpy(other)), said, rtol=0, atol=1e-3)
    (line,) = found.told(4).lines
    assert ("every study will get the same answer" in line) == (varying == 0)
    assert ("3 that vary by less than 1 %" in line) == (varying == 2)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("mu", [0.0, 1.0])
@pytest.mark.parametrize("apart", [1.0, 1e-3, 1e-5])
def test_features_along_one_line_give_steady_components_only(kernel: str, mu: float, apart: float) -> None:
    of, draw = table(), np.random.default_rng(4)
    line = 2.0 + draw.normal(size=(len(of.study), 1)) * np.linspace(0.5, 1.5, 5)
    features = (line + apart * draw.normal(size=line.shape)).astype(np.float32)
    method = TCA(components=4, mu=mu, kernel=kernel)  # type: ignore[arg-type]
    found = method.found(replace(of, features=features), seed=0)
    assert found.kept >= 1
    if kernel == "linear":
        assert found.kept == (4 if apart == 1.0 else 1)
    said = found.layer(torch.from_numpy(features))
    deviation = said.std(dim=0, correction=0)
    assert bool((deviation > 0.09).all() and (deviation < 1.01).all())
    assert kernel == "rbf" or deviation[0] == pytest.approx(1.0, rel=1e-2)
    other = features * (1.0 + 2e-7 * draw.normal(size=features.shape)).astype(np.float32)
    head = torch.full((found.kept,), found.kept**-0.5)
    moved = torch.sigmoid(found.layer(torch.from_numpy(other)) @ head) - torch.sigmoid(said @ head)
    assert float(moved.abs().max()) < TOLERANCE
