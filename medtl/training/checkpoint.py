"""A stage on disk: one checkpoint after every epoch, and the finished stage that a replay answers from.

While a stage runs, its folder holds ``epoch-NNNN.safetensors`` and ``state.json``, which names it. The tensors are
written first and the name afterwards, each atomically, and the older file goes last: at any moment there is one whole
checkpoint. A finished stage holds ``model.safetensors``, ``players.safetensors`` and, written last, ``done.json``.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medtl.training.files import on_cpu, read_json, read_tensors, sweep, write_json, write_tensors
from medtl.training.selection import Choice

STATE, DONE, MODEL, PLAYERS = "state.json", "done.json", "model.safetensors", "players.safetensors"


@dataclass(frozen=True)
class Snapshot:
    """The moving part of a stage: everything that the next epoch depends on.

    Attributes:
        model: the network that is fitted.
        still: modules below it that never move in this stage, so that they need no saving.
        players: other modules that learn; what they share with the network is not saved twice.
        optimizers: one per turn.
    """

    model: nn.Module
    still: tuple[nn.Module, ...]
    players: tuple[nn.Module, ...]
    optimizers: tuple[torch.optim.Optimizer, ...]

    def weights(self) -> dict[str, Tensor]:
        """The network's moving tensors, as they are (not copied)."""
        fixed = {id(t) for module in self.still for t in (*module.parameters(), *module.buffers())}
        return {k: t for k, t in self.model.state_dict(keep_vars=True).items() if id(t) not in fixed}

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by a flat name."""
        flat = {f"model/{name}": tensor for name, tensor in self.weights().items()}
        flat |= players_state(self.model, self.players)
        for i, optimizer in enumerate(self.optimizers):
            for j, parameter in enumerate(_parameters(optimizer)):
                for key, value in optimizer.state.get(parameter, {}).items():
                    if value is not None:
                        flat[f"optimizer{i}/{j}/{key}"] = value
        return flat

    @torch.no_grad()
    def restore(self, flat: Mapping[str, Tensor]) -> None:
        """Puts all tensors back, bit for bit."""
        copy_into(self.weights(), _under(flat, "model/"))
        restore_players(self.model, self.players, flat)
        for i, optimizer in enumerate(self.optimizers):
            parameters = _parameters(optimizer)
            for name, value in _under(flat, f"optimizer{i}/").items():
                position, _, key = name.partition("/")
                parameter = parameters[int(position)]
                device = parameter.device if value.ndim or optimizer.defaults.get("fused") else value.device
                optimizer.state[parameter][key] = value.to(device)


def players_state(model: nn.Module, players: Sequence[nn.Module]) -> dict[str, Tensor]:
    """The tensors of modules outside the network, by a flat name."""
    own = {id(t) for t in model.state_dict(keep_vars=True).values()}
    return {
        f"player{i}/{name}": tensor
        for i, player in enumerate(players)
        for name, tensor in player.state_dict(keep_vars=True).items()
        if id(tensor) not in own
    }


@torch.no_grad()
def restore_players(model: nn.Module, players: Sequence[nn.Module], flat: Mapping[str, Tensor]) -> None:
    """Puts them back."""
    copy_into(players_state(model, players), {k: v for k, v in flat.items() if k.startswith("player")})


@torch.no_grad()
def copy_into(places: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Overwrites tensors in place by those of the same name.

    Raises:
        ValueError: the names differ.
    """
    if places.keys() != values.keys():
        raise ValueError(f"the checkpoint holds other tensors: {sorted(places.keys() ^ values.keys())[:5]}")
    for name, place in places.items():
        place.copy_(values[name])


def save_epoch(
    folder: Path, epoch: int, snapshot: Snapshot, best: Mapping[str, Tensor], choice: Choice, record: Mapping[str, Any]
) -> None:
    """Commits the state after an epoch.

    Args:
        folder: of the stage.
        epoch: number, from 0.
        snapshot: what to save.
        best: the chosen epoch's weights; not written where that is this epoch.
        choice: of the best epoch so far.
        record: what else the state says, for people.
    """
    name = f"epoch-{epoch:04d}.safetensors"
    tensors = snapshot.tensors()
    if choice.best_epoch != epoch:
        tensors |= {f"best/{k}": t for k, t in best.items()}
    write_tensors(folder / name, tensors)
    write_json(folder / STATE, {"epoch": epoch, "file": name, "choice": asdict(choice), **record})
    for old in folder.glob("epoch-*.safetensors"):
        if old.name != name:
            old.unlink()


def load_epoch(folder: Path, snapshot: Snapshot, rule: str) -> tuple[int, dict[str, Tensor], Choice]:
    """Restores the last committed epoch, if there is one.

    Returns:
        The next epoch's number, the chosen epoch's weights, and the choice so far.
    """
    sweep(folder)
    if not (folder / STATE).exists():
        return 0, {}, Choice(rule)
    state = read_json(folder / STATE)
    flat = read_tensors(folder / state["file"])
    best = _under(flat, "best/")
    snapshot.restore({k: t for k, t in flat.items() if not k.startswith("best/")})
    choice = Choice(**state["choice"])
    if choice.best_epoch == state["epoch"]:
        best = {k: on_cpu(t) for k, t in snapshot.weights().items()}
    return int(state["epoch"]) + 1, best, choice


def finish(folder: Path, model: nn.Module, players: Sequence[nn.Module], record: Mapping[str, Any]) -> None:
    """Makes a stage a finished one."""
    write_tensors(folder / MODEL, model.state_dict())
    write_tensors(folder / PLAYERS, players_state(model, players))
    write_json(folder / DONE, record)
    for old in (folder / STATE, *folder.glob("epoch-*.safetensors")):
        old.unlink(missing_ok=True)


def answer(folder: Path, model: nn.Module, players: Sequence[nn.Module]) -> bool:
    """Loads a finished stage into its modules; False where it is not finished."""
    if not (folder / DONE).exists():
        return False
    copy_into(model.state_dict(keep_vars=True), read_tensors(folder / MODEL))
    restore_players(model, players, read_tensors(folder / PLAYERS))
    return True


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _under(flat: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in flat.items() if name.startswith(prefix)}
