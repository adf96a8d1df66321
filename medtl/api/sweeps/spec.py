"""What a sweep is asked for, and what it answers: a run by its name, and how it ended."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from medtl.config.sections import Config

Status: TypeAlias = Literal["done", "failed", "stopped"]


@dataclass(frozen=True)
class RunSpec:
    """One run of a sweep.

    Attributes:
        name: of its folder within the sweep's; letters, digits, spaces and . _ - as for any run.
        config: what is trained.
    """

    name: str
    config: Config


@dataclass(frozen=True)
class RunResult:
    """How one run of a sweep ended.

    Attributes:
        name: of the run.
        path: its folder.
        status: done; failed, for a reason of its own; or stopped, when time was up.
        reason: why it failed, in the words of its error; else empty.
        seconds: that its training and evaluation took, in this sweep or when it was made.
        fresh: whether this sweep did it; False for one that was found finished.
    """

    name: str
    path: Path
    status: Status
    reason: str = ""
    seconds: float = 0.0
    fresh: bool = True

    def as_json(self) -> dict[str, Any]:
        """As JSON, without paths."""
        return {"name": self.name, "status": self.status, "reason": self.reason or None,
                "seconds": round(self.seconds, 1)}
