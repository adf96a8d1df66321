"""The JSON schema accepts what the reader accepts and refuses what it refuses."""
from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from medtl import registry
from medtl.config.document import read_document
from medtl.config.load import load_config
from medtl.config.schema import config_schema
from medtl.errors import ConfigError
from medtl.places import shipped_folder

SHIPPED = sorted(shipped_folder("configs").glob("*.yaml"))
BASE: dict[str, Any] = {"task": {"label": "x"}, "data": {"manifest": "t"}, "sites": {"source": ["a"], "target": ["b"]}}


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_shipped_configs_hold(path: Path, validator: jsonschema.Draft202012Validator) -> None:
    assert list(validator.iter_errors(read_document(path).data)) == []


def test_every_method_is_in_it_with_its_defaults(validator: jsonschema.Draft202012Validator) -> None:
    for entry in registry.entries("methods"):
        if entry.family != "baseline":
            sites = {**BASE["sites"], "target_labels": "all"}  # some methods need them
            minimal = {**BASE, "sites": sites, "transfer": {entry.family: [{"method": entry.name}]}}
            if needs_options(entry.name):
                with pytest.raises(ConfigError, match="needs the option"):
                    load_config(minimal)
                assert not validator.is_valid(minimal)
                continue
            assert list(validator.iter_errors(minimal)) == []
            written = load_config(minimal).transfer
            full = {**BASE, "sites": sites, "transfer": {entry.family: list(getattr(written, entry.family))}}
            assert list(validator.iter_errors(full)) == []


def needs_options(name: str) -> bool:
    fields = dataclasses.fields(registry.load("methods", name))
    return any(f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING for f in fields)


@pytest.mark.parametrize(
    "sections",
    [
        {"train": {"epohs": 3}}, {"train": {"epochs": 0}}, {"train": {"epochs": "3"}}, {"nonsense": 1},
        {"transfer": {"mapping": [{"method": "dann"}]}}, {"transfer": {"mapping": [{"method": "dan", "wieght": 1}]}},
        {"transfer": {"mapping": [{"weight": 1.0}]}}, {"sites": {"source": ["a"], "target_labels": {"per_class": 0}}},
        {"task": {"label": "x", "name": "clasification"}}, {"origin": "x"},
    ],
)
def test_it_refuses_what_the_reader_refuses(sections: dict[str, Any], validator: Any) -> None:
    config = {**BASE, **sections}
    assert not validator.is_valid(config)
    with pytest.raises(ConfigError):
        load_config(config)


def test_empty_blocks_are_valid(validator: jsonschema.Draft202012Validator) -> None:
    assert validator.is_valid({**BASE, "transfer": None})
    assert validator.is_valid({**BASE, "transfer": {"mapping": None}})
