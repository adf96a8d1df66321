"""What a field of a signature takes, in the words of a config's author."""
from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import annotated_types
from pydantic.fields import FieldInfo

from medtl.config.mistakes import KeyPath, listed, shown

_NOUNS: dict[Any, str] = {int: "a whole number", float: "a number", str: "text", bool: "true or false", Path: "a path"}
_PLURALS = {"a whole number": "whole numbers", "a number": "numbers", "text": "texts", "a path": "paths"}


def hints(signature: type) -> dict[str, Any]:
    """Annotation of each field of a dataclass, in order, constraints included."""
    known = get_type_hints(signature, include_extras=True)
    return {entry.name: known[entry.name] for entry in dataclasses.fields(signature) if entry.init}


def annotation_at(signature: Any, keys: KeyPath) -> Any:
    """The annotation that a key path ends at, ``Any`` where signatures do not say."""
    found: Any = signature
    for key in keys:
        inner = next((arm for arm in _arms(found) if _steps_into(arm, key)), None)
        if inner is None:
            return Any
        if dataclasses.is_dataclass(inner):
            found = hints(inner)[str(key)]  # type: ignore[arg-type]
        else:
            found = get_args(inner)[0 if get_origin(inner) is tuple else -1]
    return found


def _steps_into(annotation: Any, key: str | int) -> bool:
    if dataclasses.is_dataclass(annotation):
        return str(key) in hints(annotation)  # type: ignore[arg-type]
    return get_origin(annotation) in (tuple, list, dict)


def _arms(annotation: Any) -> tuple[Any, ...]:
    bare = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return get_args(bare) if get_origin(bare) in (Union, types.UnionType) else (bare,)


def words(annotation: Any) -> str:
    """What an annotation takes: ``a whole number above 0``, ``'light' or 'strong'``, ``a list of texts``."""
    constraints: tuple[Any, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *extra = get_args(annotation)
        constraints = tuple(_constraints(extra))
    origin = get_origin(annotation)
    if annotation is Any:
        return "a value"
    if origin is Literal:
        return listed(shown(value) for value in get_args(annotation))
    if origin in (Union, types.UnionType):
        return listed(word for arm in get_args(annotation) if arm is not type(None) for word in _arm(arm, constraints))
    if origin in (tuple, list):
        return _list_words(get_args(annotation))
    if origin is dict:
        return "a mapping `{key: value}`"
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return _mapping_words(annotation)
    return _NOUNS.get(annotation, getattr(annotation, "__name__", str(annotation))) + _range(constraints)


def _arm(arm: Any, constraints: tuple[Any, ...]) -> Iterable[str]:
    if get_origin(arm) is Literal:
        return [shown(value) for value in get_args(arm)]
    return [words(Annotated[(arm, *constraints)] if constraints else arm)]


def _list_words(items: tuple[Any, ...]) -> str:
    if len(items) == 2 and items[1] is Ellipsis:
        inner = words(items[0])
        for one, many in _PLURALS.items():
            if inner.startswith(one):
                return f"a list of {many}{inner.removeprefix(one)}"
        return f"a list, each {inner}"
    return f"a list of {len(items)}: " + ", ".join(words(item) for item in items)


def _mapping_words(signature: type) -> str:
    fields = hints(signature)
    if len(fields) == 1:
        (name, inner), = fields.items()
        return f"{{{name}: {words(inner)}}}"
    return f"a mapping with {listed(fields, 'and')}"


def _constraints(extra: Iterable[Any]) -> Iterable[Any]:
    for item in extra:
        if isinstance(item, FieldInfo):
            yield from item.metadata
        elif isinstance(item, annotated_types.BaseMetadata):
            yield item


def _range(constraints: Iterable[Any]) -> str:
    low = high = ""
    for item in constraints:
        if isinstance(item, annotated_types.Interval):
            return _range(item)
        if isinstance(item, annotated_types.Ge):
            low = f"from {item.ge:g}"
        elif isinstance(item, annotated_types.Gt):
            low = f"above {item.gt:g}"
        elif isinstance(item, annotated_types.Le):
            high = f"to {item.le:g}"
        elif isinstance(item, annotated_types.Lt):
            high = f"below {item.lt:g}"
    if low.startswith("from") and not high:
        return f" of {low.removeprefix('from ')} or more"
    if not low and high.startswith("to"):
        return f" up to {high.removeprefix('to ')}"
    if low.startswith("above") and high:
        return f" {low} and {high.replace('to', 'up to')}"
    return "".join(f" {part}" for part in (low, high) if part)


