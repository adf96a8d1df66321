"""Harmonisation of prepared scans: fitted on what training may see, without labels, then part of the preparation.

==========  =======================================  ==============================  ===============================
method      fitted on                                a scan's map depends on         a hospital that nobody has seen
==========  =======================================  ==============================  ===============================
histogram   source train scans                       the scan alone                  as any other
site_z      source train, target adapt, per site     its site's mean and spread      needs unlabelled scans of it
combat      as site_z, on features: see              its site's shift and scale      needs unlabelled scans of it
            :mod:`medtl.models.harmonize`
==========  =======================================  ==============================  ===============================

Test scans have no part in it, unless a run is transductive, which is said beside every number.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from medtl.data.cache import ScanCache
from medtl.data.harmonize_histogram import HistogramMatching, landmarks_of, learn_landmarks
from medtl.data.harmonize_site import SiteScaling, moments_of, scalings, site_moments
from medtl.data.prepared import Prepared
from medtl.data.transforms import Preprocess
from medtl.errors import DataError, RunStateError
from medtl.progress import Progress, each
from medtl.types import Catalogue, Cohort

Method = Literal["histogram", "site_z", "combat"]
FILE = "harmonize.json"
LEAST_SCANS = 10
"""Scans of a site that its statistics need."""

T = TypeVar("T")


@dataclass(frozen=True)
class Harmonization:
    """What was fitted.

    Attributes:
        method: histogram or site_z.
        histogram: the map of every scan, or None.
        sites: each site's own map; empty for histogram.
        reference: mean and spread that sites are moved to; None for histogram.
        scans: how many scans each site gave.
    """

    method: Method
    histogram: HistogramMatching | None = None
    sites: Mapping[str, SiteScaling] = field(default_factory=dict)
    reference: tuple[float, float] | None = None
    scans: Mapping[str, int] = field(default_factory=dict)

    def map_of(self, site: str) -> HistogramMatching | SiteScaling:
        """A site's map.

        Raises:
            DataError: its statistics are not known.
        """
        if self.histogram is not None:
            return self.histogram
        if site not in self.sites:
            raise DataError(
                f"data.harmonize: {self.method} has no statistics of {site}; it knows {', '.join(self.sites)}. Train "
                "with that hospital among sites.target, or use histogram, which needs none"
            )
        return self.sites[site]

    @property
    def sentence(self) -> str:
        """For every report."""
        counts = ", ".join(f"{count} of {site}" for site, count in self.scans.items())
        how = {
            "histogram": "grey values matched to landmarks of the source's training scans",
            "site_z": "each site's grey values standardised by its own unlabelled scans",
        }[self.method]
        return f"harmonised ({self.method}): {how} ({counts})"

    @property
    def digest(self) -> str:
        """SHA-256 of what was fitted, hex."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """For ``harmonize.json``."""
        return {
            "method": self.method, "scans": dict(self.scans),
            "histogram": None if self.histogram is None else self.histogram.contract(),
            "sites": {site: scaling.contract() for site, scaling in self.sites.items()},
            "reference": None if self.reference is None else list(self.reference),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Harmonization:
        """As :meth:`as_json` gave it.

        Raises:
            RunStateError: the file is damaged.
        """
        try:
            histogram, reference = found["histogram"], found["reference"]
            return cls(
                method=found["method"],
                histogram=None if histogram is None else HistogramMatching.from_contract(histogram),
                sites={site: SiteScaling.from_contract(one) for site, one in found["sites"].items()},
                reference=None if reference is None else (float(reference[0]), float(reference[1])),
                scans=dict(found["scans"]),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise RunStateError(f"{FILE}: damaged ({type(error).__name__}: {error}); train the run again") from None

    def with_sites_of(self, prepared: Prepared, rows: Iterable[int]) -> tuple[Harmonization, tuple[str, ...]]:
        """The same, with statistics of sites that it does not know yet, from these rows' images.

        Args:
            prepared: scans as they were before any harmonisation.
            rows: positions, in catalogue order.

        Returns:
            The harmonisation, and the sites that were added; none for histogram.

        Raises:
            DataError: too few scans of a new site.
        """
        if self.method != "site_z" or self.reference is None:
            return self, ()
        new = {site: part for site, part in _by_site(prepared.catalogue, rows).items() if site not in self.sites}
        found = _moments(prepared, new)
        maps = {
            site: SiteScaling(site, *site_moments(moments), *self.reference) for site, moments in found.items()
        }
        scans = {**self.scans, **{site: len(moments) for site, moments in found.items()}}
        return replace(self, sites={**self.sites, **maps}, scans=scans), tuple(maps)


def fit_harmonization(
    method: Literal["none"] | Method, prepared: Prepared, cohort: Cohort, progress: Progress | None = None
) -> Harmonization | None:
    """Learns how scans are harmonised.

    Args:
        method: ``data.harmonize``.
        prepared: scans as they are.
        cohort: which rows may be seen; labels are not read.
        progress: where to report to.

    Returns:
        What was learned; None for ``none`` and for ``combat``, which is fitted on features.

    Raises:
        DataError: a site with too few scans.
    """
    source = _by_site(cohort.catalogue, cohort.rows("source", "train"))
    if method == "histogram":
        marks = {site: _kept(landmarks_of(prepared.array(row)) for row in each(progress, "learning landmarks", rows))
                 for site, rows in source.items()}
        _enough(marks)
        return Harmonization("histogram", learn_landmarks(list(marks.values())),
                             scans={site: len(found) for site, found in marks.items()})
    if method == "site_z":
        target = _by_site(cohort.catalogue, cohort.target_seen)
        moments = _moments(prepared, {**source, **target})
        maps, reference = scalings({site: site_moments(found) for site, found in moments.items()}, tuple(source))
        return Harmonization("site_z", None, maps, reference, {site: len(found) for site, found in moments.items()})
    return None


def harmonized(
    prepared: Prepared, preprocess: Preprocess, cache: ScanCache, harmonization: Harmonization | None
) -> Prepared:
    """The same scans, harmonised; each is computed once and kept in the cache under a name of its own.

    Args:
        prepared: scans as they are, with digests.
        preprocess: how they were prepared.
        cache: where they are kept.
        harmonization: what was learned; None leaves them as they are.
    """
    if harmonization is None:
        return prepared
    return replace(prepared, reader=HarmonizedReader(prepared, preprocess, cache, harmonization), _keys={})


@dataclass(frozen=True)
class HarmonizedReader:
    """Reads harmonised scans, and names them as the cache does.

    Attributes:
        plain: scans as they are.
        preprocess: how those were prepared.
        cache: where harmonised ones are kept.
        harmonization: what was learned.
    """

    plain: Prepared
    preprocess: Preprocess
    cache: ScanCache
    harmonization: Harmonization

    def __call__(self, position: int) -> NDArray[np.float32]:
        """The array, memory-mapped."""
        grey = self.harmonization.map_of(self.plain.catalogue.items[position].site)
        return self.cache.derived(self.key(position), lambda: grey(np.asarray(self.plain.array(position))))

    def key(self, position: int) -> str:
        """What the array is made of: the scan's bytes, the preparation with its site's map, and its code."""
        item = self.plain.catalogue.items[position]
        return _key(self.cache, item.digest, self.preprocess, self.harmonization.map_of(item.site))


@lru_cache(maxsize=65_536)
def _key(cache: ScanCache, digest: str, preprocess: Preprocess, grey: HistogramMatching | SiteScaling) -> str:
    return cache.key(digest, replace(preprocess, harmonize=grey))


def _moments(prepared: Prepared, by_site: Mapping[str, list[int]]) -> dict[str, list[tuple[float, float]]]:
    found = {site: _kept(moments_of(prepared.array(row)) for row in rows) for site, rows in by_site.items()}
    _enough(found)
    return found


def _by_site(catalogue: Catalogue, rows: Iterable[int]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for row in rows:
        groups.setdefault(catalogue.items[int(row)].site, []).append(int(row))
    return groups


def _kept(found: Iterable[T | None]) -> list[T]:
    return [one for one in found if one is not None]


def _enough(by_site: Mapping[str, list[Any]]) -> None:
    few = [f"{site} has {len(found)}" for site, found in by_site.items() if len(found) < LEAST_SCANS]
    if few:
        raise DataError(f"data.harmonize: {'; '.join(few)} scans with enough to see, expected at least {LEAST_SCANS} "
                        "of each site; add scans, or set data.harmonize: none")

