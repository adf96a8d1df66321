"""How to get the same numbers again."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medtl.evaluation.report.facts import RunFacts

SHOWN = ("medtl", "python", "torch", "timm", "monai", "numpy", "device", "threads", "seed", "card", "methods",
         "selection", "config_digest", "data_digest", "started", "finished", "seconds")


@dataclass(frozen=True)
class Recipe:
    """Commands and versions.

    Args:
        commands: (what for, command).
        provenance: (name, value).
    """

    commands: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]


def recipe_of(facts: RunFacts) -> Recipe:
    """How a run is done again.

    Args:
        facts: its files.

    Returns:
        The recipe.
    """
    name = facts.name if all(letter.isalnum() or letter in "._-" for letter in facts.name) else "run"
    elsewhere = facts.section("data").get("card") and not facts.provenance.get("simulated")
    root = " --set data.root=FOLDER" if elsewhere else ""
    commands = [
        (f"the run again, from the config below saved as {name}.yaml",
         f"medtl train --config {name}.yaml --name {name}-again{root}"),
        ("every figure of this page again, from predictions.csv", f"medtl evaluate {name}"),
    ]
    told = {**{key: facts.provenance.get(key) for key in SHOWN},
            **{key: value for key, value in facts.provenance.items() if key not in SHOWN and key != "notes"}}
    provenance = tuple((key, flat(value)) for key, value in told.items() if value not in (None, "", []))
    return Recipe(tuple(commands), provenance)


def flat(value: Any) -> str:
    """A value of provenance.json on one line."""
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
