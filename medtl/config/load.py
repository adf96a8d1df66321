"""Reads a config: a file or a mapping, with overrides, to a :class:`Config`, or every mistake at once."""
from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medtl.config.document import read_document
from medtl.config.locate import find_config
from medtl.config.mistakes import Document
from medtl.config.options import check_methods
from medtl.config.overrides import Overrides, apply_overrides
from medtl.config.sections import Config
from medtl.config.semantics import check_meaning
from medtl.config.validate import SECTIONS, check_value, unknown_key, validated
from medtl.registry import FAMILIES


def load_config(source: str | Path | Mapping[str, Any], overrides: Overrides = ()) -> Config:
    """Reads and checks a config.

    Args:
        source: a file (found in the working directory, in ./configs, or among those shipped), or a mapping of sections.
        overrides: ``key.path=value`` strings, or a mapping of key paths to values.

    Returns:
        The config with every default and every method option filled in. Relative paths in a file are relative to it,
        those of an override to the working directory.

    Raises:
        ConfigError: every mistake, one line each.
    """
    if isinstance(source, Mapping):
        document = Document(name="config", data=copy.deepcopy(dict(source)))
        origin = None
    else:
        path = find_config(source)
        document = read_document(path)
        origin = path.resolve()
    apply_overrides(document, overrides)
    return _checked(document, origin)


def _checked(document: Document, origin: Path | None) -> Config:
    _drop_empty_blocks(document)
    data = {key: value for key, value in document.data.items() if key != "origin"}
    if "origin" in document.data:
        document.wrong(("origin",), unknown_key("origin", SECTIONS))
    check_methods(document)  # first: it says what an entry of `transfer` should look like
    check_value(document, (), Config, data)
    check_meaning(document)
    document.stop_if_wrong()
    _resolve_paths(document)
    config: Config = validated(Config, document.data)
    return dataclasses.replace(config, origin=origin)


def _drop_empty_blocks(document: Document) -> None:
    """``transfer:`` with nothing after it means its defaults, as do the empty families within it."""
    for section in SECTIONS:
        if section in document.data and document.data[section] is None:
            del document.data[section]
    transfer = document.data.get("transfer")
    if isinstance(transfer, dict):
        for family in FAMILIES:
            if family in transfer and transfer[family] is None:
                del transfer[family]


def _resolve_paths(document: Document) -> None:
    for keys in (("data", "root"), ("model", "weights")):
        section = document.data.get(keys[0])
        value = document.value(keys)
        if not isinstance(section, dict) or not isinstance(value, str):
            continue
        if keys == ("model", "weights") and value in {"imagenet", "none"}:
            continue
        beside = None if document.set_by_override(keys) else document.folder
        section[keys[1]] = str(((beside or Path.cwd()) / Path(value).expanduser()).resolve())
