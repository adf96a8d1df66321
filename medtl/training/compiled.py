"""``train.compile``: the backbone of training steps through torch.compile, where a step runs the whole backbone."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from medtl.errors import ConfigError
from medtl.models.model import Model
from medtl.progress import Progress

_OUTER = ("features", "outputs", "pooling", "adaptation", "head")


class Compiled:
    """Compiles a network's backbone for training steps; predictions run it as it is.

    Args:
        model: whose backbone it is.
        wanted: ``train.compile``.
        taps: layers that penalties read; a compiled backbone would not show those within it.
        progress: is told where it is asked for and left out.
    """

    def __init__(self, model: Model, wanted: bool, taps: Sequence[str], progress: Progress) -> None:
        self._net = model.encoder.net
        self._forward: Any = None
        self._progress, self._told = progress, False
        inner = [name for name in taps if name not in _OUTER]
        self._why = f"a method reads {', '.join(inner)} within the backbone" if inner else ""
        self._wanted = wanted

    @contextmanager
    def steps(self, *, behind_front: bool) -> Iterator[None]:
        """Within it, training steps run the compiled backbone.

        Args:
            behind_front: whether the steps start behind a still front, which leaves little to compile.

        Raises:
            ConfigError: torch cannot compile it here.
        """
        why = self._why or ("steps start behind the feature bank" if behind_front else "")
        if not self._wanted or why:
            if self._wanted and not self._told:
                self._progress.say(f"train.compile: left out, since {why}")
                self._told = True
            yield
            return
        if self._forward is None:
            self._forward = torch.compile(self._net.forward)
        self._net.forward = self._forward
        try:
            yield
        except torch._dynamo.exc.TorchDynamoException as error:
            raise ConfigError(
                f"train.compile: torch.compile failed on this machine ({type(error).__name__}); set it to false"
            ) from error
        finally:
            del self._net.forward
