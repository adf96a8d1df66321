"""The data that travels between the parts: rows of studies, who plays which role, and what may be seen.

numpy only: the command line reads these without importing torch.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Role = Literal["source", "target", "unused"]
Split = Literal["train", "val", "test", "adapt", "unused"]
Family = Literal["instances", "mapping", "network", "adversarial", "baseline"]

UNKNOWN = float("nan")
"""A label that nobody gave. A label that exists but must not be seen is HIDDEN: NaN too, with ``hidden`` set."""


@dataclass(frozen=True)
class Item:
    """One scan of the catalogue: a row, before roles are known.

    Attributes:
        row: number of the row in its table, 1 for the first data row; how messages and outputs name it.
        study: opaque id of the examination; rows of one study are scored together.
        patient: opaque id, unique over sites; empty when unknown.
        site: hospital.
        scanner: device as the card or the headers name it; empty when unknown.
        path: file or folder. It never enters an output.
        labels: one value per label column: class index, 0 or 1 per label, or a number; NaN when unknown.
        split: the published split of this row, or empty.
        digest: content digest of the file or files, hex; empty until computed.
        traits: what else is known and identifies nobody, such as ("sex", "F"); figures are given by subgroup of it.
    """

    row: int
    study: str
    patient: str
    site: str
    scanner: str
    path: Path = field(repr=False)
    labels: tuple[float, ...]
    split: str = ""
    digest: str = ""
    traits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """The table of scans of a data set, in file order.

    Attributes:
        items: rows.
        label_names: names of the label columns, as many as ``Item.labels`` is long.
        root: folder that the paths are under; never serialised.
        simulated: whether the scans were simulated; said wherever results are shown.
        notes: facts that every report must repeat, such as unknown patients.
    """

    items: tuple[Item, ...]
    label_names: tuple[str, ...]
    root: Path = field(repr=False)
    simulated: bool = False
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> NDArray[np.float32]:
        """float32, (n, labels), NaN where unknown."""
        return np.array([item.labels for item in self.items], dtype=np.float32).reshape(len(self.items), -1)


@dataclass(frozen=True)
class Cohort:
    """A catalogue with roles, splits and what may be seen: the data of one run.

    Attributes:
        catalogue: the rows.
        role: per row.
        split: per row: train, val or test at a source site, adapt or test at a target site.
        hidden: bool, (n,): the label exists for scoring, and training never receives it.
        notes: facts that every report must repeat: fallbacks, published splits repaired, transductive use.
        transductive: whether methods may see the images of target test rows too.
    """

    catalogue: Catalogue
    role: tuple[Role, ...]
    split: tuple[Split, ...]
    hidden: NDArray[np.bool_]
    notes: tuple[str, ...] = ()
    transductive: bool = False

    def rows(self, role: Role, *splits: Split) -> NDArray[np.int64]:
        """Positions (not row numbers) of the rows with this role and one of these splits, in catalogue order."""
        chosen = [i for i, (r, s) in enumerate(zip(self.role, self.split, strict=True)) if r == role and s in splits]
        return np.array(chosen, dtype=np.int64)

    @property
    def target_seen(self) -> NDArray[np.int64]:
        """Positions of the target rows whose images methods may see: adapt, and test too where transductive."""
        return self.rows("target", "adapt", "test") if self.transductive else self.rows("target", "adapt")

    @property
    def visible_labels(self) -> NDArray[np.float32]:
        """float32, (n, labels), NaN where unknown or hidden: the only labels that training may read."""
        labels = self.catalogue.labels
        labels[self.hidden] = UNKNOWN
        return labels


@dataclass(frozen=True)
class Table:
    """What a method may know of each study before and between fits.

    Attributes:
        study: opaque ids, catalogue order.
        patient: opaque ids, empty where unknown.
        site: hospitals.
        role: source or target.
        split: train for source rows, adapt for target rows.
        labels: float32, (n, labels), NaN where unknown or hidden.
        hidden: bool, (n,).
        features: float32, (n, d), of the encoder that the table was extracted with.
    """

    study: tuple[str, ...]
    patient: tuple[str, ...]
    site: tuple[str, ...]
    role: tuple[Role, ...]
    split: tuple[Split, ...]
    labels: NDArray[np.float32]
    hidden: NDArray[np.bool_]
    features: NDArray[np.float32]

    @property
    def is_source(self) -> NDArray[np.bool_]:
        """bool, (n,)."""
        return np.array([role == "source" for role in self.role])

    def __len__(self) -> int:
        return len(self.study)


@dataclass(frozen=True)
class Refusal:
    """A scan that does not take part, and why.

    Attributes:
        row: number of the row in its table.
        study: opaque id.
        site: hospital.
        reasons: codes of ``medtl.io.reasons.Reason``.
        detail: one line for people, free of identifiers and paths.
    """

    row: int
    study: str
    site: str
    reasons: tuple[str, ...]
    detail: str


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that a mistyped one most likely meant, or None when none is near."""
    import difflib

    folded = {k.casefold().replace("-", "_"): k for k in known}
    found = difflib.get_close_matches(name.casefold().replace("-", "_"), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None
