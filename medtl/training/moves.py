"""What moves and what does not: the product of all paces, carried out on modules and told in a table."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from medtl.config.sections import TrainSection
from medtl.methods.base import Method
from medtl.models.model import Model

BEHIND_ENCODER = ("pooling", "adaptation", "head")
"""Parts that are never pretrained."""


def pace_of(methods: Sequence[Method], model: Model, progress: float) -> dict[str, float]:
    """Factor of the learning rate for every part: the product over methods.

    Raises:
        KeyError: a method paces a part that the network does not have.
    """
    pace = dict.fromkeys(model.parts, 1.0)
    for method in methods:
        for name, factor in method.pace(model, progress).items():
            pace[name] *= factor
    return pace


def paces(methods: Sequence[Method], model: Model, epochs: int) -> list[dict[str, float]]:
    """The pace of every epoch of a fit."""
    return [pace_of(methods, model, epoch / epochs) for epoch in range(epochs)]


def always_still(plan: Sequence[dict[str, float]]) -> tuple[str, ...]:
    """Parts that never move, front to back."""
    return tuple(name for name in plan[0] if all(pace[name] == 0 for pace in plan))


def part_rates(model: Model, train: TrainSection) -> dict[str, float]:
    """Learning rate per part before pace and schedule: `lr`, times `lr_backbone` where weights were loaded."""
    pretrained = bool(model.describe().get("weights", {}).get("loaded"))
    factor = train.lr_backbone if pretrained else 1.0
    return {name: train.lr * (1.0 if name in BEHIND_ENCODER else factor) for name in model.parts}


class Stillness:
    """Which modules are frozen right now: no gradient AND eval mode; all is put back at the end.

    Args:
        model: the network that is fitted.
        others: further modules that learn (methods' own parts, players of turns).
        frozen: modules that the stage keeps still throughout.
    """

    def __init__(self, model: Model, others: Iterable[nn.Module], frozen: Iterable[nn.Module]) -> None:
        self.model = model
        self.others = tuple(others)
        self.frozen = tuple(frozen)
        self._learns = {
            parameter: parameter.requires_grad
            for module in (model, *self.others, *self.frozen)
            for parameter in module.parameters()
        }
        self._still: tuple[nn.Module, ...] = ()

    def apply(self, pace: dict[str, float]) -> None:
        """Sets modes and gradients for one epoch."""
        still = [part for name, part in self.model.parts.items() if pace[name] == 0]
        if all(factor == 0 for name, factor in pace.items() if name not in BEHIND_ENCODER):
            still.append(self.model.encoder)  # with whatever has no parameters between its parts
        self._still = (*still, *self.frozen)
        for parameter, learns in self._learns.items():
            parameter.requires_grad_(learns)
        for module in self._still:
            module.requires_grad_(False)
        for module in (self.model, *self.others):
            module.train()
        self.hold()

    def hold(self) -> None:
        """Puts frozen modules back into eval mode, if somebody called ``train()``."""
        for module in self._still:
            if module.training:
                module.eval()

    def release(self) -> None:
        """Gradients as before the stage, everything in eval mode."""
        for parameter, learns in self._learns.items():
            parameter.requires_grad_(learns)
        for module in (self.model, *self.others, *self.frozen):
            module.eval()


@dataclass(frozen=True)
class Move:
    """A row of the table of what moves.

    Attributes:
        part: name.
        parameters: how many numbers it has.
        pace: at the first and at the last epoch.
        rate: learning rate at pace 1, before the schedule.
        state: `trained`, `frozen`, `frozen at first`, `frozen later`, or `adapted`: what learns is added to it.
        bn: how its batch normalisation behaves; empty where it has none.
        learning: how many numbers learn at some time.
    """

    part: str
    parameters: int
    pace: tuple[float, float]
    rate: float
    state: str
    bn: str
    learning: int = 0


def table_of_moves(methods: Sequence[Method], model: Model, train: TrainSection) -> list[Move]:
    """What moves in an ordinary fit of this run, part by part; empty where a method's options do not fit the network,
    which :func:`medtl.training.checks.check_plan` tells."""
    if any(method.check(model) for method in methods):
        return []
    plan = paces(methods, model, train.epochs)
    rates = part_rates(model, train)
    rows = []
    for name, part in model.parts.items():
        first, last = plan[0][name], plan[-1][name]
        if all(pace[name] == 0 for pace in plan):
            state = "frozen"
        elif first == 0:
            state = "frozen at first"
        else:
            state = "frozen later" if last == 0 else "trained"
        own = sum(p.numel() for p in part.parameters())
        added = sum(method.learns(model).get(name, 0) for method in methods)
        if added and state != "frozen":
            state = "adapted"
        normalises = any(isinstance(module, _BatchNorm) for module in part.modules())
        still = state in ("frozen", "adapted")
        mode = ("running statistics" if still else str(model.treatment)) if normalises else ""
        learning = 0 if state == "frozen" else added or own
        rows.append(Move(name, own, (first, last), rates[name], state, mode, learning))
    return rows
