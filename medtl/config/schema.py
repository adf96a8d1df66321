"""The JSON schema of a config, for editors: sections from their signatures, methods from theirs."""
from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import TypeAdapter

from medtl import registry
from medtl.config.expected import hints
from medtl.config.sections import Config


def config_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a config file; it imports every transfer method."""
    schema = TypeAdapter(Config).json_schema()
    schema["title"] = "medtl config"
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"].pop("origin")
    for section in schema["properties"].values():
        _or_nothing(section)  # `transfer:` with nothing after it
    definitions = schema["$defs"]
    families = definitions["TransferSection"]["properties"]
    for family in registry.FAMILIES:
        known = [entry for entry in registry.entries("methods") if entry.family in (family, "")]
        methods = [_method(entry.name, definitions) for entry in known]
        families[family]["items"] = {"oneOf": methods} if methods else False
        _or_nothing(families[family])
    definitions["TaskSection"]["properties"]["name"]["enum"] = list(registry.names("tasks"))
    examples = list(registry.names("backbones"))
    definitions["ModelSection"]["properties"]["backbone"]["examples"] = examples  # timm's names are valid too
    return schema


def _or_nothing(schema: dict[str, Any]) -> None:
    kept = {key: schema.pop(key) for key in list(schema) if key not in ("default", "title", "description")}
    schema["anyOf"] = [kept, {"type": "null"}]


def _method(name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    signature = registry.load("methods", name)
    properties: dict[str, Any] = {"method": {"const": name}}
    required = ["method"]
    for option in (field for field in dataclasses.fields(signature) if field.init):
        described = TypeAdapter(hints(signature)[option.name]).json_schema(ref_template="#/$defs/{model}")
        definitions.update(described.pop("$defs", {}))
        properties[option.name] = described
        if option.default is not dataclasses.MISSING:
            described["default"] = TypeAdapter(hints(signature)[option.name]).dump_python(option.default, mode="json")
        elif option.default_factory is dataclasses.MISSING:
            required.append(option.name)
    summary = (signature.__doc__ or "").strip().split("\n\n")[0]
    return {
        "type": "object", "title": name, "description": " ".join(summary.split()), "properties": properties,
        "required": required, "additionalProperties": False,
    }
