"""Roles and splits: patients apart, target labels hidden, nothing decided by ids, file names or a target's labels."""
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medtl.data.blocks import carved_blocks, sequences, source_blocks, target_blocks, target_fold
from medtl.data.budget import Budget, drawn, without_fold
from medtl.data.policy import AUTO, PublishedSplit, SplitPolicy
from medtl.data.proof import check_sizes, proof
from medtl.data.published import mapped, without_crossings
from medtl.data.seeds import generator, names_in_seeds
from medtl.data.stratify import stratify
from medtl.data.units import Unit, signature, units_of
from medtl.errors import ConfigError
from medtl.sources.base import Labelling
from medtl.types import Catalogue, Cohort, Role, Split, nearest

SHARES: Mapping[Split, float] = {"train": 0.6, "val": 0.2, "test": 0.2}
"""Of a source site's patients."""
CARVED = 0.2
"""Of the published training patients, where a published split lacks a part."""


def assign(
    catalogue: Catalogue,
    *,
    source: Sequence[str] = (),
    target: Sequence[str] = (),
    target_labels: Budget = "none",
    transductive: bool = False,
    seed: int = 0,
    draw_seed: int | None = None,
    hidden_fold: tuple[int, int] | None = None,
    test_fold: tuple[int, int] | None = None,
    task: Labelling | None = None,
    policies: Mapping[str, SplitPolicy] | None = None,
) -> Cohort:
    """Gives every study a role and a split, and hides what training may not see.

    A source site is split by patient into train, val and test, stratified by label; a target site by patient into adapt
    and test halves, blind to its labels. A published split wins; unknown patients are cut into contiguous blocks.

    Args:
        catalogue: the table.
        source: source sites; empty for every site that is no target.
        target: target sites; empty for an evaluation within the source sites.
        target_labels: none, all of the adapt part, or a budget of patients per target site.
        transductive: whether methods see target test images too.
        seed: of all splits.
        draw_seed: of the labelled target patients; ``seed`` if None.
        hidden_fold: (k, n): of n folds of these patients, by label, the k-th stays hidden.
        test_fold: (k, n): of n folds of every site's patients, the k-th is its test part and, at a source site, the one
            after it its validation part; the n of them test every patient once. None for shares of the patients.
        task: its kind decides whether two classes are needed.
        policies: per site, what its card says; ``auto`` where it says nothing.

    Returns:
        The cohort, proved: no patient is in two splits.

    Raises:
        ConfigError: a site that is unknown, named twice, or both source and target; folds where a split is published.
        DataError: too few studies or one class only where two are needed, a budget that cannot be met.
    """
    source, target = _roles(catalogue, source, target)
    draft = _Draft(catalogue, seed, policies or {}, test_fold)
    for site in target:
        draft.target_site(site)
    for site in source:
        draft.source_site(site)
    draft.shared_patients()
    hidden = np.ones(len(catalogue.items), dtype=np.bool_)
    hidden[[i for i, role in enumerate(draft.role) if role == "source"]] = False
    for site in target:
        adapt = [i for i in draft.rows_of[site] if draft.split[i] == "adapt"]
        drawing = seed if draw_seed is None else draw_seed
        rows = drawn(units_of(catalogue, adapt), catalogue.labels, target_labels,
                     generator(drawing, "budget", draft.drawn_as[site]), site=site, label_names=catalogue.label_names)
        if hidden_fold is not None:
            rows = without_fold(units_of(catalogue, rows), catalogue.labels, *hidden_fold,
                                generator(drawing, "fold", draft.drawn_as[site]))
        hidden[list(rows)] = False
    if test_fold is not None:
        draft.notes.append(f"this run tests part {test_fold[0] + 1} of {test_fold[1]} of every site's patients; what "
                           "all parts say together is in folds/folds.json of the run of the first part")
    if transductive and target:
        draft.notes.append("transductive: methods see the images of the target's test part, never its labels")
    cohort = Cohort(catalogue, tuple(draft.role), tuple(draft.split), hidden,
                    (*catalogue.notes, *draft.notes), transductive)
    proof(cohort)
    return check_sizes(cohort, task)


def _roles(catalogue: Catalogue, source: Sequence[str], target: Sequence[str]) -> tuple[list[str], list[str]]:
    known = list(dict.fromkeys(item.site for item in catalogue.items))
    lines = []
    for key, sites in (("sites.source", source), ("sites.target", target)):
        for site in dict.fromkeys(sites):
            if site not in known:
                hint = nearest(site, known)
                lines.append(f"{key}: no site {site!r}" + (f": did you mean {hint!r}?" if hint else "")
                             + f" The data have {', '.join(known)}")
            if list(sites).count(site) > 1:
                lines.append(f"{key}: {site!r} is named twice; name it once")
    lines += [f"sites: {site!r} is both source and target; to train on some of a target's labels, set "
              f"sites.target_labels" for site in dict.fromkeys(source) if site in target]
    chosen = list(source) or [site for site in known if site not in target]
    if not chosen and not lines:
        lines.append("sites.source: every site is a target; name at least one source site")
    if lines:
        raise ConfigError(*lines)
    return chosen, list(target)


@dataclass
class _Draft:
    """A cohort in the making."""

    catalogue: Catalogue
    seed: int
    policies: Mapping[str, SplitPolicy]
    test_fold: tuple[int, int] | None = None
    role: list[Role] = field(init=False)
    split: list[Split] = field(init=False)
    notes: list[str] = field(init=False, default_factory=list)
    rows_of: dict[str, list[int]] = field(init=False, default_factory=dict)
    labels: NDArray[np.float32] = field(init=False)
    drawn_as: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.role = ["unused"] * len(self.catalogue.items)
        self.split = ["unused"] * len(self.catalogue.items)
        self.labels = self.catalogue.labels
        for row, item in enumerate(self.catalogue.items):
            self.rows_of.setdefault(item.site, []).append(row)
        self.drawn_as = names_in_seeds(self.rows_of)

    def source_site(self, site: str) -> None:
        """Train, val and test of a source site."""
        policy, parts = self._start(site, "source")
        if parts is None:
            self._fresh(site, policy)
        else:
            self._complete(site, policy, parts)

    def target_site(self, site: str) -> None:
        """Adapt and test of a target site; its labels are not read."""
        policy, parts = self._start(site, "target")
        if parts is not None:
            test = "test" if "test" in parts.values() else "val"
            for row, part in parts.items():
                self.split[row] = "test" if part == test else "adapt"
            self.notes.append(f"{site}: published split; its {test} part is the target's test, the rest adapt")
            self._repair(site)
            return
        known, unknown = self._units(self.rows_of[site], policy)
        if self.test_fold is not None:
            k, n = self.test_fold
            fold = self._folded(site, [()] * len(known))
            self._place(known, ["test" if at == k else "adapt" for at in fold])
            if unknown:
                self._place(unknown, target_fold(len(unknown), n, k, policy.guard))
                self._say_blocks(site, unknown, f"{n} contiguous blocks in file order, one of them test")
            return
        halves: Mapping[Split, float] = {"adapt": 0.5, "test": 0.5}
        self._place(known, stratify([()] * len(known), halves, generator(self.seed, "halves", self.drawn_as[site])))
        if unknown:
            rng = generator(self.seed, "blocks", self.drawn_as[site])
            self._place(unknown, target_blocks(len(unknown), policy.blocks, rng, policy.guard))
            self._say_blocks(site, unknown, f"{2 * policy.blocks} contiguous blocks in file order")

    def shared_patients(self) -> None:
        """A patient seen at several sites keeps one split: the target's, else that of the first source site."""
        moved: dict[str, int] = {}
        order = sorted((row for row, role in enumerate(self.role) if role != "unused"),
                       key=lambda row: (self.role[row] != "target", row))
        kept: dict[str, tuple[Role, Split]] = {}
        for row in order:
            item = self.catalogue.items[row]
            here = (self.role[row], self.split[row])
            if item.patient and self.split[row] != "unused" and kept.setdefault(item.patient, here) != here:
                self.split[row] = "unused"
                moved[item.site] = moved.get(item.site, 0) + 1
        self.notes += [f"{site}: {count} scans are not used: their patients are in another site's split"
                       for site, count in moved.items()]

    def _start(self, site: str, role: Role) -> tuple[SplitPolicy, dict[int, PublishedSplit] | None]:
        policy = self.policies.get(site, AUTO)
        for row in self.rows_of[site]:
            self.role[row] = role
        parts = mapped(self.catalogue, site, self.rows_of[site], policy, self.notes)
        if parts is not None and self.test_fold is not None:
            raise ConfigError(f"evaluate.folds: {site} has a published split, and folds would test its training "
                              "studies too; leave folds out, or set the site's split policy to patient in its card")
        return policy, parts

    def _folded(self, site: str, strata: Sequence[Hashable]) -> tuple[int, ...]:
        """Which fold each unit is in; all runs of one seed agree on it."""
        assert self.test_fold is not None
        folds = self.test_fold[1]
        return stratify(strata, dict.fromkeys(range(folds), 1 / folds), generator(self.seed, "folds",
                                                                                  self.drawn_as[site]))

    def _units(self, rows: Sequence[int], policy: SplitPolicy) -> tuple[list[Unit], list[Unit]]:
        """Units to be drawn one by one, and units to be cut into blocks."""
        units = units_of(self.catalogue, rows)
        if policy.policy == "blocks":
            return [], list(units)
        return [u for u in units if u.patient], [u for u in units if not u.patient]

    def _place(self, units: Sequence[Unit], splits: Sequence[Split]) -> None:
        for unit, split in zip(units, splits, strict=True):
            for row in unit.rows:
                self.split[row] = split

    def _fresh(self, site: str, policy: SplitPolicy) -> None:
        known, unknown = self._units(self.rows_of[site], policy)
        strata = [signature(unit, self.labels) for unit in known]
        blocks, turn = (policy.blocks, self.seed) if self.test_fold is None else self.test_fold[::-1]
        if self.test_fold is None:
            self._place(known, stratify(strata, SHARES, generator(self.seed, "split", self.drawn_as[site])))
        else:
            names: dict[int, Split] = {turn: "test", (turn + 1) % blocks: "val"}
            self._place(known, [names.get(at, "train") for at in self._folded(site, strata)])
        if not unknown:
            return
        classes = [signature(unit, self.labels) for unit in unknown]
        runs = sequences(classes, policy.within)
        for run in runs:
            splits = source_blocks(len(run), blocks, turn, policy.guard)
            self._place([unknown[i] for i in run], splits)
        how = f"{blocks} contiguous blocks" + (" per class" if len(runs) > 1 else "") + " in file order"
        self._say_blocks(site, unknown, how)

    def _say_blocks(self, site: str, units: Sequence[Unit], how: str) -> None:
        gap = sum(self.split[unit.rows[0]] == "unused" for unit in units)
        what = "patients" if all(unit.patient for unit in units) else "studies of unknown patients"
        self.notes.append(f"{site}: {len(units)} {what}, split into {how}; {gap} in the guard gaps are not used")

    def _complete(self, site: str, policy: SplitPolicy, parts: Mapping[int, PublishedSplit]) -> None:
        """A published split, with what it lacks carved out of its training part."""
        for row, part in parts.items():
            self.split[row] = part
        have = set(parts.values())
        if "test" not in have and "val" in have:
            for row, part in parts.items():
                if part == "val":
                    self.split[row] = "test"
            have = (have - {"val"}) | {"test"}
            self.notes.append(f"{site}: the published split has no test part; its val part is the test")
        self._repair(site)
        for part, turn in (("test", 0), ("val", 1)):
            if part not in have:
                self._carve(site, policy, part, turn)

    def _carve(self, site: str, policy: SplitPolicy, part: Split, turn: int) -> None:
        rows = [row for row in self.rows_of[site] if self.split[row] == "train"]
        known, unknown = self._units(rows, policy)
        strata = [signature(unit, self.labels) for unit in known]
        shares: Mapping[Split, float] = {"train": 1.0 - CARVED, part: CARVED}
        self._place(known, stratify(strata, shares, generator(self.seed, "carve", part, self.drawn_as[site])))
        if unknown:
            for run in sequences([signature(unit, self.labels) for unit in unknown], policy.within):
                splits = carved_blocks(len(run), policy.blocks, self.seed + turn, policy.guard, part)
                self._place([unknown[i] for i in run], splits)
            self._say_blocks(site, unknown, f"{policy.blocks} contiguous blocks, one of them {part}")
        self.notes.append(f"{site}: the published split has no {part} part; it was drawn from the training part by "
                          f"patient, about {CARVED:.0%}")

    def _repair(self, site: str) -> None:
        self.notes += without_crossings(self.catalogue, site, self.rows_of[site], self.split)
