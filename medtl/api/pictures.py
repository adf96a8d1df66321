"""Pictures behind the figures: confident mistakes with what they rest on, and the studies that weighed most and least.

They are made while scans and network are at hand, into ``thumbnails/`` beside predictions.csv; the report shows them.
Each is one slice as the network saw it, its contrast stretched, without the strokes of what may be burned-in text.
"""
from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medtl.atomic import write_bytes, write_json
from medtl.config.sections import EvaluateSection
from medtl.data.prepared import Prepared
from medtl.evaluation.failures import confident_mistakes
from medtl.io.refused import refused_thumbnail
from medtl.io.softened import soften_text
from medtl.io.thumbnail import png
from medtl.models.model import Model
from medtl.models.occlusion import occlude
from medtl.predictions import read_predictions
from medtl.progress import QUIET, Progress, doing

FOLDER, FILE = "thumbnails", "pictures.json"
SIDE = 160
"""Pixels of a picture's sides."""
REFUSED = 12
"""So many refused scans, the first."""
EXTREMES = 4
"""So many studies of the largest weight, and of the smallest."""


def write_pictures(
    predictions: Path, prepared: Prepared, model: Model, settings: EvaluateSection, *, weights: Path | None = None,
    device: Any = "cpu", progress: Progress = QUIET,
) -> Path | None:
    """Draws what a report shows beside its figures, in place of what was drawn before.

    Args:
        predictions: predictions.csv; the pictures go into ``thumbnails/`` beside it.
        prepared: arrays by position.
        model: the run's own network.
        settings: how many mistakes, and the threshold's rule.
        weights: ``weights.csv`` of the run, if methods weighed studies.
        device: where the network runs.
        progress: where to report to.

    Returns:
        The list of pictures; None where none was asked for.
    """
    folder = predictions.parent / FOLDER
    if folder.is_dir():
        for old in (*folder.glob("failure-*.png"), *folder.glob("weight-*.png"), *folder.glob("row-*.png"),
                    folder / FILE):
            old.unlink(missing_ok=True)
    _refused(prepared, folder)
    if settings.failures == 0:
        return None
    first: dict[tuple[str, str], int] = {}
    for position, item in enumerate(prepared.catalogue.items):
        if prepared.kept[position]:
            first.setdefault((item.site, item.study), position)
    table = read_predictions(predictions)
    found = confident_mistakes(table, each=settings.failures, threshold=settings.threshold)
    failures = []
    with doing(progress, "looking at confident mistakes", len(found)) as shown:
        for number, answer in enumerate(found):
            position = first.get((answer.site, answer.study), -1)
            if position < 0 or table.kind == "regression":
                continue
            array = np.asarray(prepared.array(position))
            seen = occlude(model, array, answer.question, table.kind, device=device)
            name = f"failure-{number:03d}.png"
            _draw(folder / name, array[seen.slice])
            failures.append({
                "picture": name, "row": prepared.catalogue.items[position].row, **asdict(answer), "slice": seen.slice,
                "slices": seen.slices, "evidence": round(seen.evidence, 4), "falls": np.round(seen.falls, 4).tolist(),
            })
            shown.advance()
    written = {"format": 1, "failures": failures, "weights": _weighed(weights, prepared, first, folder)}
    write_json(folder / FILE, written)
    return folder / FILE


def _refused(prepared: Prepared, folder: Path) -> None:
    """The first refused scans, as far as one of their images can be shown."""
    paths = {item.row: item.path for item in prepared.catalogue.items}
    for refusal in prepared.refusals[:REFUSED]:
        drawn = refused_thumbnail(paths[refusal.row], side=SIDE)
        if drawn is not None:
            write_bytes(folder / f"row-{refusal.row}.png", drawn)


def _weighed(
    file: Path | None, prepared: Prepared, first: Mapping[tuple[str, str], int], folder: Path
) -> list[dict[str, Any]]:
    """The studies that counted most and least, drawn."""
    if file is None or not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as opened:
        rows = sorted(csv.DictReader(opened), key=lambda row: -float(row["weight"]))  # ties keep the file's order
    count = min(EXTREMES, len(rows) // 2)
    out: list[dict[str, Any]] = []
    for which, part in (("largest", rows[:count]), ("smallest", rows[len(rows) - count:][::-1])):
        for row in part:
            position = first.get((row["site"], row["study"]), -1)
            if position < 0:
                continue
            array = np.asarray(prepared.array(position))
            name = f"weight-{len(out):03d}.png"
            _draw(folder / name, array[len(array) // 2])
            out.append({"picture": name, "row": prepared.catalogue.items[position].row, "site": row["site"],
                        "study": row["study"], "weight": float(row["weight"]), "which": which})
    return out


def _draw(path: Path, array: NDArray[np.float32]) -> None:
    """One slice, (channels, height, width), as a PNG without anything but pixels, and without legible text."""
    grey = soften_text(np.ascontiguousarray(array.mean(axis=0)))
    low, high = (float(q) for q in np.percentile(grey, (1, 99)))
    shown = (np.clip((grey - low) / max(high - low, 1e-6), 0, 1) * 255).round().astype(np.uint8)
    small = Image.fromarray(shown).resize((SIDE, SIDE), Image.Resampling.BOX if len(shown) > SIDE
                                          else Image.Resampling.BILINEAR)
    write_bytes(path, png(np.asarray(small)))

