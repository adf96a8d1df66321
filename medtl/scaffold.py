"""``medtl init``: a project that works as it stands, on made-up scans of two sites, to be replaced by one's own."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medtl.atomic import write_text
from medtl.errors import ConfigError
from medtl.io.identity import start_project

STUDIES_PER_SITE = 40
SIZE = 64
"""Pixels a side."""
SITES = ("first_hospital", "second_hospital")
RUN = "first"

_SITE = '  {0}: {{studies: {3}, patients: {3}, classes: {{blob: {{"0": {1}, "1": {2}}}}}}}'
_WITH_CARD = "data: {card: data_card.yaml, input: {size: 64}}"
_WITHOUT_CARD = "data: {manifest: manifest.csv, root: ., input: {size: 64}}"

_CARD = """\
# Checked against the files by: medtl check data_card.yaml
name: first
title: Made-up pictures of two hospitals, to be replaced by your own
licence: made on this machine; do with them what you like
modality: OT
source: {name: manifest, options: {file: manifest.csv}}
root: .
labels:
  blob: {classes: ["0", "1"], what: "1 = there is a bright blob in the body"}
sites:
SITES
known_shifts: [the second hospital's scanner has another grey curve and more noise]
do_not_use_for: [anything but trying medtl]
simulated: true
"""

_CONFIG = """\
# A blob or none? Train at one hospital, adapt to another, report on both.
task: {name: classification, label: blob}
DATA
sites: {source: [first_hospital], target: [second_hospital]}
model: {backbone: efficientnet_lite0, weights: imagenet}
transfer:
  network: [{method: freeze, until: blocks.3}]
  mapping: [{method: dan}]
train: {epochs: 5, batch_size: 8}
evaluate: {bootstrap: 200}
"""


def scaffold(folder: Path, with_card: bool = True) -> str:
    """Writes a config, a manifest, tiny scans and (unless told otherwise) a data card.

    Args:
        folder: made if it does not exist.
        with_card: whether the config names a data card; else it names the manifest itself.

    Returns:
        What was written and which commands come next.

    Raises:
        ConfigError: the folder exists and is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: exists and is not empty; `medtl init` only starts new folders")
    counts = _write_scans(folder)
    write_text(folder / f"{RUN}.yaml", _CONFIG.replace("DATA", _WITH_CARD if with_card else _WITHOUT_CARD))
    if with_card:
        sites = (_SITE.format(site, *counts[site], sum(counts[site])) for site in SITES)
        write_text(folder / "data_card.yaml", _CARD.replace("SITES", "\n".join(sites)))
    start_project(folder)
    steps = [f"cd {folder}", f"medtl train --config {RUN}.yaml", f"medtl evaluate {RUN}", f"medtl export {RUN}"]
    if with_card:
        steps.insert(1, "medtl check data_card.yaml")
    return "\n".join([
        f"{folder} holds {RUN}.yaml, manifest.csv and {sum(map(sum, counts.values()))} made-up scans of two sites.",
        "Next:", *(f"  {step}" for step in steps),
        "Then put your own scans and rows into manifest.csv, and your own sites and label into the config.",
    ])


def _write_scans(folder: Path) -> dict[str, tuple[int, int]]:
    """Scans and manifest; returns how many studies without and with a blob each site has."""
    from PIL import Image

    rng = np.random.default_rng(20)
    rows, counts = ["path,site,patient,scanner,blob"], {}
    for number, site in enumerate(SITES):
        labels = [int(study % (2 + number) == 0) for study in range(STUDIES_PER_SITE)]  # 1 in 2, then 1 in 3
        for study, label in enumerate(labels):
            path = Path("scans") / site / f"{study + 1:03d}.png"
            (folder / path.parent).mkdir(parents=True, exist_ok=True)
            Image.fromarray(_scan(rng, bool(label), second=number == 1)).save(folder / path)
            rows.append(f"{path.as_posix()},{site},p{study + 1:02d},scanner_{number + 1},{label}")
        counts[site] = (labels.count(0), labels.count(1))
    write_text(folder / "manifest.csv", "\n".join(rows) + "\n")
    return counts


def _scan(rng: np.random.Generator, blob: bool, second: bool) -> NDArray[np.uint8]:
    """One grey picture: a soft body with structure of its own, perhaps a bright blob, seen by one of two scanners.

    Returns:
        uint8, (64, 64).
    """
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE - 0.5  # both (64, 64), -0.5 to 0.5
    wide, high = rng.uniform(0.32, 0.44), rng.uniform(0.26, 0.38)
    body = 0.5 / (1 + np.exp(((x / wide) ** 2 + (y / high) ** 2 - 1) * 8))
    for _ in range(4):  # dark and bright stripes, so that no two bodies are alike
        along, across = rng.uniform(-20, 20, size=2)
        body *= 1 + 0.08 * np.sin(along * x + across * y + rng.uniform(0, 2 * np.pi))
    if blob:
        across, down = rng.uniform(-0.15, 0.15, size=2)
        body += 0.5 * np.exp(-(((x - across) ** 2 + (y - down) ** 2) / (2 * rng.uniform(0.05, 0.08) ** 2)))
    noise = rng.normal(0.0, 0.06 if second else 0.03, size=body.shape)
    seen = (0.15 + 0.7 * body) ** 0.7 + noise if second else body + noise  # another curve, and more noise
    pixels: NDArray[np.uint8] = (np.clip(seen, 0, 1) * 255).round().astype(np.uint8)
    return pixels
