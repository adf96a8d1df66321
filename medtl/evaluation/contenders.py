"""Who is compared with whom: runs that differ in the seed alone are one method, and two methods meet seed by seed."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medtl.config.dump import differences
from medtl.errors import DataError
from medtl.predictions import Predictions

SHOWN = 3


@dataclass(frozen=True, eq=False)
class Answers:
    """What one run's models said.

    Args:
        name: of the run.
        config: in full.
        predictions: one row per study and model.
    """

    name: str
    config: Mapping[str, Any]
    predictions: Predictions

    @property
    def seed(self) -> int:
        """Of training and splits."""
        return int((self.config.get("train") or {}).get("seed", 0))

    @property
    def data(self) -> str:
        """The card or manifest."""
        data = self.config.get("data") or {}
        return str(data.get("card") or data.get("manifest") or "no card")

    @property
    def key(self) -> str:
        """The config without its seed: equal for runs of one method."""
        return json.dumps(_seedless(self.config), sort_keys=True, default=str)


@dataclass(frozen=True, eq=False)
class Contender:
    """A method: one model of one or more runs that differ in their seed alone.

    Args:
        name: how it is shown.
        runs: by seed, rising.
        model: whose rows are meant, adapted or baseline.
    """

    name: str
    runs: tuple[Answers, ...]
    model: str

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of its runs."""
        return tuple(run.seed for run in self.runs)

    def rows(self, run: Answers) -> Predictions:
        """The rows of its model in one of its runs."""
        return run.predictions.where(run.predictions.model == self.model)


@dataclass(frozen=True, eq=False)
class Duel:
    """Two methods, and the runs that are set against each other.

    Args:
        first: the method in question.
        second: the reference.
        pairs: of runs, seed by seed.
        notes: what a reader must know of the pairing.
        differs: keys of the config that the two differ in, in words.
    """

    first: Contender
    second: Contender
    pairs: tuple[tuple[Answers, Answers], ...]
    notes: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


def duels_of(answers: Sequence[Answers], against: str | None = None) -> tuple[Duel, ...]:
    """Set every method against the reference, or adapted models against their own baselines where there is one method.

    Args:
        answers: of the runs, in the user's order.
        against: name of a run of the reference; the first run's method by default.

    Returns:
        One duel per method but the reference.

    Raises:
        DataError: one run twice, runs of different data, or nothing to compare.
    """
    _check(answers)
    groups: dict[str, list[Answers]] = {}
    for run in answers:
        groups.setdefault(run.key, []).append(run)
    methods = [_contender(runs) for runs in groups.values()]
    if len(methods) == 1:
        return (_within(methods[0]),)
    reference = methods[0]
    if against is not None:
        found = [method for method in methods if against in [run.name for run in method.runs]]
        if not found:
            raise DataError(f"--against {against}: none of the runs compared, which are "
                            f"{', '.join(run.name for run in answers)}")
        reference = found[0]
    return tuple(_duel(method, reference) for method in methods if method is not reference)


def _check(answers: Sequence[Answers]) -> None:
    names = [run.name for run in answers]
    first = answers[0]
    for run in answers[1:]:
        if run.data != first.data:
            raise DataError(f"{run.name}: its data are {run.data}, those of {first.name} are {first.data}; compare "
                            "runs of one card")
        if run.predictions.classes != first.predictions.classes:
            raise DataError(f"{run.name}: its classes are {', '.join(run.predictions.classes)}, those of {first.name} "
                            f"are {', '.join(first.predictions.classes)}; compare runs of one task")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataError(*(f"{name}: named twice; name each run once" for name in sorted(twice)))
    seen: dict[tuple[str, int], str] = {}
    for run in answers:
        other = seen.setdefault((run.key, run.seed), run.name)
        if other != run.name:
            raise DataError(f"{run.name}: has the config and the seed of {other}; two runs of one method need seeds of "
                            "their own")


def _contender(runs: Sequence[Answers]) -> Contender:
    model = "adapted" if "adapted" in runs[0].predictions.models else "baseline"
    ordered = tuple(sorted(runs, key=lambda run: run.seed))
    more = f" and {len(runs) - SHOWN} more" if len(runs) > SHOWN else ""
    return Contender(", ".join(run.name for run in ordered[:SHOWN]) + more, ordered, model)


def _within(method: Contender) -> Duel:
    lacking = [run.name for run in method.runs if len(run.predictions.models) < 2]
    if lacking:
        raise DataError(f"{lacking[0]}: has one model only, and no run of another config was named; name one, or train "
                        "with train.baseline: true")
    first, second = (Contender(f"{method.name}, {model}", method.runs, model) for model in ("adapted", "baseline"))
    return Duel(first, second, tuple((run, run) for run in method.runs))


def _duel(first: Contender, second: Contender) -> Duel:
    ours, theirs = ({run.seed: run for run in method.runs} for method in (first, second))
    common = [seed for seed in first.seeds if seed in theirs]
    changed = tuple(differences(_seedless(second.runs[0].config), _seedless(first.runs[0].config)))
    if not common and len(ours) == len(theirs) == 1:
        note = (f"{first.name} has the seed {first.seeds[0]}, {second.name} {second.seeds[0]}: part of a difference "
                "may be the chance of training")
        return Duel(first, second, ((first.runs[0], second.runs[0]),), (note,), changed)
    if not common:
        raise DataError(f"{first.name} has the seeds {_listed(first.seeds)}, {second.name} {_listed(second.seeds)}; "
                        "methods are compared seed by seed and need some in common")
    notes = [f"{method.name}: seeds {_listed(left)} have no counterpart and are left out"
             for method in (first, second) if (left := [seed for seed in method.seeds if seed not in common])]
    return Duel(first, second, tuple((ours[seed], theirs[seed]) for seed in common), tuple(notes), changed)


def _seedless(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**config, "train": {k: v for k, v in (config.get("train") or {}).items() if k != "seed"}}


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))
