"""What a sink is, and what it is given: numbers under a tag, and the config in words; no identifier, no path."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Scalar:
    """One number.

    Attributes:
        tag: what it is, such as ``fit/loss/task`` or ``test/south/adapted/auroc``.
        value: finite.
        step: epoch within its stage; 0 for figures of the finished run.
    """

    tag: str
    value: float
    step: int


class Sink(Protocol):
    """A place that numbers go to. Its file's name is what ``train.sinks`` writes.

    A sink is made before training, and made again where a run resumes; it is then given everything from the start.
    """

    def __init__(self, folder: Path, run: str) -> None:
        """Opens it.

        Args:
            folder: of its own, within the run's; may be there from before.
            run: the run's name.

        Raises:
            ImportError: the package that it needs is not installed.
        """

    def begin(self, config: Mapping[str, str]) -> None:
        """Notes the run's config, flat: ``train.lr`` to ``0.001``."""

    def write(self, scalars: Sequence[Scalar]) -> None:
        """Adds numbers."""

    def close(self) -> None:
        """The run is finished."""
