"""One tiny run, trained and exported through the real verbs, for all tests of packages."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pytest

import medtl

CONFIG = """
task: {{name: classification, label: nodule}}
data: {{root: {root}, manifest: manifest.csv, augment: none, input: {{window: percentiles, size: 32, slices: 2}}}}
sites: {{source: [north], target: [south]}}
model: {{backbone: test_efficientnet, weights: none, pooling: attention, adaptation: 8, bn: dsbn}}
transfer: {{mapping: [{{method: dan, weight: 1.0}}]}}
train: {{epochs: 1, batch_size: 4, baseline: false}}
evaluate: {{bootstrap: 20}}
"""


@dataclass(frozen=True)
class Trained:
    """A finished run, its package and its scans.

    Attributes:
        run: the run's folder.
        package: the exported folder.
        scans: path per row of the manifest, in its order.
    """

    run: Path
    package: Path
    scans: tuple[Path, ...]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Two hospitals with volumes of noise and a bright cube as the label."""
    root = tmp_path_factory.mktemp("export")
    data = root / "data"
    data.mkdir()
    rng = np.random.default_rng(0)
    lines, scans = ["path,site,patient,study,nodule"], []
    for site, studies in (("north", 10), ("south", 8)):
        for number in range(studies):
            for scan in range(2 if number == 3 else 1):  # one study of two scans
                array = rng.normal(-700, 80, size=(36, 40, 5)).astype(np.float32)
                array[10:20, 10:20, 1:4] += 600 * (number % 2)
                name = f"SECRET^{site}-{number}-{scan}.nii.gz"
                nibabel.save(nibabel.Nifti1Image(array, np.diag([1.0, 1.0, 2.0, 1.0])), data / name)
                lines.append(f"{name},{site},SECRET^P{number},SECRET^S{number},{number % 2}")
                scans.append(data / name)
    (data / "manifest.csv").write_text("\n".join(lines) + "\n")
    (root / "tiny.yaml").write_text(CONFIG.format(root=data))
    run = medtl.train(root / "tiny.yaml", out=root / "runs")
    return Trained(run.path, medtl.export(run.path), tuple(scans))
