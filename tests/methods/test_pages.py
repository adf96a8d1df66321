"""Every aligning method has a page that names all its options and its reference."""
from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from medtl import registry

PAGES = Path(__file__).resolve().parents[2] / "docs" / "methods"
ENTRIES = [entry for entry in registry.entries("methods") if entry.family in ("mapping", "adversarial")]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_page_names_every_option_with_its_default_and_the_reference(entry: registry.Entry) -> None:
    text = (PAGES / f"{entry.name}.md").read_text()
    assert text.startswith(f"# {entry.name} ({entry.family}")
    rows = dict(line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `"))
    told = {name.strip(" `"): default.strip() for name, default in rows.items()}
    options = fields(registry.load("methods", entry.name))
    assert set(told) == {option.name for option in options}
    for option in options:
        if isinstance(option.default, bool):
            assert told[option.name] == str(option.default).lower()
        elif isinstance(option.default, int | float):
            assert float(told[option.name].replace(",", "")) == option.default
        elif isinstance(option.default, str):
            assert told[option.name] == option.default
    assert "Reference: " in text
