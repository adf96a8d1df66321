"""Every aligning or weighing method has a page that names all its options and its reference, and says whose equations
they are."""
from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from medtl import registry

PAGES = Path(__file__).resolve().parents[2] / "docs" / "methods"
ENTRIES = [entry for entry in registry.entries("methods") if entry.family in ("mapping", "adversarial", "instances")]
INSTANCES = [entry.name for entry in ENTRIES if entry.family == "instances"]


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


@pytest.mark.parametrize("name", INSTANCES)
def test_it_is_said_which_equations_of_an_instances_method_were_available_and_which_choices_are_ours(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text()
    assert "Equations: " in text
    assert re.search(r"\b[Oo]urs?\b", text)


def test_one_page_tells_it_of_all_of_them() -> None:
    lines = (PAGES.parent / "equations.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| [")]
    assert sorted(row[0] for row in rows) == [f"[{name}](methods/{name}.md)" for name in sorted(INSTANCES)]
    assert all(len(row) == 4 and all(row) for row in rows)
