"""A stage on disk: everything the next epoch depends on, and nothing twice."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from toy_cohort import QUICK, small_model, weights

from medtl.methods.base import MAIN
from medtl.training import checkpoint
from medtl.training.device import open_device
from medtl.training.files import on_cpu, read_tensors
from medtl.training.movers import Mover
from medtl.training.selection import Choice


class World:
    """A network, a player and an optimizer, a few steps along."""

    def __init__(self, optimizer: str, steps: int = 3) -> None:
        self.train = QUICK.__class__(**{**QUICK.__dict__, "optimizer": optimizer})
        self.model = small_model()
        torch.manual_seed(0)
        self.player = nn.Linear(5, 1)
        self.mover = Mover(MAIN, self.model, [self.player], self.train, open_device(self.train))
        self.snapshot = checkpoint.Snapshot(
            self.model, (self.model.parts["conv1"],), (self.player,), (self.mover.optimizer,)
        )
        for k in range(steps):
            self.step(k)

    def step(self, k: int) -> None:
        torch.manual_seed(k)
        out = self.model.full(torch.rand(4, 1, 1, 16, 16))
        loss = out.outputs.square().mean() + self.player(out.features).square().mean()
        self.mover.move(loss, {name: float(name != "conv1") for name in self.model.parts}, 0.1 * k)

    def state(self) -> dict[str, torch.Tensor]:
        return {name: on_cpu(tensor) for name, tensor in self.snapshot.tensors().items()}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_save_load_continue_equals_uninterrupted(optimizer: str, tmp_path: Path) -> None:
    one, other = World(optimizer), World(optimizer, steps=0)
    choice = Choice("source_validation")
    choice.offer(0, 0.5)
    checkpoint.save_epoch(tmp_path, 0, one.snapshot, {}, choice, {})
    epoch, best, restored = checkpoint.load_epoch(tmp_path, other.snapshot, "source_validation")
    assert (epoch, restored) == (1, choice)
    assert all(torch.equal(best[name], tensor) for name, tensor in one.snapshot.weights().items())
    for world in (one, other):
        world.step(7)
    a, b = one.state(), other.state()
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(name.startswith("optimizer0/") for name in a)


def test_the_best_epoch_is_kept_beside_the_last(tmp_path: Path) -> None:
    world = World("adamw")
    choice = Choice("source_validation")
    choice.offer(0, 0.5)
    best = {name: on_cpu(tensor) for name, tensor in world.snapshot.weights().items()}
    checkpoint.save_epoch(tmp_path, 0, world.snapshot, best, choice, {})
    world.step(5)
    choice.offer(1, 0.9)
    checkpoint.save_epoch(tmp_path, 1, world.snapshot, best, choice, {})
    assert [path.name for path in tmp_path.glob("*.safetensors")] == ["epoch-0001.safetensors"]
    _, loaded, restored = checkpoint.load_epoch(tmp_path, World("adamw", 0).snapshot, "source_validation")
    assert restored.best_epoch == 0
    assert all(torch.equal(loaded[name], best[name]) for name in best)
    assert any(not torch.equal(best[name], tensor) for name, tensor in world.snapshot.weights().items())


def test_what_never_moves_is_not_saved_with_every_epoch(tmp_path: Path) -> None:
    world = World("adamw")
    checkpoint.save_epoch(tmp_path, 0, world.snapshot, {}, Choice("last", best_epoch=0), {})
    saved = read_tensors(tmp_path / "epoch-0000.safetensors")
    assert not any("conv1" in name for name in saved)
    assert "model/encoder.net.bn1.running_mean" in saved


def test_a_finished_stage_answers_and_holds_no_epochs(tmp_path: Path) -> None:
    world = World("adamw")
    checkpoint.save_epoch(tmp_path, 0, world.snapshot, {}, Choice("last", best_epoch=0), {})
    other = World("adamw", steps=0)
    assert not checkpoint.answer(tmp_path, other.model, (other.player,))
    checkpoint.finish(tmp_path, world.model, (world.player,), {"stage": "x"})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "done.json", "model.safetensors", "players.safetensors"
    ]
    assert checkpoint.answer(tmp_path, other.model, (other.player,))
    for one, two in ((world.model, other.model), (world.player, other.player)):
        assert all(torch.equal(weights(one)[name], weights(two)[name]) for name in weights(one))


def test_a_player_that_is_part_of_the_network_is_saved_once() -> None:
    model = small_model()
    assert checkpoint.players_state(model, (model.parts["blocks.0"],)) == {}
    assert set(checkpoint.players_state(model, (model.head, nn.Linear(1, 1)))) == {"player1/weight", "player1/bias"}


def test_another_networks_checkpoint_is_refused() -> None:
    with pytest.raises(ValueError, match="other tensors"):
        checkpoint.copy_into({"a": torch.zeros(1)}, {"b": torch.zeros(1)})
