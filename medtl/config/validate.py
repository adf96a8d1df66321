"""Checks plain data against a signature, and says every mistake in words."""
from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from medtl.config.expected import annotation_at, hints, words
from medtl.config.mistakes import Document, KeyPath, listed, shown
from medtl.config.sections import Config
from medtl.types import nearest

SECTIONS = tuple(name for name in hints(Config) if name != "origin")


@cache
def adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


def validated(annotation: Any, value: Any) -> Any:
    """A plain value as a signature's type, strictly: ``"20"`` is no number, and a list becomes a tuple.

    Raises:
        ValidationError: as pydantic states it.
    """
    return adapter(annotation).validate_json(json.dumps(value), strict=True)


def check_value(document: Document, at: KeyPath, annotation: Any, value: Any) -> Any:
    """A validated value, or None with the mistakes noted in the document.

    Args:
        document: receives the mistakes.
        at: where the value stands.
        annotation: what it must be.
        value: plain data.
    """
    try:
        return validated(annotation, value)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False):
            _note(document, at, annotation, detail)
    return None


def _note(document: Document, at: KeyPath, annotation: Any, detail: ErrorDetails) -> None:
    keys, exact = _written(document, (*at, *detail["loc"]))
    inner = annotation_at(annotation, keys[len(at):])
    if exact and detail["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        document.wrong(keys, unknown_key(str(keys[-1]), _siblings(annotation, keys[len(at):-1])))
        return
    if exact and detail["type"] == "value_error":
        document.wrong(keys, detail["msg"].removeprefix("Value error, "))
        return
    document.wrong(keys, mismatch(document.value(keys), inner))


def _written(document: Document, location: KeyPath) -> tuple[KeyPath, bool]:
    """The part of pydantic's location that stands in the document; unions add names of types, which do not."""
    holder: Any = document.data
    for position, key in enumerate(location):
        in_mapping = isinstance(holder, dict) and key in holder
        in_list = isinstance(holder, list) and isinstance(key, int) and key < len(holder)
        if not (in_mapping or in_list):
            return location[:position], False
        holder = holder[key]
    return location, True


def _siblings(annotation: Any, keys: KeyPath) -> tuple[str, ...]:
    holder = annotation_at(annotation, keys)
    if holder is Config:
        return SECTIONS
    return tuple(hints(holder)) if hasattr(holder, "__dataclass_fields__") else ()


def unknown_key(name: str, known: tuple[str, ...]) -> str:
    """A message about a key that no signature has: the nearest one, here or in another section."""
    if hint := nearest(name, known):
        return f"unknown key; did you mean {hint}?"
    for section in SECTIONS:
        if name in hints(annotation_at(Config, (section,))):
            return f"unknown key; did you mean {section}.{name}?"
    return f"unknown key; expected {listed(known)}"


def mismatch(value: Any, annotation: Any) -> str:
    """A message about a value of the wrong type, out of range, or near a word that is meant."""
    message = f"found {shown(value)}, expected {words(annotation)}"
    choices = [word.strip("'") for word in words(annotation).replace(" or ", ", ").split(", ") if word.startswith("'")]
    if isinstance(value, str) and (hint := nearest(value, choices)):
        return f"{message}; did you mean {hint}?"
    if isinstance(value, int | float) and not isinstance(value, bool) and words(annotation).startswith("text"):
        return f'{message} (in quotes: "{value}")'
    if isinstance(value, str | int | float) and words(annotation).startswith("a list of texts"):
        return f"{message} such as [{value}]"
    return message
