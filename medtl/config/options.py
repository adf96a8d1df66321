"""Options of transfer methods, checked against the constructors that take them."""
from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from medtl import registry
from medtl.config.expected import hints
from medtl.config.mistakes import Document, KeyPath, listed, shown
from medtl.config.sections import Config
from medtl.config.validate import adapter, check_value
from medtl.errors import MedtlError, OptionError
from medtl.types import nearest

BASELINE = "source_only"
"""The name of what an empty ``transfer`` block means."""


def check_methods(document: Document) -> None:
    """Checks every transfer method that a document names, and writes its defaults into the document.

    Names are checked first, for all methods; only methods whose name is right are imported.

    Args:
        document: receives the mistakes; its method entries are completed in place.
    """
    for keys, entry in _named(document):
        _check_options(document, keys, entry)


def _named(document: Document) -> list[tuple[KeyPath, dict[str, Any]]]:
    known = {entry.name: entry for entry in registry.entries("methods")}
    right: list[tuple[KeyPath, dict[str, Any]]] = []
    for keys, value in _entries(document):
        family, at = str(keys[1]), (*keys, "method")
        if not isinstance(value, dict) or "method" not in value:
            document.wrong(keys, f"found {shown(value)}, expected {{method: NAME, option: value}}")
            continue
        name = value["method"]
        entry = known.get(name) if isinstance(name, str) else None
        if name == BASELINE:
            document.wrong(at, f"{BASELINE} is what an empty transfer block means; leave it out")
        elif entry is None:
            of_family = tuple(method.name for method in known.values() if method.family in (family, ""))
            hint = nearest(str(name), of_family) or nearest(str(name), tuple(known))
            tail = f"; did you mean {hint}?" if hint else f" ({listed(of_family) or 'there is none yet'})"
            document.wrong(at, f"found {shown(name)}, expected a method of the family {family}{tail}")
        elif entry.family not in (family, ""):
            document.wrong(at, f"{name} is a method of the family {entry.family}; move it to transfer.{entry.family}")
        elif not document.is_wrong(keys):
            right.append((keys, value))
    return right


def _entries(document: Document) -> Iterator[tuple[KeyPath, Any]]:
    transfer = document.data.get("transfer")
    for family in registry.FAMILIES:
        listed_methods = transfer.get(family) if isinstance(transfer, dict) else None
        for position, value in enumerate(listed_methods if isinstance(listed_methods, list) else ()):
            yield ("transfer", family, position), value


def _check_options(document: Document, keys: KeyPath, entry: dict[str, Any]) -> None:
    signature = registry.load("methods", entry["method"])
    known = hints(signature)
    values: dict[str, Any] = {}
    for option, value in entry.items():
        at = (*keys, option)
        if option == "method":
            continue
        if option not in known:
            hint = nearest(option, tuple(known))
            tail = f"; did you mean {hint}?" if hint else f"; expected {listed(known)}" if known else ""
            document.wrong(at, f"{entry['method']} has no such option{tail}")
            continue
        values[option] = check_value(document, at, known[option], value)
    missing = [field.name for field in dataclasses.fields(signature) if field.init and not _has_default(field)]
    for option in missing:
        if option not in entry:
            document.wrong(keys, f"{entry['method']} needs the option {option}")
    if document.is_wrong(keys):
        return
    try:
        built = signature(**values)
    except (OptionError, ValueError) as error:
        for line in error.lines if isinstance(error, MedtlError) else [str(error)]:
            document.wrong(keys, f"{entry['method']}: {line}")
        return
    _check_needs(document, keys, entry["method"], built)
    entry.update({option: plain(known[option], getattr(built, option)) for option in known})


def _check_needs(document: Document, keys: KeyPath, name: str, method: Any) -> None:
    sites = document.data.get("sites")
    if not isinstance(sites, dict) or document.is_wrong(("sites",)):
        return
    if method.needs_target_images and not sites.get("target"):
        document.wrong((*keys, "method"), f"{name} needs scans of a target, but sites.target names no site")
    elif method.needs_target_labels and sites.get("target_labels", "none") == "none":
        document.wrong((*keys, "method"), f"{name} needs target labels, but sites.target_labels is none")


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def plain(annotation: Any, value: Any) -> Any:
    """A validated value as YAML and JSON have it."""
    return adapter(annotation).dump_python(value, mode="json")


def methods_of(config: Config) -> tuple[Any, ...]:
    """The transfer methods of a config, built: network, instances, mapping, then adversarial, in the order written.

    Returns:
        ``medtl.methods.base.Method`` instances; none for a source-only run.
    """
    built = []
    for family in ("network", "instances", "mapping", "adversarial"):
        for entry in getattr(config.transfer, family):
            signature = registry.load("methods", entry["method"])
            known = hints(signature)
            values = {key: adapter(known[key]).validate_python(v) for key, v in entry.items() if key != "method"}
            built.append(signature(**values))
    return tuple(built)
