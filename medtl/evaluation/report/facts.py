"""What a report reads: the files of one run folder, as they were written."""
from __future__ import annotations

import csv
import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtl.errors import RunStateError
from medtl.predictions import Predictions, read_predictions
from medtl.run import RunFolder

THUMBNAILS = 12
"""At most so many thumbnails are shown."""
THUMBNAIL_BYTES = 65_536
SELECTIONS = {
    "source_validation": "the best epoch on the source's validation split; no target label took part",
    "last": "the last epoch; no label took part",
    "importance_weighted": "the lowest source validation loss, weighted towards the target; no target label took part",
    "dev": "the lowest deep embedded validation risk (DEV); no target label took part",
    "entropy": "the lowest entropy of the answers at the target; no label took part",
    "information_maximisation": "the highest mutual information of studies and answers at the target; no label",
    "soft_neighbourhood_density": "the densest groups of answers at the target (SND); no label took part",
    "reverse_validation": "the lowest source loss of a classifier taught by the answers at the target",
    "oracle": "ORACLE: chosen on target test labels, which nobody has in practice; not a result",
}


@dataclass(frozen=True)
class Epoch:
    """One line of log.jsonl.

    Args:
        stage: name of the stage.
        epoch: its number within the stage, as logged.
        losses: by name.
        selection: value of the selection rule, if one was computed.
    """

    stage: str
    epoch: int
    losses: Mapping[str, float]
    selection: float | None


@dataclass(frozen=True)
class Refused:
    """A scan that took no part."""

    row: str
    study: str
    site: str
    reasons: str
    detail: str
    thumbnail: str | None


@dataclass(frozen=True)
class RunFacts:
    """The files of one run.

    Args:
        name: of the run.
        config: the full config.
        config_text: as written.
        provenance: versions, device, seed and so on.
        predictions: read back from the file.
        predictions_name: how the report names that file.
        predictions_digest: SHA-256 of it, hex.
        splits: rows of split.json.
        elsewhere: whether the predictions are on another data card's studies.
        refused: rows of refused.csv.
        catalogue: rows of catalogue.csv.
        epochs: lines of log.jsonl.
        baseline_epochs: lines of the baseline's.
        card: what the data card says of the scans (card.json); empty where the run has none.
        moves: what each part of the network did (moves.json); empty where the run has none.
        input: how scans were prepared (input.json).
    """

    name: str
    config: Mapping[str, Any]
    config_text: str
    provenance: Mapping[str, Any]
    predictions: Predictions
    predictions_name: str
    predictions_digest: str
    elsewhere: bool
    splits: tuple[Mapping[str, Any], ...]
    refused: tuple[Refused, ...]
    catalogue: tuple[Mapping[str, str], ...]
    epochs: tuple[Epoch, ...]
    baseline_epochs: tuple[Epoch, ...]
    card: Mapping[str, Any]
    moves: tuple[Mapping[str, Any], ...]
    input: Mapping[str, Any]

    def section(self, name: str) -> Mapping[str, Any]:
        """A section of the config, empty if it is not there."""
        found = self.config.get(name)
        return found if isinstance(found, Mapping) else {}

    @property
    def scans(self) -> int:
        """Rows of the catalogue."""
        return len(self.catalogue)

    @property
    def methods(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """The transfer methods, (family, options with `method`), in the order in which they are named."""
        transfer = self.section("transfer")
        return tuple((family, entry) for family in ("network", "instances", "mapping", "adversarial")
                     for entry in transfer.get(family) or () if isinstance(entry, Mapping))

    @property
    def selection(self) -> str:
        """Name of the rule that picked the checkpoint."""
        told = self.provenance.get("selection") or self.section("train").get("selection") or "not stated"
        return str(told.get("rule", told)) if isinstance(told, Mapping) else str(told)

    @property
    def selection_sentence(self) -> str:
        """The rule in words."""
        return SELECTIONS.get(self.selection, self.selection)

    @property
    def notes(self) -> tuple[str, ...]:
        """Facts that every report repeats."""
        notes = ["the scans are SIMULATED: no figure here says anything about patients"] \
            if self.provenance.get("simulated") else []
        if self.section("sites").get("transductive"):
            notes.append("transductive: the model has seen the target's test images, without their labels")
        notes += [str(note) for note in self.provenance.get("notes") or ()]
        return tuple(dict.fromkeys(notes))


def read_run(folder: Path, predictions: Path | None = None) -> RunFacts:
    """Read the files of a run that a report shows.

    Args:
        folder: the run.
        predictions: another predictions.csv than the run's own, as for another data card.

    Returns:
        The facts.

    Raises:
        RunStateError: no run, or a file of it that is damaged.
        DataError: predictions that are missing or malformed.
    """
    run = RunFolder(folder)
    config = run.config_as_written()
    source = predictions or folder / "predictions.csv"
    table = read_predictions(source)

    def there(name: str, otherwise: Any) -> Any:
        return run.read_json(name) if (folder / name).is_file() else otherwise

    return RunFacts(
        name=folder.resolve().name, config=config, provenance=there("provenance.json", {}), predictions=table,
        config_text=(folder / "config.yaml").read_text(encoding="utf-8"),
        predictions_name=source.name, predictions_digest=hashlib.sha256(source.read_bytes()).hexdigest(),
        elsewhere=predictions is not None, splits=tuple(there("split.json", ())), refused=_refused(folder),
        catalogue=tuple(_rows(folder / "catalogue.csv")),
        epochs=_epochs(folder / "log.jsonl"), baseline_epochs=_epochs(folder / "baseline" / "log.jsonl"),
        card=there("card.json", {}), moves=tuple(there("moves.json", ())), input=there("input.json", {}),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _refused(folder: Path) -> tuple[Refused, ...]:
    out: list[Refused] = []
    for cells in _rows(folder / "refused.csv"):
        row = cells.get("row") or ""
        picture = folder / "thumbnails" / f"row-{row}.png"
        shown = row.isdigit() and len(out) < THUMBNAILS and picture.is_file()
        study, site, reasons, detail = (cells.get(name) or "" for name in ("study", "site", "reasons", "detail"))
        out.append(Refused(row, study, site, reasons, detail, inline_png(picture) if shown else None))
    return tuple(out)


def inline_png(picture: Path) -> str | None:
    """A small PNG file as the address of an image in the page, or None where it is none or too large."""
    content = picture.read_bytes()
    if len(content) > THUMBNAIL_BYTES or not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    return "data:image/png;base64," + b64encode(content).decode("ascii")


def _epochs(path: Path) -> tuple[Epoch, ...]:
    """A log that was cut short by a kill ends in half a line, which is left out; a resumed epoch replaces the old."""
    found: dict[tuple[str, int], Epoch] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except ValueError:
            if number == len(lines):
                break
            raise RunStateError(f"{path.name}: line {number} is not JSON; the log was written by medtl, one object "
                                "a line") from None
        if not isinstance(entry, dict) or "stage" not in entry or "epoch" not in entry:
            continue
        selection = entry.get("selection") or {}
        losses = {str(k): float(v) for k, v in (entry.get("losses") or {}).items() if isinstance(v, (int, float))}
        value = selection.get("value") if isinstance(selection, dict) else None
        key = (str(entry["stage"]), int(entry["epoch"]))
        found[key] = Epoch(*key, losses, float(value) if isinstance(value, (int, float)) else None)
    return tuple(sorted(found.values(), key=lambda epoch: list(dict.fromkeys(e[0] for e in found)).index(epoch.stage)
                        * 1_000_000 + epoch.epoch))
