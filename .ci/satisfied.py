"""Exits 0 if this environment holds every dependency of pyproject.toml, the group ``dev`` included; else says which."""
from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def numbers(text: str) -> tuple[int, ...]:
    """``3.0.24`` as (3, 0, 24), as far as it is numbers."""
    return tuple(int(part) for part in re.match(r"[\d.]*", text).group().split(".") if part)  # type: ignore[union-attr]


def missing(requirement: str) -> str | None:
    """What is wrong with one requirement in this environment, or None."""
    name, sign, wanted = re.fullmatch(r"([\w.-]+)(?:(>=|==)([\w.]+))?", requirement).groups()  # type: ignore[union-attr]
    try:
        found = version(name)
    except PackageNotFoundError:
        return f"{requirement}: not installed"
    exact, enough = numbers(found) == numbers(wanted or found), numbers(found) >= numbers(wanted or "0")
    return None if (exact if sign == "==" else enough) else f"{requirement}: found {found}"


project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
problems = [problem for requirement in wanted if (problem := missing(requirement))]
print("\n".join(problems) or "the environment satisfies pyproject.toml")
sys.exit(bool(problems))
