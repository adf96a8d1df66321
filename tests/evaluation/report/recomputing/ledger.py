"""Which figure of metrics.json was recomputed, what did not agree, and which figure nobody recomputed."""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

Place = tuple[str | int, ...]
WORDS = frozenset({"reason", "method", "detail", "verdict", "sentence", "selection"})
"""Keys that hold words, or null where there is nothing to say."""
GIVEN: tuple[tuple[str, ...], ...] = (
    ("format",), ("level",), ("bootstrap",), ("seed",), ("probabilities", "wanted", "*"), ("probabilities", "draws"),
    ("probabilities", "treatments", "*", "smooth_ece_of_a_calibrated_model", "draws"),
)
"""What was asked for, and is no finding."""


def leaves(told: Any, place: Place = ()) -> Iterator[Place]:
    """Places of all numbers, truths and nulls; words are none.

    Args:
        told: JSON.
        place: of it.

    Yields:
        Keys and indices from the root.
    """
    if isinstance(told, dict):
        for key, value in told.items():
            if not (value is None and key in WORDS):
                yield from leaves(value, (*place, key))
    elif isinstance(told, list):
        for number, value in enumerate(told):
            yield from leaves(value, (*place, number))
    elif not isinstance(told, str):
        yield place


class Ledger:
    """metrics.json, and what of it was found again.

    Args:
        told: its content.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.wrong: list[str] = []
        self.checked = 0
        self._found: set[Place] = set()
        self.aside: set[Place] = set()

    def at(self, place: Place) -> Any:
        """What stands at a place."""
        value: Any = self.told
        for key in place:
            value = value[key]
        return value

    def agree(self, place: Place, found: float | None, within: float = 1e-9) -> None:
        """Sets a figure of metrics.json beside the one that was found.

        Args:
            place: of a number or null.
            found: the figure, None where there is none.
            within: how far apart they may be.
        """
        self._found.add(place)
        self.same(" ".join(map(str, place)), self.at(place), found, within)

    def interval(self, place: Place, found: Sequence[float] | None, within: float | Sequence[float] = 1e-9) -> None:
        """Sets an interval, or any row of numbers, beside the one that was found.

        Args:
            place: of a list of numbers, or of null.
            found: the numbers, None where there are none.
            within: how far apart they may be, together or one by one.
        """
        told = self.at(place)
        if not isinstance(told, list) or found is None:
            self._found.add(place)
            self._found.update(leaves(told, place))
            self.checked += 1
            if told is not None or found is not None:
                self.wrong.append(f"{' '.join(map(str, place))}: told {told}, found {found}")
            return
        slack = [within] * len(told) if isinstance(within, (int, float)) else list(within)
        if len(told) != len(found):
            self.wrong.append(f"{place}: {len(told)} numbers told, {len(found)} found")
        for number, (value, room) in enumerate(zip(found, slack, strict=False)):
            if number < len(told):
                self.agree((*place, number), float(value), room)

    def set_aside(self, place: Place) -> None:
        """Counts a figure as seen that only chance could tell, such as an interval right at the edge of its rule."""
        self.aside.add(place)
        self._found.add(place)
        self._found.update(leaves(self.at(place), place))

    def same(self, what: str, told: Any, found: Any, within: float) -> None:
        """Notes a figure that differs, wherever it stands.

        Args:
            what: it is.
            told: by the report.
            found: here.
            within: how far apart numbers may be.
        """
        self.checked += 1
        both = told is not None and found is not None
        if (told is None) != (found is None) or (both and not abs(told - found) <= within):
            self.wrong.append(f"{what}: told {told}, found {found}")

    def say(self, place: Place, word: str) -> None:
        """Notes words that do not begin with those that were found."""
        self.checked += 1
        if not str(self.at(place)).startswith(word):
            self.wrong.append(f"{' '.join(map(str, place))}: told {self.at(place)!r}, found {word!r}")

    def count(self, what: str, told: Sequence[Any], found: Sequence[Any]) -> None:
        """Notes entries that are there and should not be, or the reverse."""
        self.checked += 1
        lacking, beyond = set(found) - set(told), set(told) - set(found)
        if lacking or beyond:
            self.wrong.append(f"{what}: lacks {sorted(map(str, lacking))}, has beyond {sorted(map(str, beyond))}")

    def unaccounted(self) -> list[Place]:
        """Figures of metrics.json that nobody recomputed."""
        return [place for place in leaves(self.told) if place not in self._found and not any(map_to(place, pattern)
                for pattern in GIVEN)]

    def numbers(self) -> Iterator[float]:
        """Every number of metrics.json."""
        for place in leaves(self.told):
            value = self.at(place)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
                yield float(value)


def map_to(place: Place, pattern: tuple[str, ...]) -> bool:
    """Whether a place is one of a pattern's, `*` standing for any key."""
    return len(place) == len(pattern) and all(b in ("*", str(a)) for a, b in zip(place, pattern, strict=True))
