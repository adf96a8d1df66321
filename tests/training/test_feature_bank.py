"""With the bank and without it: the same weights, fewer forwards of the front."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from toy_cohort import QUICK, SIDE, cohort, loader, plan, real_model, run, small_model, weights

from medtl.methods.base import Method, Step
from medtl.methods.network.freeze import Freeze
from medtl.models.model import Model
from medtl.progress import QUIET
from medtl.training import feature_bank
from medtl.training.device import open_device

FROZEN_PLANS = ["freeze", "freeze+dan+density_ratio", "freeze+dann", "freeze+adda"]


def counted(model: Model) -> list[int]:
    """How many images each forward of the first part sees; where it is skipped, it sees placeholders of 2 x 2."""
    seen: list[int] = []

    def count(_: torch.nn.Module, args: tuple[torch.Tensor], __: torch.Tensor) -> None:
        if args[0].shape[-1] == SIDE:
            seen.append(len(args[0]))

    next(iter(model.parts.values())).register_forward_hook(count)
    return seen


@pytest.mark.parametrize("augment", ["none", "light"])
@pytest.mark.parametrize("name", FROZEN_PLANS)
def test_weights_are_equal_with_and_without_it(name: str, augment: str, tmp_path: Path) -> None:
    seen, results = {}, {}
    for bank in ("auto", "off"):
        model = small_model()
        seen[bank] = counted(model)
        train = replace(QUICK, feature_bank=bank, epochs=3)
        results[bank] = weights(run(tmp_path / bank, plan(name), model=model, train=train, augment=augment))
    assert all(torch.equal(results["auto"][key], results["off"][key]) for key in results["off"])
    assert sum(seen["auto"]) < (0.6 if augment == "none" else 0.9) * sum(seen["off"])


@pytest.mark.parametrize("backbone", ["test_resnet", "mobilenetv3_small_050"])
def test_weights_of_a_real_backbone_are_equal_too(backbone: str, tmp_path: Path) -> None:
    until = {"test_resnet": "layer2", "mobilenetv3_small_050": "blocks.2"}[backbone]
    methods: list[Method] = [Freeze(until=until), *plan("dan+dann")]
    results = []
    for bank in ("auto", "off"):
        train = replace(QUICK, feature_bank=bank)
        results.append(weights(run(tmp_path / bank, methods, model=real_model(backbone), train=train, side=32)))
    assert all(torch.equal(results[0][key], results[1][key]) for key in results[0])


@dataclass(frozen=True)
class LooksAtImages(Method):
    """A penalty on pixels."""

    needs_target_images: ClassVar[bool] = True
    reads_images: ClassVar[bool] = True

    def penalty(self, step: Step) -> torch.Tensor:
        assert step.pair.source.images.shape[1:] == (1, 1, 16, 16)
        return 0.0 * step.source.features.sum()


@pytest.mark.parametrize(
    ("methods", "make"),
    [
        ([], small_model),
        ([Freeze(until="all"), LooksAtImages()], small_model),
        ([Freeze(until="all")], lambda: small_model(bn="dsbn")),
    ],
)
def test_it_stays_out_where_it_does_not_fit(methods: list[Method], make: Callable[[], Model], tmp_path: Path) -> None:
    model = make()
    seen = counted(model)
    run(tmp_path, methods, model=model)
    assert len(seen) >= 2 * 3 * 2  # epochs, steps, and the predictions between


def opened(limit: int, monkeypatch: pytest.MonkeyPatch, models: list[Model]) -> Any:
    monkeypatch.setattr(feature_bank, "LIMIT_BYTES", limit)
    data = loader(cohort())
    still = ("conv1", "bn1", "blocks.0")
    rows = cohort().rows("source", "val")
    return feature_bank.open_bank(models, still, data, rows, open_device(QUICK), QUIET, forwards=12)


def test_its_size_is_bounded_and_other_fronts_are_not_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(10**9, monkeypatch, [small_model(), small_model()]) is not None
    assert opened(10**3, monkeypatch, [small_model()]) is None
    assert opened(10**9, monkeypatch, [small_model(0), small_model(1)]) is None


def test_its_batches_are_the_loaders_with_activations_for_images(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model().eval()
    bank, boundary = opened(10**9, monkeypatch, [model])
    given = np.random.default_rng(0).random(len(cohort().catalogue.items)).astype(np.float32)
    assert boundary == "blocks.0"
    for labels in (False, True):
        pairs = list(loader(cohort(visible=4)).epoch("fit", 1, given, labels))
        data = loader(cohort(visible=4))
        banked = feature_bank.FeatureBank(data, bank.train, bank.scored)
        banked.train = _known_again(bank.train, data)
        for one, other in zip(pairs, banked.epoch("fit", 1, given, labels), strict=True):
            for a, b in ((one.source, other.source), (one.target, other.target)):
                assert b.images.shape[2:] == (8, 8, 8)
                for field in ("labels", "known", "weights", "domain", "rows"):
                    assert torch.equal(getattr(a, field), getattr(b, field)), field


def _known_again(train: Any, data: Any) -> Any:
    """The same activations with the labels that this loader may show."""
    (scanned,) = feature_bank._regrouped(data.scan(train.rows.numpy()), len(train))
    return replace(scanned, images=train.images)
