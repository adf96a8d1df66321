"""Frozen means no gradient and eval mode, whoever calls train(); and the table says it."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_cohort import QUICK, run, small_model, weights

from medtl.methods.base import Method, Step
from medtl.methods.network.freeze import Freeze
from medtl.training.log import EpochLog
from medtl.training.moves import Stillness, always_still, pace_of, paces, part_rates, table_of_moves


@dataclass(frozen=True)
class Thaw(Method):
    """Frozen in the first half."""

    part: str = "blocks.1"

    def pace(self, model: Any, progress: float) -> Mapping[str, float]:
        return {self.part: 0.0 if progress < 0.5 else 1.0}


@dataclass(frozen=True)
class Slow(Method):
    """Moves a part at a fraction."""

    by: float = 0.5

    def pace(self, model: Any, progress: float) -> Mapping[str, float]:
        return {"blocks.1": self.by, "head": self.by}


@dataclass(frozen=True)
class Meddles(Method):
    """Puts the whole network into train mode in every step, as careless code does."""

    def penalty(self, step: Step) -> None:
        step.model.train()


def test_paces_multiply_and_zero_wins() -> None:
    model = small_model()
    pace = pace_of([Slow(0.5), Slow(0.2), Freeze(until="conv1")], model, 0.0)
    assert pace == {"conv1": 0, "bn1": 1, "blocks.0": 1, "blocks.1": 0.1, "conv_head": 1, "adaptation": 1, "head": 0.1}
    assert always_still(paces([Thaw(), Freeze(until="bn1")], model, 4)) == ("conv1", "bn1")


def test_frozen_parts_have_no_gradient_and_stay_in_eval_mode_after_train() -> None:
    model = small_model()
    still = Stillness(model, [], [])
    still.apply(pace_of([Freeze(until="blocks.0")], model, 0.0))
    model.train()
    still.hold()
    for name, part in model.parts.items():
        frozen = name in {"conv1", "bn1", "blocks.0"}
        assert all(p.requires_grad != frozen for p in part.parameters())
        assert all(module.training != frozen for module in part.modules())
    still.apply(pace_of([], model, 0.0))
    assert all(p.requires_grad for p in model.parameters())
    still.release()
    assert not any(module.training for module in model.modules())


def test_what_did_not_learn_before_does_not_learn_now() -> None:
    model = small_model()
    model.head.bias.requires_grad_(False)
    still = Stillness(model, [], [])
    still.apply(pace_of([Freeze(until="all")], model, 0.0))
    still.apply(pace_of([], model, 0.0))
    assert not model.head.bias.requires_grad
    assert model.head.weight.requires_grad
    assert model.parts["conv1"].weight.requires_grad


def test_with_the_whole_encoder_frozen_its_dropout_is_off_too() -> None:
    model = small_model()
    still = Stillness(model, [], [])
    still.apply(pace_of([Freeze(until="all")], model, 0.0))
    assert not any(module.training for module in model.encoder.modules())
    assert model.head.training


def test_batch_statistics_do_not_drift_beneath_a_frozen_front_even_if_a_method_calls_train(tmp_path: Path) -> None:
    start = weights(small_model())
    after = weights(run(tmp_path, [Freeze(until="blocks.1"), Meddles()]))
    moved = {name for name in start if not torch.equal(start[name], after[name])}
    assert moved
    assert all(name.startswith(("encoder.net.conv_head", "adaptation", "head")) for name in moved)
    free = weights(run(tmp_path / "free", []))
    assert not torch.equal(free["encoder.net.bn1.running_mean"], start["encoder.net.bn1.running_mean"])


def test_a_part_that_thaws_moves_from_then_on(tmp_path: Path) -> None:
    train = replace(QUICK, epochs=4, selection="last")
    run(tmp_path / "all", [Thaw()], train=train)
    lines = EpochLog(tmp_path / "all" / "log.jsonl").records()
    assert [line["pace"]["blocks.1"] for line in lines] == [0, 0, 1, 1]
    start = weights(small_model())
    half = weights(run(tmp_path / "half", [Thaw()], train=replace(QUICK, epochs=1, selection="last")))
    full = weights(run(tmp_path / "full", [Thaw()], train=train))
    key = "encoder.net.blocks.1.0.weight"
    assert torch.equal(half[key], start[key])
    assert not torch.equal(full[key], start[key])


def test_a_slower_pace_moves_less(tmp_path: Path) -> None:
    train = replace(QUICK, epochs=1, optimizer="sgd", weight_decay=0.0, schedule="constant", lr=1e-3)
    start = weights(small_model())
    key = "encoder.net.blocks.1.0.weight"
    moved = {}
    for by in (1.0, 0.1):
        after = weights(run(tmp_path / str(by), [Slow(by)], train=train))
        moved[by] = float((after[key] - start[key]).norm())
    assert moved[0.1] == pytest.approx(0.1 * moved[1.0], rel=0.05)


def test_the_table_counts_every_parameter_once_and_says_what_moves() -> None:
    model = small_model()
    rows = {row.part: row for row in table_of_moves([Freeze(until="bn1"), Thaw()], model, replace(QUICK, epochs=4))}
    assert sum(row.parameters for row in rows.values()) == sum(p.numel() for p in model.parameters())
    assert [rows[name].state for name in ("conv1", "bn1", "blocks.0", "blocks.1")] == [
        "frozen", "frozen", "trained", "frozen at first"
    ]
    assert rows["bn1"].bn == "running statistics"
    assert rows["blocks.0"].bn == "joint"
    assert rows["conv_head"].bn == ""
    assert rows["blocks.1"].pace == (0.0, 1.0)


def test_only_pretrained_parts_have_the_lower_rate() -> None:
    train = replace(QUICK, lr=1e-2, lr_backbone=0.1)
    assert set(part_rates(small_model(), train).values()) == {1e-2}
    loaded = small_model()
    loaded._description["weights"] = {"loaded": 17}
    rates = part_rates(loaded, train)
    assert rates["conv1"] == pytest.approx(1e-3)
    assert rates["head"] == rates["adaptation"] == 1e-2




def test_a_misspelt_part_has_no_table_and_no_traceback() -> None:
    wrong = Freeze(until="nowhere")
    assert wrong.check(small_model())
    assert table_of_moves([wrong], small_model(), QUICK) == []
