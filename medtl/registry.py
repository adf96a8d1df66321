"""Names to things, found by their place: a file in the right folder is a registered method, source or metric.

The file's stem is the name; the object is the module's attribute of that name, case and underscores ignored
(``density_ratio.py`` holds ``DensityRatio``, ``dann.py`` holds ``DANN``). Listing names imports nothing, so that
``medtl --help`` and "did you mean" are fast. Other distributions add names by entry points of the group
``medtl.<kind>``; what is found in the project wins.
"""
from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from medtl.errors import ConfigError
from medtl.types import Family, nearest

Kind = Literal["methods", "backbones", "sources", "metrics", "exports", "tasks", "selections", "sinks"]

FAMILIES: tuple[Family, ...] = ("instances", "mapping", "network", "adversarial")

_PLACES: dict[Kind, tuple[tuple[str, str], ...]] = {
    "methods": tuple((family, f"medtl.methods.{family}") for family in (*FAMILIES, "baseline")),
    "backbones": (("", "medtl.models.backbones"),),
    "sources": (("", "medtl.sources"),),
    "metrics": (("", "medtl.functional.metrics"),),
    "exports": (("", "medtl.export.formats"),),
    "tasks": (("", "medtl.tasks"),),
    "selections": (("", "medtl.training.selections"),),
    "sinks": (("", "medtl.training.sinks"),),
}
_NOT_ENTRIES = {"base", "metric", "scan"}
"""What lies in those folders and is no entry: the kind itself, and the intake that sources share."""


@dataclass(frozen=True)
class Entry:
    """A registered name.

    Attributes:
        name: what a config writes.
        kind: which registry.
        family: for methods, the family of the survey; else empty.
        module: dotted path of the module, or of the entry point's object.
    """

    name: str
    kind: Kind
    family: str
    module: str


def entries(kind: Kind) -> tuple[Entry, ...]:
    """All registered names of a kind, sorted by family and name, without importing any of them."""
    found: dict[str, Entry] = {}
    for family, package in _PLACES[kind]:
        spec = importlib.util.find_spec(package)
        for module in pkgutil.iter_modules(spec.submodule_search_locations if spec else None):
            if module.name not in _NOT_ENTRIES and not module.name.startswith("_"):
                found[module.name] = Entry(module.name, kind, family, f"{package}.{module.name}")
    for point in _points(kind):
        found.setdefault(point.name, Entry(point.name, kind, "", point.value))
    return tuple(sorted(found.values(), key=lambda e: (e.family, e.name)))


@cache
def _points(kind: Kind) -> tuple[importlib.metadata.EntryPoint, ...]:
    """Other distributions' names; reading every distribution's metadata takes a tenth of a second."""
    return tuple(importlib.metadata.entry_points(group=f"medtl.{kind}"))


def names(kind: Kind) -> tuple[str, ...]:
    """The registered names of a kind."""
    return tuple(entry.name for entry in entries(kind))


def load(kind: Kind, name: str) -> Any:
    """Imports and returns the object that a name stands for.

    Raises:
        ConfigError: no such name; the nearest known one is in the message.
    """
    for entry in entries(kind):
        if entry.name == name:
            if ":" in entry.module:
                module_name, _, attribute = entry.module.partition(":")
                return getattr(importlib.import_module(module_name), attribute)
            return _named(importlib.import_module(entry.module), name)
    hint = nearest(name, names(kind))
    singular = kind.removesuffix("s")
    raise ConfigError(
        f"unknown {singular} {name!r}" + (f": did you mean {hint!r}?" if hint else "")
        + f" `medtl list {kind}` shows all of them"
    )


def _named(module: Any, name: str) -> Any:
    wanted = name.replace("_", "").casefold()
    for attribute in vars(module):
        if attribute.replace("_", "").casefold() == wanted and not attribute.startswith("_"):
            return getattr(module, attribute)
    raise AttributeError(f"{module.__name__} defines nothing named {name!r} (case and underscores ignored)")
