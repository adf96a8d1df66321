"""``--set key.path=value``: one value of a config, replaced from outside."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medtl.config.document import parse
from medtl.config.mistakes import Document, KeyPath, dotted, shown

Overrides = Sequence[str] | Mapping[str, Any]


def apply_overrides(document: Document, overrides: Overrides) -> None:
    """Puts each override into the document; one that cannot be put becomes a mistake.

    Args:
        document: changed in place.
        overrides: ``key.path=value`` with the value in YAML, or a mapping of key paths to values. Positions in lists
            are numbers (``transfer.mapping.0.weight=0.5``); the first number after the end appends.
    """
    if isinstance(overrides, Mapping):
        for path, value in overrides.items():
            _put(document, _keys(path), value, f"{path}={shown(value)}")
        return
    for typed in overrides:
        path, equals, text = typed.partition("=")
        keys = _keys(path)
        if not equals or not keys:
            document.overridden[(typed,)] = typed
            document.wrong((typed,), "found no `key.path=value`, expected something like train.epochs=5")
            continue
        before = len(document.mistakes)
        document.overridden[keys] = typed
        value = parse(text, document, at=keys)
        if len(document.mistakes) == before:
            _put(document, keys, value, typed)


def _keys(path: str) -> KeyPath:
    return tuple(int(part) if part.isdecimal() else part for part in path.strip().split(".") if part)


def _put(document: Document, keys: KeyPath, value: Any, typed: str) -> None:
    document.overridden[keys] = typed
    holder: Any = document.data
    for position, key in enumerate(keys):
        last = position == len(keys) - 1
        if isinstance(holder, dict):
            key = str(key)
            if last:
                holder[key] = value
            elif not isinstance(holder.get(key), dict | list):
                if holder.get(key) is not None:
                    below = dotted(keys[: position + 1])
                    document.wrong(keys, f"{below} is {shown(holder[key])}, which has nothing below it")
                    return
                holder[key] = {}
                document.overridden[keys[: position + 1]] = typed
            holder = holder[key]
            continue
        if not isinstance(key, int) or key > len(holder):
            above = dotted(keys[:position])
            document.wrong(keys, f"{above} is a list of {len(holder)}; expected a position from 0 to {len(holder)}")
            return
        if key == len(holder):
            holder.append(value if last else {})
        elif last:
            holder[key] = value
        holder = holder[key]
