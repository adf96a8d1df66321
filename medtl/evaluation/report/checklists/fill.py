"""Fills the checklists from a report's content."""
from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

from medtl.evaluation.report.checklists import of_data, of_methods, of_results
from medtl.evaluation.report.checklists.answer import Answer
from medtl.evaluation.report.content import Content

Answering: TypeAlias = Callable[[Content], Answer | None]
LISTS = (
    ("claim_2024", "CLAIM 2024", "Tejani et al. 2024, Checklist for Artificial Intelligence in Medical Imaging "
     "(CLAIM): 2024 update, Radiology: Artificial Intelligence 6"),
    ("tripod_ai", "TRIPOD+AI", "Collins et al. 2024, TRIPOD+AI statement, BMJ 385"),
)


@dataclass(frozen=True)
class Filled:
    """An item and what the run says of it.

    Args:
        number: as the guideline numbers it.
        section: of the guideline.
        asks: what it asks, in our words.
        answer: the words; empty where it is open.
        state: filled, in part, or open.
    """

    number: str
    section: str
    asks: str
    answer: str
    state: str


@dataclass(frozen=True)
class Checklist:
    """A guideline.

    Args:
        name: of the guideline.
        reference: publication.
        items: all of them, in order.
    """

    name: str
    reference: str
    items: tuple[Filled, ...]

    def count(self, state: str) -> int:
        """Items of a state."""
        return sum(item.state == state for item in self.items)


def answering(name: str) -> Answering:
    """The function that answers items with this name.

    Args:
        name: as the checklist's file has it.

    Returns:
        The function.

    Raises:
        KeyError: no such answer.
    """
    for module in (of_data, of_methods, of_results):
        found: Answering | None = getattr(module, name, None)
        if found is not None and getattr(found, "__module__", "") == module.__name__:
            return found
    raise KeyError(name)


def checklists(content: Content) -> tuple[Checklist, ...]:
    """Fills every checklist.

    Args:
        content: of the report.

    Returns:
        The checklists.
    """
    return tuple(Checklist(name, reference, _items(file, content)) for file, name, reference in LISTS)


def _items(file: str, content: Content) -> tuple[Filled, ...]:
    text = files("medtl.evaluation.report.checklists").joinpath(f"{file}.csv").read_text(encoding="utf-8")
    out = []
    for row in csv.DictReader(text.splitlines()):
        found = answering(row["answer"])(content) if row["answer"] else None
        state = "open" if found is None else "filled" if found.whole else "in part"
        out.append(Filled(row["item"], row["section"], row["asks"], found.text if found else "", state))
    return tuple(out)
