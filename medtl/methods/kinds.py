"""Which kinds of task a method is for, told before the first epoch."""
from __future__ import annotations

from medtl.models.model import Model

CLASSES = ("binary", "multiclass")
"""Tasks whose studies are each of one class."""


def only_for(name: str, kinds: tuple[str, ...], model: Model) -> tuple[str, ...]:
    """A line where the network's task is of another kind.

    Args:
        name: of the method.
        kinds: that it is for.
        model: its description names the task's kind, where it has one.
    """
    kind = model.describe().get("task", {}).get("kind", kinds[0])
    if kind in kinds:
        return ()
    return (f"transfer: {name} is for {' and '.join(kinds)} tasks, found a {kind} task; choose another method",)
