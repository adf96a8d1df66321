"""The engine: what it does with requests, answers and the four seams' composition."""
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from toy_cohort import QUICK, cohort, run, small_model, weights

from medtl.errors import ConfigError
from medtl.methods.base import MAIN, Extract, Fit, Method, Setting, Stages, Step, Turn
from medtl.methods.mapping.dan import DAN
from medtl.methods.network.freeze import Freeze
from medtl.methods.network.l2_sp import L2SP
from medtl.training.log import EpochLog
from medtl.types import Table

SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    SEEN.clear()


@dataclass(frozen=True)
class Rounds(Method):
    """Fits, looks, and fits again with weights made of what it saw."""

    rounds: int = 2

    def stages(self, setting: Setting) -> Stages:
        weigh: NDArray[np.float32] | None = None
        for k in range(self.rounds):
            yield Fit(f"round-{k}", setting.model, weights=weigh, epochs=1)
            table = yield Extract(f"look-{k}", setting.model)
            assert isinstance(table, Table)
            SEEN.append(table)
            weigh = np.linalg.norm(table.features, axis=1).astype(np.float32)
        return setting.model


@dataclass(frozen=True)
class Halve(Method):
    """Source weights by position, for counting."""

    by: float = 1.0

    def weigh(self, table: Table) -> NDArray[np.float32]:
        SEEN.append(table)
        return np.where(np.arange(len(table)) % 2 == 0, self.by, 1.0).astype(np.float32)


@dataclass(frozen=True)
class Watch(Method):
    """A penalty of nothing that keeps what it is shown."""

    needs_target_images: ClassVar[bool] = True

    def penalty(self, step: Step) -> Tensor:
        SEEN.append(step)
        return 0.0 * step.source.features.sum()


def test_a_procedure_gets_tables_of_what_may_be_seen_and_its_rounds_are_replayed(tmp_path: Path) -> None:
    first = weights(run(tmp_path, [Rounds()]))
    tables = list(SEEN)
    assert [path.name for path in sorted((tmp_path / "stages").iterdir())] == [
        "00-round-0", "01-look-0", "02-round-1", "03-look-1"
    ]
    of = cohort()
    items = of.catalogue.items
    seen = [i for i in range(len(items)) if of.split[i] in {"train", "adapt"}]
    assert tables[0].study == tuple(items[i].study for i in seen)
    assert np.isnan(tables[0].labels[~tables[0].is_source]).all()
    assert not np.isnan(tables[0].labels[tables[0].is_source]).any()
    assert not np.array_equal(tables[0].features, tables[1].features)
    again = weights(run(tmp_path, [Rounds()]))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert all(np.array_equal(a.features, b.features) for a, b in zip(tables, SEEN[2:], strict=True))


def test_weights_multiply_and_reach_the_batches_with_mean_one(tmp_path: Path) -> None:
    run(tmp_path, [Halve(3.0), Halve(2.0), Watch()], train=replace(QUICK, epochs=1))
    source = SEEN[0].is_source
    raw = np.where(np.arange(len(SEEN[0])) % 2 == 0, 6.0, 1.0)
    expected = dict(zip(SEEN[0].study, raw / raw[source].mean(), strict=True))
    items = cohort().catalogue.items
    steps = [seen for seen in SEEN if isinstance(seen, Step)]
    assert steps
    for step in steps:
        for row, weight in zip(step.pair.source.rows.tolist(), step.pair.source.weights.tolist(), strict=True):
            assert weight == pytest.approx(expected[items[row].study], rel=1e-6)


def test_weights_change_what_is_learned_and_equal_ones_do_not(tmp_path: Path) -> None:
    plain = weights(run(tmp_path / "plain", []))
    equal = weights(run(tmp_path / "equal", [Halve(1.0)]))
    heavy = weights(run(tmp_path / "heavy", [Halve(5.0)]))
    assert all(torch.equal(plain[name], equal[name]) for name in plain)
    assert any(not torch.equal(plain[name], heavy[name]) for name in plain)


def test_a_penalty_sees_progress_rise_from_zero_and_no_hidden_label(tmp_path: Path) -> None:
    run(tmp_path, [Watch()])
    progress = [step.progress for step in SEEN]
    assert progress[0] == 0.0
    assert progress == sorted(progress)
    assert progress[-1] < 1.0
    assert len(set(progress)) == len(progress)
    assert not any(step.pair.target.known.any() for step in SEEN)
    assert not any(step.pair.target.labels.any() for step in SEEN)


@dataclass(frozen=True)
class OfWeights(Method):
    """A penalty that asks for no target and keeps what it is shown."""

    def penalty(self, step: Step) -> Tensor:
        SEEN.append(step)
        return 0.0 * step.source.features.sum()


def test_a_penalty_that_needs_no_target_is_given_none_unless_another_brings_it(tmp_path: Path) -> None:
    once = replace(QUICK, epochs=1)
    run(tmp_path / "alone", [OfWeights()], train=once)
    assert SEEN
    assert all(step.target_outputs is None for step in SEEN)
    with pytest.raises(ValueError, match="needs_target_images"):
        _ = SEEN[0].target
    SEEN.clear()
    run(tmp_path / "beside", [OfWeights(), DAN()], train=once)
    assert SEEN
    assert all(step.target is step.target_outputs for step in SEEN)


def test_a_penalty_on_weights_keeps_target_scans_out_of_joint_batch_normalisation(tmp_path: Path) -> None:
    last = replace(QUICK, selection="last")
    plain = weights(run(tmp_path / "plain", [], train=last, model=small_model(bn="joint")))
    held = weights(run(tmp_path / "held", [L2SP(weight=0.0)], train=last, model=small_model(bn="joint")))
    assert plain.keys() == held.keys()
    assert all(torch.equal(held[key], plain[key]) for key in plain)


def test_the_log_has_a_line_per_epoch_with_every_loss(tmp_path: Path) -> None:
    run(tmp_path, [DAN(), DAN(layers=("outputs",)), Freeze(until="blocks.0")])
    lines = EpochLog(tmp_path / "log.jsonl").records()
    assert [line["epoch"] for line in lines] == [0, 1]
    for line in lines:
        assert set(line["losses"]) == {"task", "dan", "dan.2"}
        assert line["pace"]["blocks.0"] == 0.0
        assert line["pace"]["blocks.1"] == 1.0
        assert line["selection"]["rule"] == "source_validation"
        assert line["wait_seconds"] >= 0
        assert line["compute_seconds"] > 0
        assert line["wait_seconds"] + line["compute_seconds"] <= line["seconds"] + 1e-3


def test_the_chosen_epoch_is_the_one_returned(tmp_path: Path) -> None:
    train = replace(QUICK, epochs=6, lr=0.3, schedule="constant")  # wild enough that the last epoch is not the best
    model = run(tmp_path, [], train=train)
    chosen = EpochLog(tmp_path / "log.jsonl").records()[-1]["selection"]["best_epoch"]
    values = [line["selection"]["value"] for line in EpochLog(tmp_path / "log.jsonl").records()]
    assert chosen == int(np.argmin(values))
    assert chosen < 5
    short = run(tmp_path / "short", [], train=replace(train, selection="last", epochs=6))
    assert any(not torch.equal(a, b) for a, b in zip(model.parameters(), short.parameters(), strict=True))


def test_early_stopping_ends_a_fit(tmp_path: Path) -> None:
    train = replace(QUICK, epochs=30, lr=0.3, schedule="constant", early_stopping=2)
    run(tmp_path, [], train=train)
    lines = EpochLog(tmp_path / "log.jsonl").records()
    assert len(lines) < 30
    assert len(lines) == lines[-1]["selection"]["best_epoch"] + 3


def test_a_loss_that_is_not_finite_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the loss task is nan.*train\.lr"):
        run(tmp_path, [], model=_broken())


def _broken() -> Any:
    model = small_model()
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    return model


@dataclass(frozen=True)
class Critic(Method):
    """A turn that moves a player of its own several times per pair, beside the ordinary one."""

    needs_target_images: ClassVar[bool] = True

    def stages(self, setting: Setting) -> Stages:
        torch.manual_seed(0)
        player = nn.Linear(setting.model.feature_width, 1)
        SEEN.append((player, weights(player)))

        def loss(pair: Any, progress: float) -> Tensor:
            SEEN.append(progress)
            return player(setting.model.full(pair.target.images).features.detach()).square().mean()

        yield Fit("fit", setting.model, turns=(Turn("critic", (player,), loss, steps=3), MAIN), epochs=1)
        return setting.model


def test_a_turn_moves_only_its_player_as_often_as_it_says(tmp_path: Path) -> None:
    train = replace(QUICK, epochs=1, selection="last")
    model = run(tmp_path, [Critic()], model=small_model(bn="frozen"), train=train)
    player, before = SEEN[0]
    assert len(SEEN) - 1 == 3 * 3  # three pairs in an epoch
    assert any(not torch.equal(a, b) for a, b in zip(player.state_dict().values(), before.values(), strict=True))
    plain = run(tmp_path / "plain", [], model=small_model(bn="frozen"), train=train)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), plain.parameters(), strict=True))


def test_names_of_stages_must_differ(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Twice(Method):
        def stages(self, setting: Setting) -> Stages:
            yield Fit("same", setting.model, epochs=1)
            yield Fit("same", setting.model, epochs=1)
            return setting.model

    with pytest.raises(ValueError, match="'same' is taken"):
        run(tmp_path, [Twice()])


def test_the_callers_random_state_and_modes_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    run(tmp_path, [DAN()])
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()
