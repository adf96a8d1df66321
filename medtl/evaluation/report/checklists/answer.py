"""An answer to an item: whole, or in part."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a run says of an item.

    Args:
        text: the words.
        whole: whether the authors need add nothing, as far as a run can tell.
    """

    text: str
    whole: bool = True


def part(text: str) -> Answer | None:
    """An answer that the authors must complete; None where there is nothing to say."""
    return Answer(text, False) if text else None


def whole(text: str) -> Answer | None:
    """An answer that stands; None where there is nothing to say."""
    return Answer(text) if text else None
