"""Pairs of source and target batches: domain-balanced, the same for the same seed, stage and epoch."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from medtl.cores import makers
from medtl.data.ahead import made_ahead
from medtl.data.augment import Augment, Level
from medtl.data.batches import Batch, Pair
from medtl.data.drawn import PLAIN, Drawn
from medtl.data.order import Strata, batches, steps_needed
from medtl.data.prepared import Prepared
from medtl.data.seeds import names_in_seeds, seed_of
from medtl.errors import ConfigError, DataError
from medtl.types import Cohort, Role

LABELLED_SHARE = 0.5
"""Of a target batch, where only some target labels are visible and are to be trained on."""


class PairLoader:
    """Serves the batches of a run.

    What an epoch holds depends on (seed, stage, epoch) alone, so that a resumed epoch is the same; the source's order
    and augmentation do not depend on whether a target is drawn. Every batch has ``batch_size`` rows, in equal shares of
    the domains; smaller domains begin again.

    Args:
        prepared: arrays by position of the cohort's catalogue.
        cohort: roles, splits and what is hidden; refused rows are left out.
        batch_size: rows of each role in a step.
        seed: of order and augmentation.
        augment: level for training batches.
        domains: whether a domain is a site, or a scanner within a site.
        with_target: whether each pair brings a target batch.
        class_balanced: whether the classes of each source domain take turns; rows without a label are left out then.
        prefetch: pairs made ahead by background threads; 0 for none.
        pinned: whether batches lie in page-locked memory, from which a GPU copies while it computes.

    Attributes:
        cohort: without refused rows.
        domains: names; a batch's ``domain`` is the position in it, source domains first.
        source_domains: how many of them are the source's.
        augmented: whether training scans are varied, so that they differ from epoch to epoch.
        steps: pairs per epoch: until each source train row and each target row that may be seen was drawn once, counted
            whether or not a target is drawn, so that runs with and without one take equally many steps.

    Raises:
        DataError: no source row to train on.
        ConfigError: a target batch is wanted and there is no target; class balance without single classes.
    """

    def __init__(
        self,
        prepared: Prepared,
        cohort: Cohort,
        *,
        batch_size: int,
        seed: int,
        augment: Level = "none",
        domains: Literal["site", "scanner"] = "site",
        with_target: bool = True,
        class_balanced: bool = False,
        prefetch: int = 2,
        pinned: bool = False,
    ) -> None:
        self.prepared = prepared
        self.cohort = prepared.cohort(cohort)
        self.batch_size = batch_size
        self.with_target = with_target
        self._seed = seed
        self._augment = Augment(augment)
        self.augmented = augment != "none"
        self._makers = makers(self.augmented)
        self._prefetch = max(prefetch, self._makers) if prefetch else 0
        self._pinned = pinned
        self._labels = np.nan_to_num(self.cohort.visible_labels, nan=0.0)
        self._known = ~np.isnan(self.cohort.visible_labels)
        names = [_domain(item.site, item.scanner, domains) for item in self.cohort.catalogue.items]
        source = self._by_domain(self.cohort.rows("source", "train"), names)
        target = self._by_domain(self.cohort.target_seen, names)
        if not source:
            raise DataError("no source scan to train on: none is in the train part, or all were refused")
        if with_target and not target:
            raise ConfigError("sites.target: empty, but the run's methods need target images; name a target site")
        self.source_domains = len(source)
        self.domains = (*source, *target)
        numbers = {("source", name): i for i, name in enumerate(source)}
        numbers |= {("target", name): len(source) + i for i, name in enumerate(target)}
        for row, name in enumerate(names):  # rows of other splits stand with their site
            numbers.setdefault((self.cohort.role[row], name), numbers.get(("source", name), 0))
        self._domain = np.array(
            [numbers[role, name] for role, name in zip(self.cohort.role, names, strict=True)], dtype=np.int64
        )
        drawn_as = names_in_seeds(names)
        self._source: Mapping[str, Strata] = {
            drawn_as[name]: self._classes(rows) if class_balanced else [rows] for name, rows in source.items()
        }
        self._target: Mapping[str, Strata] = {drawn_as[name]: [rows] for name, rows in target.items()}
        self.steps = max(
            steps_needed(list(self._source.values()), batch_size), steps_needed(list(self._target.values()), batch_size)
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one scan: (slices, 1, height, width)."""
        return tuple(self.prepared.array(int(next(iter(self._source.values()))[0][0])).shape)

    def epoch(
        self, stage: str, epoch: int, weights: NDArray[np.float32] | None = None, target_labels: bool = False,
        views: int = 0,
    ) -> Iterator[Pair]:
        """The pairs of one epoch.

        Args:
            stage: its name; each stage has orders of its own.
            epoch: number.
            weights: (n,), by position of the catalogue, or None for 1.
            target_labels: whether visible target labels are given. Where only some are visible, they fill half of each
                target batch, since a few among many would hardly ever be drawn.
            views: as in :meth:`drawn`.

        Returns:
            ``steps`` pairs.

        Raises:
            ValueError: as many weights as rows are wanted.
        """
        if weights is not None and len(weights) != len(self.cohort.catalogue.items):
            raise ValueError(f"got {len(weights)} weights for {len(self.cohort.catalogue.items)} rows")

        def made(source: Drawn, target: Drawn | None) -> Pair:
            first = self.labelled(self.images(source), source.rows, weights, True)
            if target is None:
                return Pair(first, None)
            return Pair(first, self.labelled(self.images(target), target.rows, weights, target_labels))

        drawn = self.drawn(stage, epoch, target_labels, views)
        return made_ahead((partial(made, *pair) for pair in drawn), self._prefetch, self._makers)

    def plan(
        self, stage: str, epoch: int, target_labels: bool = False
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64] | None]]:
        """The rows of each pair of an epoch, without reading a scan."""
        sources = batches(self._source, self.batch_size, self.steps, self._seed, stage, epoch, "source")
        targets = self._targets(stage, epoch, target_labels) if self.with_target else iter([None] * self.steps)
        return list(zip(sources, targets, strict=True))

    def drawn(
        self, stage: str, epoch: int, target_labels: bool = False, views: int = 0
    ) -> list[tuple[Drawn, Drawn | None]]:
        """What each pair of an epoch shows, without reading a scan.

        Args:
            stage: its name.
            epoch: number.
            target_labels: as in :meth:`epoch`.
            views: how many variations of each scan there are to draw from, the same in every run on the same scans; 0
                for a new one each time. Without augmentation it has no meaning.
        """
        times: dict[tuple[Role, int], int] = {}

        def shown(rows: NDArray[np.int64], role: Role) -> Drawn:
            if not self.augmented:
                return Drawn(rows, np.full(len(rows), PLAIN, dtype=np.int64), None)
            numbers = []
            for row in map(int, rows):
                time = times.get((role, row), 0)
                times[role, row] = time + 1
                numbers.append(seed_of(self._seed, "augment", stage, epoch, role, row, time))
            if not views:
                return Drawn(rows, np.full(len(rows), PLAIN, dtype=np.int64), tuple(numbers))
            chosen = np.array([number % views for number in numbers], dtype=np.int64)
            return self.seen(rows, chosen)

        return [
            (shown(source, "source"), None if target is None else shown(target, "target"))
            for source, target in self.plan(stage, epoch, target_labels)
        ]

    def seen(self, rows: NDArray[np.int64], views: NDArray[np.int64]) -> Drawn:
        """Rows in given views: numbers of variations that depend on the scan alone, or ``PLAIN``."""
        if (views == PLAIN).all():
            return Drawn(rows, views, None)
        seeds = (seed_of("view", int(view), self.prepared.key(int(row))) for row, view in zip(rows, views, strict=True))
        return Drawn(rows, views, tuple(seeds))

    def key(self, row: int, view: int) -> str:
        """What a scan in a view is made of, the same in every run that shows the same pixels."""
        scan = self.prepared.key(row)
        return scan if view == PLAIN else f"{scan}/{self._augment.version}/{view}"

    def scan(self, rows: Sequence[int] | NDArray[np.int64], view: int | None = None) -> Iterator[Batch]:
        """These rows in this order, for prediction and extraction; the last batch may be short.

        Args:
            rows: positions.
            view: number of an augmented view, or None for the scans as they are.

        Returns:
            Batches with labels masked as for training.
        """
        numbers = np.asarray(rows, dtype=np.int64)
        parts = [numbers[start:start + self.batch_size] for start in range(0, len(numbers), self.batch_size)]

        def made(part: NDArray[np.int64]) -> Batch:
            shown = self.seen(part, np.full(len(part), PLAIN if view is None else view, dtype=np.int64))
            return self.labelled(self.images(shown), part, None, True)

        return made_ahead((partial(made, part) for part in parts), self._prefetch, self._makers)

    def images(self, shown: Drawn) -> torch.Tensor:
        """The pixels of what was drawn, float32, (n, slices, 1, height, width)."""
        first = self.prepared.array(int(shown.rows[0]))
        images = torch.empty((len(shown.rows), *first.shape), dtype=torch.float32, pin_memory=self._pinned)
        into = images.numpy()
        for i, row in enumerate(map(int, shown.rows)):
            scan = self.prepared.array(row)
            into[i] = scan if shown.seeds is None else self._augment(scan, shown.seeds[i])
        return images

    def labelled(
        self, images: torch.Tensor, rows: NDArray[np.int64], weights: NDArray[np.float32] | None, labels: bool
    ) -> Batch:
        """Images, or what a network's front made of them, with all that is known of their rows.

        Args:
            images: (n, ...), one per row.
            rows: positions, (n,).
            weights: by position of the catalogue, or None for 1.
            labels: whether visible labels are given.
        """
        known = self._known[rows] if labels else np.zeros_like(self._known[rows])
        return Batch(
            images=images,
            labels=torch.from_numpy(np.where(known, self._labels[rows], np.float32(0))),
            known=torch.from_numpy(known),
            weights=torch.from_numpy(
                np.ones(len(rows), np.float32) if weights is None else np.asarray(weights[rows], np.float32)
            ),
            domain=torch.from_numpy(self._domain[rows]),
            rows=torch.from_numpy(rows),
        )

    def _targets(self, stage: str, epoch: int, target_labels: bool) -> Iterator[NDArray[np.int64]]:
        names = (self._seed, stage, epoch, "target")
        labelled: dict[str, Strata] = {}
        if target_labels:
            for name, (rows,) in self._target.items():
                known = rows[self._known[rows].any(axis=1)]
                if 0 < len(known) < LABELLED_SHARE * len(rows):
                    labelled[name] = [known]
        some = int(LABELLED_SHARE * self.batch_size) if labelled else 0
        rest = batches(self._target, self.batch_size - some, self.steps, *names)
        if not some:
            return rest
        extra = batches(labelled, some, self.steps, *names, "labelled")
        return (np.concatenate(pair) for pair in zip(rest, extra, strict=True))

    def _by_domain(self, rows: NDArray[np.int64], names: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        groups: dict[str, list[int]] = {}
        for row in map(int, rows):
            if self.prepared.kept[row]:
                groups.setdefault(names[row], []).append(row)
        return {name: np.array(found, dtype=np.int64) for name, found in groups.items()}

    def _classes(self, rows: NDArray[np.int64]) -> Strata:
        if self._labels.shape[1] != 1:
            raise ConfigError("class-balanced batches need a single label column; use class weights with several")
        known = rows[self._known[rows, 0]]
        return [known[self._labels[known, 0] == value] for value in np.unique(self._labels[known, 0])]


def _domain(site: str, scanner: str, domains: Literal["site", "scanner"]) -> str:
    return f"{site}/{scanner}" if domains == "scanner" and scanner else site
