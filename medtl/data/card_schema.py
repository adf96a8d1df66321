"""A data card as it is written: what a data set is, where it comes from, and what it must not be used for."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from medtl import registry
from medtl.config.sections import Fraction, InputSection
from medtl.data.policy import SplitPolicy
from medtl.errors import ConfigError
from medtl.places import cache_folder
from medtl.sources.base import Source
from medtl.types import nearest

_STRICT = ConfigDict(extra="forbid")
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_STRICT)
class LabelCard:
    """A label column: its vocabulary, in the order of the classes, and what they mean.

    A blank cell is unknown, and allowed where `unknown` is true.
    """

    classes: tuple[str, ...] = ("0", "1")
    what: str = ""
    unknown: bool = True


@dataclass(frozen=True, config=_STRICT)
class SiteCard:
    """A hospital: its scanners, how many studies and patients, per label and class how many studies, the share of the
    last class, and how it is split. What is left out is not checked."""

    what: str = ""
    scanners: tuple[str, ...] = ()
    studies: Count | None = None
    patients: Count | None = None
    classes: dict[str, dict[str, Count]] = Field(default_factory=dict)
    prevalence: dict[str, Fraction] = Field(default_factory=dict)
    split: SplitPolicy = Field(default_factory=SplitPolicy)


@dataclass(frozen=True, config=_STRICT)
class SourceCard:
    """Which source lists the studies, and its options."""

    name: str = "manifest"
    options: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, config=_STRICT)
class Card:
    """What is known of a data set.

    Attributes:
        name: of the card.
        title: one line.
        what: what the scans show and how they were chosen.
        licence: who may do what with them.
        citation: whom to cite.
        obtain: where a user gets them.
        modality: CT, MR, DX, …
        labels: vocabulary per label column.
        sites: the hospitals.
        source: what lists the studies.
        root: folder of the scans, relative to the card's file; left out where every user has another.
        patients: whether an id is one patient within its site only, or at every site.
        known_shifts: how the hospitals are known to differ.
        do_not_use_for: uses that the data cannot bear.
        simulated: whether patients and scanners are made up.
        input: advice for ``data.input``.
        origin: the card's file, not written in it.
    """

    name: str
    title: str
    licence: str
    modality: str
    labels: dict[str, LabelCard]
    sites: dict[str, SiteCard]
    do_not_use_for: tuple[str, ...]
    what: str = ""
    citation: str = ""
    obtain: str = ""
    known_shifts: tuple[str, ...] = ()
    source: SourceCard = Field(default_factory=SourceCard)
    root: str | None = None
    patients: Literal["per_site", "shared"] = "per_site"
    simulated: bool = False
    input: InputSection | None = None
    origin: Path | None = None

    @property
    def policies(self) -> Mapping[str, SplitPolicy]:
        """How each site is split."""
        return {name: site.split for name, site in self.sites.items()}

    @property
    def default_root(self) -> Path | None:
        """Where the scans are if nobody says otherwise: below the card's folder, or in the cache if simulated."""
        if self.root is not None and self.origin is not None:
            return (self.origin.parent / self.root).resolve()
        if self.source.name == "simulated":
            options = json.dumps(self.source.options, sort_keys=True)
            return cache_folder() / "simulated" / f"{self.name}-{hashlib.sha256(options.encode()).hexdigest()[:8]}"
        return None

    def build_source(self) -> Source:
        """The source with its options; a manifest also learns the card's sites and what a patient id means."""
        signature = registry.load("sources", self.source.name)
        known = {field.name for field in fields(signature)}
        options = {key: tuple(v) if isinstance(v, list) else v for key, v in self.source.options.items()}
        if "shared_patient_ids" in known:
            options.setdefault("shared_patient_ids", self.patients == "shared")
            options.setdefault("sites", tuple(self.sites))
        built: Source = signature(**options)
        return built

    def check_labels(self, names: Sequence[str]) -> None:
        """Refuses label columns that the card does not have.

        Raises:
            ConfigError: a line per unknown label, with the nearest one.
        """
        lines = []
        for name in names:
            if name not in self.labels:
                hint = nearest(name, tuple(self.labels))
                lines.append(f"task: the card {self.name} has no label {name!r}"
                             + (f"; did you mean {hint}?" if hint else f"; it has {', '.join(self.labels)}"))
        if lines:
            raise ConfigError(*lines)

    def classes_of(self, names: Sequence[str]) -> tuple[str, ...]:
        """The vocabulary that these label columns share.

        Raises:
            ConfigError: they do not share one, so that no multilabel task can read them.
        """
        found = {self.labels[name].classes for name in names}
        if len(found) != 1:
            raise ConfigError(f"task.labels: {', '.join(names)} do not share their classes in the card {self.name}; "
                              f"choose labels of one vocabulary")
        return found.pop()
