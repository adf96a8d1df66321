"""A config as text, as a digest, and compared with another: all of it resolved, none of it tied to a machine."""
from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from pydantic import TypeAdapter
from ruamel.yaml import YAML

from medtl.config.mistakes import KeyPath, dotted, shown
from medtl.config.sections import Config

_adapter: TypeAdapter[Config] | None = None


def resolved(config: Config) -> dict[str, Any]:
    """A config as plain data: every key with its value, without the folders of this machine.

    Args:
        config: as ``load_config`` returns it, that is, with the methods' defaults filled in.

    Returns:
        Mappings, lists and scalars. ``data.root`` is left out, and of a path in ``model.weights`` or ``data.card``
        only the file's name stays.
    """
    global _adapter
    _adapter = _adapter or TypeAdapter(Config)
    data: dict[str, Any] = _adapter.dump_python(config, mode="json")
    data.pop("origin", None)
    data["data"].pop("root", None)
    for section, key in (("model", "weights"), ("data", "card"), ("data", "manifest")):
        value = data[section][key]
        if isinstance(value, str) and PurePath(value).is_absolute():
            data[section][key] = PurePath(value).name
    return data


def dump_config(config: Config) -> str:
    """A config as YAML, with every default."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 1_000
    yaml.representer.add_representer(str, _quoted)
    out = io.StringIO()
    yaml.dump(resolved(config), out)
    return out.getvalue()


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.,/ -]*[A-Za-z0-9_]|[A-Za-z_]")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"}


def _quoted(representer: Any, text: str) -> Any:
    """Text in quotes unless plainly text: a reader must not take ``?0`` for a key or ``no`` for a truth value."""
    plain = _PLAIN.fullmatch(text) and ", " not in text and text.casefold() not in _WORDS - {"none"}
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def config_digest(config: Config) -> str:
    """SHA-256 of what a config means, hex; the same however and wherever it was written."""
    canonical = json.dumps(resolved(config), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What two resolved configs differ in, in words: ``train.epochs: was 20, now 30``.

    Args:
        before: as :func:`resolved` returns it, or as read from a run's ``config.yaml``.
        now: the other one.
    """
    old, new = dict(_leaves(before)), dict(_leaves(now))
    lines = []
    for keys in dict.fromkeys((*old, *new)):
        if keys not in new:
            lines.append(f"{dotted(keys)}: was {shown(old[keys])}, now not there")
        elif keys not in old:
            lines.append(f"{dotted(keys)}: was not there, now {shown(new[keys])}")
        elif old[keys] != new[keys]:
            lines.append(f"{dotted(keys)}: was {shown(old[keys])}, now {shown(new[keys])}")
    return tuple(lines)


def _leaves(value: Any, at: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*at, str(key)))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for position, inner in enumerate(value):
            yield from _leaves(inner, (*at, position))
    else:
        yield at, value
