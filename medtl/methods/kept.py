"""A player that a penalty reads and a turn moves: kept from ``build`` until ``stages`` asks for it."""
from __future__ import annotations

from weakref import WeakKeyDictionary

from torch import nn


class Kept:
    """What ``build`` returned for a network, so that the procedure of the same method can name it in its turns.

    The engine calls ``build`` before ``stages`` and tells neither of the other; a method is frozen and keeps nothing.
    Entries are taken once and die with their network.
    """

    def __init__(self) -> None:
        self._of: WeakKeyDictionary[nn.Module, nn.Module] = WeakKeyDictionary()

    def put(self, model: nn.Module, player: nn.Module) -> nn.Module:
        """Keeps a player, and returns it.

        Args:
            model: the run's network at its start.
            player: what was built for it.
        """
        self._of[model] = player
        return player

    def take(self, model: nn.Module) -> nn.Module | None:
        """The player built for a network, once; None where none was."""
        return self._of.pop(model, None)
