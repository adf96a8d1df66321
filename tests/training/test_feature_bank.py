"""With the bank and without it: the same weights, fewer forwards of the front."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from toy_cohort import QUICK, SIDE, cohort, loader, plan, real_model, run, setting, small_model, weights

from medtl.data.drawn import PLAIN
from medtl.methods.base import Method, Step
from medtl.methods.mapping.jan import JAN
from medtl.methods.network.freeze import Freeze
from medtl.methods.network.lp_ft import LpFt
from medtl.models.front import front
from medtl.models.model import Model
from medtl.progress import QUIET
from medtl.training import feature_bank
from medtl.training.device import open_device
from medtl.training.engine import run_plan
from medtl.training.feature_bank import FeatureBank, Shown
from medtl.training.phases import Phase

FROZEN_PLANS = ["freeze", "freeze+dan+density_ratio", "freeze+dann", "freeze+adda", "gradual_unfreeze", "lp_ft"]


def counted(model: Model) -> list[int]:
    """How many images each forward of the first part sees; where it is skipped, it sees placeholders of 2 x 2."""
    seen: list[int] = []

    def count(_: torch.nn.Module, args: tuple[torch.Tensor], __: torch.Tensor) -> None:
        if args[0].shape[-1] == SIDE:
            seen.append(len(args[0]))

    next(iter(model.parts.values())).register_forward_hook(count)
    return seen


@pytest.mark.parametrize(("name", "kind"), [
    *((name, kind) for name in FROZEN_PLANS for kind in ("plain", "augmented")),
    *((name, "channels_last") for name in ("freeze+dann", "gradual_unfreeze")),
])
def test_weights_are_equal_with_and_without_it(name: str, kind: str, tmp_path: Path) -> None:
    augment = "light" if kind == "augmented" else "none"
    layout = "channels_last" if kind == "channels_last" else "contiguous"
    methods = [LpFt(probe_epochs=4)] if name == "lp_ft" else plan(name)
    seen, results = {}, {}
    for bank in ("auto", "off"):
        model = small_model()
        seen[bank] = counted(model)
        train = replace(QUICK, feature_bank=bank, epochs=5, bank_views=2, layout=layout)
        results[bank] = weights(run(tmp_path / bank, methods, model=model, train=train, augment=augment))
    assert all(torch.equal(results["auto"][key], results["off"][key]) for key in results["off"])
    assert sum(seen["auto"]) < 0.9 * sum(seen["off"])


@pytest.mark.parametrize("before", ["gradual_unfreeze", "lp_ft"])
def test_layers_that_a_penalty_reads_are_run_while_they_stand_still(before: str, tmp_path: Path) -> None:
    """A product of kernels depends on a layer that does not move yet."""
    first = LpFt(probe_epochs=4) if before == "lp_ft" else plan(before)[0]
    results = []
    for bank in ("auto", "off"):
        methods: list[Method] = [first, JAN(layers=("blocks.1", "outputs"))]
        train = replace(QUICK, feature_bank=bank, epochs=5)
        results.append(weights(run(tmp_path / bank, methods, train=train)))
    assert all(torch.equal(results[0][key], results[1][key]) for key in results[0])


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("backbone", ["test_resnet", "mobilenetv3_small_050"])
def test_weights_of_a_real_backbone_are_equal_too(backbone: str, layout: str, tmp_path: Path) -> None:
    until = {"test_resnet": "layer2", "mobilenetv3_small_050": "blocks.2"}[backbone]
    methods: list[Method] = [Freeze(until=until), *plan("dan+dann")]
    results = []
    for bank in ("auto", "off"):
        train = replace(QUICK, feature_bank=bank, layout=layout)
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


def opened(
    limit: int, monkeypatch: pytest.MonkeyPatch, models: list[Model], augment: str = "none", views: int = 0
) -> FeatureBank | None:
    monkeypatch.setattr(feature_bank, "LIMIT_BYTES", limit)
    still = ("conv1", "bn1", "blocks.0")
    shown = Shown("fit", range(2), True, views, True, cohort().rows("source", "val"), 12)
    phase, data = Phase(0, 2, still, "blocks.0"), loader(cohort(visible=4), augment=augment)
    return feature_bank.open_bank(models, phase, shown, data, open_device(QUICK), QUIET)


def test_its_size_is_bounded_and_other_fronts_are_not_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(10**9, monkeypatch, [small_model(), small_model()]) is not None
    assert opened(10**3, monkeypatch, [small_model()]) is None
    assert opened(10**9, monkeypatch, [small_model(0), small_model(1)]) is None


@pytest.mark.parametrize("memory", [10**9, 0])
@pytest.mark.parametrize(("augment", "views"), [("none", 0), ("light", 3)])
def test_its_batches_are_the_loaders_with_activations_for_images(
    memory: int, augment: str, views: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_bank, "MEMORY_BYTES", memory)
    model = small_model().eval()
    data = loader(cohort(visible=4), augment=augment)
    given = np.random.default_rng(0).random(len(data.cohort.catalogue.items)).astype(np.float32)
    for _ in range(2):  # computed, then kept
        bank = opened(10**9, monkeypatch, [model], augment, views)
        assert bank is not None
        pairs = data.epoch("fit", 1, given, True, views)
        for one, other in zip(pairs, bank.epoch("fit", 1, given, True), strict=True):
            assert one.target is not None
            assert other.target is not None
            for a, b in ((one.source, other.source), (one.target, other.target)):
                with torch.no_grad():
                    torch.testing.assert_close(b.images, front(model, a.images, "blocks.0"))
                for field in ("labels", "known", "weights", "domain", "rows"):
                    assert torch.equal(getattr(a, field), getattr(b, field)), field


def test_views_are_few_alike_for_every_seed_and_drawn_anew_each_epoch() -> None:
    first, other = (loader(cohort(), augment="light", train=replace(QUICK, seed=seed)) for seed in (0, 1))
    drawn = [pair[0] for epoch in range(40) for pair in first.drawn("fit", epoch, views=3)]
    shown: dict[int, set[bytes]] = {}
    for one in drawn[:60]:
        for row, image in zip(one.rows.tolist(), first.images(one), strict=True):
            shown.setdefault(row, set()).add(image.numpy().tobytes())
    assert max(map(len, shown.values())) == 3
    assert len({tuple(one.views.tolist()) for one in drawn}) > 20
    rows, views = np.arange(3), np.array([0, 1, 2])
    assert torch.equal(first.images(first.seen(rows, views)), other.images(other.seen(rows, views)))
    assert len({first.key(0, view) for view in (PLAIN, 0, 1)}) == 3


def test_it_says_what_it_saved_and_a_second_run_computes_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    monitor = SimpleNamespace(start=lambda *_: None, advance=lambda *_: None, finish=lambda: None, say=said.append)
    for name in ("one", "two"):
        model = small_model(seed=77)
        data = loader(cohort())
        (tmp_path / name).mkdir()
        run_plan(plan("freeze+dann"), setting(model, data, QUICK), data, QUICK, tmp_path / name / "stages",
                 tmp_path / name / "log.jsonl", monitor)
    lines = [line for line in said if line.startswith("feature bank")]
    assert "forwards of the front in" in lines[0]
    assert "saves" in lines[0]
    assert "all kept from before" in lines[1]
