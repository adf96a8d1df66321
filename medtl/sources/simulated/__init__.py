"""Simulated chest CT of three hospitals: physics from published scanner settings, written as real DICOM series.

A random thorax is scanned with a polychromatic beam and quantum noise, and reconstructed by filtered back-projection
with each scanner's kernel, thickness and field of view. The patients, hospitals and scanners do not exist.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from medtl.progress import Progress
from medtl.sources.base import Labelling
from medtl.sources.manifest import Manifest
from medtl.sources.simulated.dataset import generate
from medtl.sources.simulated.scanner import HOSPITALS, Hospital, Kernel, Protocol, Scanner
from medtl.sources.simulated.study import SimulatedStudy, simulate_study
from medtl.sources.simulated.thorax import Thorax
from medtl.types import Catalogue

__all__ = [
    "HOSPITALS",
    "Hospital",
    "Kernel",
    "Protocol",
    "Scanner",
    "Simulated",
    "SimulatedStudy",
    "Thorax",
    "generate",
    "simulate_study",
]


@dataclass(frozen=True)
class Simulated:
    """Simulated chest CT of three hospitals, generated into the data root and read back as DICOM; label ``nodule``.

    Args:
        studies_per_site: number of studies of each hospital, 4 or more.
        seed: seed of patients and noise; not the seed of training.
        sites: which hospitals to simulate: north, east, south.
    """

    studies_per_site: int = 300
    seed: int = 0
    sites: tuple[str, ...] = ("north", "east", "south")

    def catalogue(self, *, root: Path, task: Labelling, salt: bytes, progress: Progress | None = None) -> Catalogue:
        """Generate what is missing and return the table of studies.

        Args:
            root: folder of the data set; created if missing.
            task: encodes the label.
            salt: salt of the ids in outputs.
            progress: told after each study.

        Returns:
            The catalogue, marked as simulated.

        Raises:
            OptionError: a site is unknown.
            DataError: the folder cannot be written.
        """
        if progress is not None:
            progress.start("simulating chest CT", self.studies_per_site * len(self.sites))
        tell = None if progress is None else (lambda done, total: progress.advance())
        try:
            generate(root, self.sites, self.studies_per_site, self.seed, tell)
        finally:
            if progress is not None:
                progress.finish()
        table = Manifest(sites=self.sites).catalogue(root=root, task=task, salt=salt, progress=progress)
        return replace(table, simulated=True)
