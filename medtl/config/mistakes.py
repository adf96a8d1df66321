"""A mistake in a config: where it stands and what is wrong, one line each."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from medtl.errors import ConfigError

KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """One thing to correct.

    Attributes:
        keys: path of the key, outermost first; list positions are numbers.
        message: what was found, what was expected, and perhaps what was meant.
    """

    keys: KeyPath
    message: str


@dataclass
class Document:
    """A config as it was written, before it means anything.

    Attributes:
        name: how the user named it: the file's path, or "config" for a mapping.
        data: plain mappings, lists and scalars.
        lines: line of each key path, 1 for the first.
        overridden: the override, as typed, of each key path that one set.
        mistakes: what was already wrong with the writing.
        folder: where the file lies, for paths relative to it.
    """

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    overridden: dict[KeyPath, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    folder: Path | None = None

    def wrong(self, keys: KeyPath, message: str) -> None:
        """Notes a mistake, once: the first one about a key stands."""
        if all(known.keys != keys for known in self.mistakes):
            self.mistakes.append(Mistake(keys, message))

    def is_wrong(self, keys: KeyPath) -> bool:
        """Whether something at this path, above it or below it is already wrong."""
        return any(
            known.keys[: len(keys)] == keys or keys[: len(known.keys)] == known.keys
            for known in self.mistakes
            if known.keys
        )

    def value(self, keys: KeyPath) -> Any:
        """What was written at a path, or None."""
        found: Any = self.data
        for key in keys:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def set_by_override(self, keys: KeyPath) -> str | None:
        """The override, as typed, that a path's value comes from."""
        for length in range(len(keys), 0, -1):
            if (typed := self.overridden.get(keys[:length])) is not None:
                return typed
        return None

    def place(self, keys: KeyPath) -> str:
        """Where a path was written: ``file:line``, or the override; of the nearest path above it if it was not."""
        if (typed := self.set_by_override(keys)) is not None:
            return f"--set {typed}"
        for length in range(len(keys), -1, -1):
            if (line := self.lines.get(keys[:length])) is not None:
                return f"{self.name}:{line}"
        return self.name

    def stop_if_wrong(self) -> None:
        """Raises ConfigError with a line per mistake, in the order of the file, overrides last."""
        if self.mistakes:
            ordered = sorted(self.mistakes, key=self._order)
            raise ConfigError(*(self._line(mistake) for mistake in ordered))

    def _line(self, mistake: Mistake) -> str:
        place = self.place(mistake.keys)
        return f"{place}: {dotted(mistake.keys)}: {mistake.message}" if mistake.keys else f"{place}: {mistake.message}"

    def _order(self, mistake: Mistake) -> tuple[bool, int]:
        for length in range(len(mistake.keys), -1, -1):
            if (line := self.lines.get(mistake.keys[:length])) is not None:
                return self.set_by_override(mistake.keys) is not None, line
        return self.set_by_override(mistake.keys) is not None, 0


def dotted(keys: KeyPath) -> str:
    """A key path as ``--set`` takes it."""
    return ".".join(str(key) for key in keys)


def shown(value: Any, width: int = 60) -> str:
    """A value as a YAML author would write it on one line, cut where it is long."""
    text = _flow(value)
    return text if len(text) <= width else text[: width - 3] + "..."


def _flow(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return str(value)


def listed(words: Iterable[str], last: str = "or") -> str:
    """``a, b or c``."""
    known = list(words)
    return f" {last} ".join(filter(None, [", ".join(known[:-1]), *known[-1:]]))
