"""What an audit says: every check that was made, what it found, and what to do about it; ``report/audit.json``.

The file::

    {"format": 1, "level": 0.05, "tests": 14, "permutations": 999, "seed": 0, "seconds": 3.1,
     "studies": 240, "patients": 120, "sites": ["north", "south"], "notes": ["..."],
     "checks": [{"code": "site_readable", "title": "...", "sites": ["north", "south"], "outcome": "found",
                 "severity": "warning", "words": "...", "advice": "...",
                 "figure": {"name": "AUROC", "value": 0.97, "interval": [0.94, 0.99], "by_chance": 0.58,
                            "p": 0.001, "adjusted_p": 0.012, "n": 120, "of": "patients"}}, ...],
     "profiles": [{"site": "north", "scans": 60, "quantiles": [0.0, ...], "picture": [[...], ...]}, ...]}

``checks`` holds every check, those that found something first; ``outcome`` is ``found``, ``clear`` or ``not_run`` (then
``words`` says why and ``figure`` is null). ``figure`` is null too for findings that need no measurement. A reader shows
``words`` as they are: they name sites and the figure already.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from medtl.atomic import write_json
from medtl.errors import RunStateError

FORMAT = 1
FILE = "audit.json"

Outcome = Literal["found", "clear", "not_run"]
Severity = Literal["fault", "warning", "note"]
_ORDER = {"found": 0, "clear": 1, "not_run": 2}
_WEIGHT = {"fault": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Figure:
    """What was measured.

    Attributes:
        name: such as ``AUROC`` or ``Cramer's V``.
        value: the estimate.
        interval: its 95 % interval over patients, or None where it is not estimable.
        by_chance: the largest value that shuffled labels reach in 95 of 100 draws, or None.
        p: of the permutation test, or None where there is none.
        adjusted_p: after Holm over all tests of the audit.
        n: how many were measured.
        of: what n counts: patients, scans, blocks.
    """

    name: str
    value: float
    interval: tuple[float, float] | None = None
    by_chance: float | None = None
    p: float | None = None
    adjusted_p: float | None = None
    n: int = 0
    of: str = "patients"

    @property
    def words(self) -> str:
        """``AUROC .97 [.94, .99]; shuffled labels reach .58; p .001``."""
        parts = [f"{self.name} {self.value:.2f}"]
        if self.interval is not None:
            parts[0] += f" [{self.interval[0]:.2f}, {self.interval[1]:.2f}]"
        if self.by_chance is not None:
            parts.append(f"shuffled, {self.by_chance:.2f}")
        if self.n:
            parts.append(f"n = {self.n} {self.of}")
        return "; ".join(parts)


@dataclass(frozen=True)
class Check:
    """One question that the audit asked, and its answer.

    Attributes:
        code: name of the question, such as ``site_readable``; see ``docs/audit.md``.
        title: the question in words.
        sites: hospitals that it is about.
        outcome: found, clear, or not run.
        severity: ``fault`` where figures cannot be trusted, ``warning`` where they may flatter, ``note`` to know.
        words: the answer in a sentence, or why there is none.
        advice: what to do; empty unless something was found.
        figure: what was measured.
    """

    code: str
    title: str
    sites: tuple[str, ...]
    outcome: Outcome
    severity: Severity
    words: str
    advice: str = ""
    figure: Figure | None = None


@dataclass(frozen=True)
class Profile:
    """How a site's prepared scans look on average, for comparison with another data set's.

    Attributes:
        site: hospital.
        scans: how many were averaged.
        quantiles: mean over scans of their grey values' quantiles at ``GRID`` levels from 0 to 1.
        picture: mean over scans of small pictures of the middle slice, rows of grey values; empty for few scans, since
            a mean of few shows each of them.
    """

    site: str
    scans: int
    quantiles: tuple[float, ...]
    picture: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Audit:
    """What was looked for and what was found.

    Attributes:
        checks: all of them, those that found something first.
        level: chance that any of the tests of an audit of clean data finds something.
        tests: how many tests that holds over.
        permutations: of each test.
        seed: of folds and permutations.
        seconds: that it took.
        studies: rows looked at.
        patients: patients among them, or blocks of rows where patients are unknown.
        sites: hospitals.
        notes: what a reader must know of how it was done.
        profiles: of the sites.
    """

    checks: tuple[Check, ...]
    level: float
    tests: int
    permutations: int
    seed: int
    seconds: float
    studies: int
    patients: int
    sites: tuple[str, ...]
    notes: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = ()

    @property
    def findings(self) -> tuple[Check, ...]:
        """The checks that found something, the gravest first."""
        return tuple(check for check in self.checks if check.outcome == "found")

    @property
    def codes(self) -> frozenset[str]:
        """Codes of what was found."""
        return frozenset(check.code for check in self.findings)

    def ordered(self) -> Audit:
        """The same, its checks in the order in which they are read."""
        checks = sorted(self.checks, key=lambda check: (_ORDER[check.outcome], _WEIGHT[check.severity]))
        return Audit(**{**self.__dict__, "checks": tuple(checks)})


def write_audit(folder: Path, audit: Audit) -> Path:
    """Writes ``audit.json`` into a report's folder; returns its path."""
    write_json(folder / FILE, {"format": FORMAT, **asdict(audit)})
    return folder / FILE


def read_audit(folder: Path) -> Audit | None:
    """The audit in a report's folder, or None where there is none.

    Args:
        folder: ``report`` of a run, or the ``--out`` of an evaluation.

    Raises:
        RunStateError: it is damaged, or of another format.
    """
    path = folder / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise RunStateError(f"{FILE}: damaged ({type(error).__name__}); evaluate the run again") from None
    try:
        if found.pop("format") != FORMAT:
            raise RunStateError(f"{FILE}: written by another version of medtl; evaluate the run again")
        checks = tuple(_check(check) for check in found.pop("checks"))
        profiles = tuple(
            Profile(p["site"], p["scans"], tuple(p["quantiles"]), tuple(tuple(row) for row in p["picture"]))
            for p in found.pop("profiles")
        )
        sites, notes = tuple(found.pop("sites")), tuple(found.pop("notes"))
        return Audit(checks=checks, profiles=profiles, sites=sites, notes=notes, **found)
    except (KeyError, TypeError) as error:
        raise RunStateError(f"{FILE}: damaged ({type(error).__name__}: {error}); evaluate the run again") from None


def _check(found: Mapping[str, Any]) -> Check:
    figure = found["figure"]
    if figure is not None:
        interval = figure["interval"]
        figure = Figure(**{**figure, "interval": None if interval is None else (interval[0], interval[1])})
    return Check(**{**found, "sites": tuple(found["sites"]), "figure": figure})
