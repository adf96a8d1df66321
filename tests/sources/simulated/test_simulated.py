from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medtl import registry
from medtl.io.read import read_scan
from medtl.sources.simulated import Simulated, simulate_study


@dataclass(frozen=True)
class YesNo:
    """The part of a task that a table needs."""

    kind: str = "binary"
    label_names: tuple[str, ...] = ("nodule",)

    def encode(self, raw: tuple[str, ...]) -> tuple[float, ...]:
        return tuple(float(cell) for cell in raw)


def test_catalogue_is_read_back_through_the_intake(tmp_path: Path) -> None:
    source = registry.load("sources", "simulated")(studies_per_site=2, sites=("north", "south"))
    assert isinstance(source, Simulated)
    catalogue = source.catalogue(root=tmp_path, task=YesNo(), salt=b"salt")
    assert catalogue.simulated
    assert [item.site for item in catalogue.items] == ["north", "north", "south", "south"]
    for number, item in enumerate(catalogue.items):
        study = simulate_study(0, item.site, number % 2)
        assert item.labels == (float(study.nodule),)
        assert study.site not in item.patient
        (series,) = read_scan(item.path)
        assert series.volume is not None
        inside = study.hu != study.hospital.scanner.padding
        array = np.transpose(np.asarray(series.volume.array), (2, 1, 0))
        np.testing.assert_array_equal(array[inside], study.hu[inside])
        assert series.volume.spacing_mm[2] == study.spacing_mm[2]
        lps = series.volume.affine @ np.array([0, 0, 0, 1])
        np.testing.assert_allclose(lps[:3] * [-1, -1, 1], study.origin_mm, atol=1e-4)


def test_import_needs_no_torch() -> None:
    code = "import sys, medtl.sources.simulated; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
