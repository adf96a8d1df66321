"""``cluster``: groups of a run's studies by deep features, found without labels and set against what is known."""
from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medtl.api.assemble import assemble
from medtl.atomic import write_bytes, write_json, write_text
from medtl.config.load import load_config
from medtl.data.loaders import PairLoader
from medtl.errors import DataError
from medtl.evaluation.groups_page import Group, groups_page
from medtl.functional.grouping import OUTSIDE, Agreement, agreement, axes, density_groups, mean_groups
from medtl.io.thumbnail import picture, png
from medtl.models import store
from medtl.models.predict import predict
from medtl.progress import QUIET, Progress, doing
from medtl.run import RunFolder
from medtl.training.device import open_device

SHOWN = 8
"""Members of a group that are shown: those nearest to its middle."""
SIDE = 96
"""Pixels of a picture's longer side."""
LIFT = 2.0
"""A class or scanner that is this much more frequent in a group than elsewhere is named."""

Parts = Literal["all", "target", "source"]


@dataclass(frozen=True)
class Clustered:
    """Groups on disk.

    Attributes:
        page: groups.html, with pictures beside it.
        groups: largest first; the last one may hold what lies outside every group.
        agreements: of each way of grouping with each thing that is known.
    """

    page: Path
    groups: tuple[Group, ...]
    agreements: Mapping[str, Mapping[str, Agreement]]

    def __rich__(self) -> Any:
        from rich.console import Group as Parts_
        from rich.table import Table
        from rich.text import Text

        table = Table(title="Groups found without labels (HDBSCAN)", title_justify="left", box=None, pad_edge=False)
        for name in ("group", "n", "what stands out"):
            table.add_column(name)
        for group in self.groups:
            table.add_row(group.name, str(group.size), "; ".join(group.stands_out) or "nothing")
        second = Table(title="Agreement with what is known", title_justify="left", box=None, pad_edge=False)
        for name in ("groups by", "against", "ARI", "NMI (by chance)", "purity (by chance)", "p"):
            second.add_column(name)
        for way, against in self.agreements.items():
            for known, a in against.items():
                second.add_row(way, known, f"{a.ari:.3f}", f"{a.nmi:.3f} ({a.null_nmi:.3f})",
                               f"{a.purity:.3f} ({a.null_purity:.3f})", f"{a.p_value:.3f}")
        return Parts_(table, second, Text(f"groups: {self.page}"))


def cluster(
    run: Path, *, parts: Parts = "all", least: int | None = None, count: int | None = None, root: Path | None = None,
    out: Path | None = None, progress: Progress | None = None,
) -> Clustered:
    """Groups a run's studies by the features that its network's head reads.

    Args:
        run: a finished run's folder.
        parts: which studies: all, the target's or the source's.
        least: studies of a group of HDBSCAN; one in 40, at least 5, if None.
        count: of k-means' groups; chosen by silhouette if None.
        root: the folder of the scans, where the data card does not say it.
        out: where page, tables and pictures go; ``groups`` in the run if None.
        progress: where to report to.

    Returns:
        The groups.

    Raises:
        RunStateError: the run is unfinished or damaged.
        DataError: too few studies, or scans that cannot be read.
    """
    progress = progress or QUIET
    RunFolder(run).require_finished()
    written = RunFolder(run).config_as_written()
    if root is not None:
        written["data"]["root"] = str(root)
    config = load_config(written)
    assembly = assemble(config, progress)
    cohort = assembly.cohort
    rows = np.array([
        i for i, (role, split) in enumerate(zip(cohort.role, cohort.split, strict=True))
        if role != "unused" and split != "unused" and parts in ("all", role)
    ], dtype=np.int64)
    if len(rows) < 20:
        raise DataError(f"cluster: {len(rows)} scans, expected at least 20; choose more with --parts all")
    model = store.load(run)
    loader = PairLoader(assembly.prepared, cohort, batch_size=config.train.batch_size, seed=config.train.seed,
                        augment="none", domains=config.sites.domains, with_target=False)
    with doing(progress, "looking through the network"):
        said = predict(model, loader.scan(rows), open_device(config.train).torch, features=True)
    assert said.features is not None
    at = said.rows
    space = axes(said.features.reshape(len(at), -1))
    dense = density_groups(space, least or max(5, len(at) // 40))
    known = _known(assembly, at)
    patients = [cohort.catalogue.items[i].patient for i in at]
    ways = {"HDBSCAN": dense, "k-means": mean_groups(space, count, seed=config.train.seed)}
    agreements = {
        way: {name: agreement(groups[inside], values[inside], blocks=[patients[i] for i in np.flatnonzero(inside)])
              for name, values in known.items()
              if len(np.unique(values[inside := (values != "") & (groups != OUTSIDE)])) > 1}
        for way, groups in ways.items()
    }
    target = out or run / "groups"
    found = []
    for number in [*range(int(dense.max()) + 1), *([OUTSIDE] if (dense == OUTSIDE).any() else [])]:
        members = np.flatnonzero(dense == number)
        shown = _nearest(space, members)
        pictures = []
        for rank, member in enumerate(shown):
            array = np.asarray(assembly.prepared.array(int(at[member])))
            name = f"group-{'outside' if number == OUTSIDE else number + 1}-{rank}.png"
            write_bytes(target / name, png(picture(array[len(array) // 2, 0], side=SIDE)))
            pictures.append((name, _told(known, member)))
        found.append(Group("outside" if number == OUTSIDE else str(number + 1), len(members),
                           _stands_out(known, members), tuple(pictures)))
    write_json(target / "groups.json", {
        "run": run.resolve().name, "parts": parts, "scans": len(at),
        "groups": [{"name": g.name, "n": g.size, "stands_out": list(g.stands_out)} for g in found],
        "agreement": {way: {name: asdict(a) for name, a in against.items()} for way, against in agreements.items()},
    })
    write_text(target / "groups.csv", _table(assembly, at, ways))
    page = target / "groups.html"
    write_text(page, groups_page(run.resolve().name, tuple(found), agreements, assembly.notes, assembly.simulated))
    return Clustered(page, tuple(found), agreements)


def _known(assembly: Any, at: NDArray[np.int64]) -> dict[str, NDArray[np.str_]]:
    """What is known of each scan, in words; empty where it is not. All labels count: nothing is trained on them."""
    items = assembly.cohort.catalogue.items
    known = {
        "site": np.array([items[i].site for i in at], dtype=np.str_),
        "scanner": np.array([items[i].scanner for i in at], dtype=np.str_),
    }
    if assembly.task.kind != "regression":
        for column, name in enumerate(assembly.task.label_names):
            values = [items[i].labels[column] for i in at]
            known[name] = np.array(["" if value != value else assembly.task.classes[int(value)] for value in values])
    return {name: values for name, values in known.items() if len(set(values.tolist()) - {""}) > 1}


def _nearest(space: NDArray[np.float64], members: NDArray[np.int64]) -> NDArray[np.int64]:
    middle = space[members].mean(axis=0)
    far = ((space[members] - middle) ** 2).sum(axis=1)
    return members[np.argsort(far, kind="stable")[:SHOWN]]


def _told(known: Mapping[str, NDArray[np.str_]], member: int) -> str:
    return ", ".join(f"{name} {values[member]}" for name, values in known.items() if values[member])


def _stands_out(known: Mapping[str, NDArray[np.str_]], members: NDArray[np.int64]) -> tuple[str, ...]:
    """Values that are much more frequent in a group than outside it."""
    lines = []
    inside = np.zeros(len(next(iter(known.values()), np.zeros(0))), dtype=bool)
    if not len(inside):
        return ()
    inside[members] = True
    for name, values in known.items():
        here, there = Counter(values[inside & (values != "")]), Counter(values[~inside & (values != "")])
        n, m = sum(here.values()), sum(there.values())
        for value, hits in here.most_common(2):
            share, elsewhere = hits / n, (there.get(value, 0) + 0.5) / (m + 1)
            if hits >= 3 and share >= 0.5 and share >= LIFT * elsewhere:
                lines.append(f"{name} {value}: {share:.0%} here, {there.get(value, 0) / max(m, 1):.0%} elsewhere")
    return tuple(lines)


def _table(assembly: Any, at: NDArray[np.int64], ways: Mapping[str, NDArray[np.int64]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("row", "study", "site", *ways))
    items = assembly.cohort.catalogue.items
    for k, i in enumerate(at):
        writer.writerow((items[i].row, items[i].study, items[i].site,
                         *("" if groups[k] == OUTSIDE else int(groups[k]) + 1 for groups in ways.values())))
    return out.getvalue()
