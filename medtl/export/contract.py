"""``contract.json``: everything that another program must know to use a package, and what was measured, as data."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtl.errors import IntegrityError

FORMAT = 1
FORMAT_CALIBRATED = 2
"""Of a package whose scores are not the network's own: a reader of format 1 must refuse it, not leave out the map."""
FILE = "contract.json"


@dataclass(frozen=True)
class Contract:
    """What a reader of a package relies on.

    Attributes:
        kind: binary, multiclass, multilabel or regression.
        labels: label columns of the training data.
        scores: names of the score columns, in the order of the logits.
        activation: from logits to scores: softmax, sigmoid or identity.
        shape: (slices, channels, height, width) of one study.
        preprocess: as :meth:`medtl.data.transforms.Preprocess.contract` gives it.
        series: the rule by which one series stands for a study.
        thresholds: rule and value per question, from the source's validation studies.
        results: the run's report, as ``report/metrics.json`` holds it.
        model: backbone, weights, pooling, adaptation, BatchNorm and the branch that answers.
        training: sites by role, methods, selection rule, seed, digest of the config, notes.
        simulated: whether the scans were simulated.
        versions: of the software that trained and exported.
        parity: how many studies were scored again before the package was written, and how far they were off.
        calibration: what is done to scores after the activation, as
            :meth:`medtl.export.calibration.Calibration.as_json` gives it; None where they are the network's own.
    """

    kind: str
    labels: tuple[str, ...]
    scores: tuple[str, ...]
    activation: str
    shape: tuple[int, int, int, int]
    preprocess: Mapping[str, Any]
    series: Mapping[str, Any]
    thresholds: Mapping[str, Any]
    results: Mapping[str, Any]
    model: Mapping[str, Any]
    training: Mapping[str, Any]
    simulated: bool
    versions: Mapping[str, str]
    parity: Mapping[str, Any]
    calibration: Mapping[str, Any] | None = None

    def as_json(self) -> str:
        """The file's text."""
        content = {
            "format": FORMAT if (self.calibration or {}).get("map") is None else FORMAT_CALIBRATED,
            "task": {"kind": self.kind, "labels": list(self.labels), "scores": list(self.scores)},
            "input": {
                "name": "image", "dtype": "float32", "layout": "batch, slices, channels, height, width",
                "shape": ["batch", *self.shape], "preprocess": dict(self.preprocess), "series": dict(self.series),
            },
            "output": {"name": "logits", "shape": ["batch", len(self.scores)], "activation": self.activation,
                       **({} if self.calibration is None else {"calibration": dict(self.calibration)})},
            "thresholds": dict(self.thresholds),
            "results": dict(self.results),
            "model": dict(self.model),
            "training": dict(self.training),
            "simulated": self.simulated,
            "versions": dict(self.versions),
            "parity": dict(self.parity),
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Contract:
        """The contract of a package.

        Raises:
            IntegrityError: there is none, or it is of another form.
        """
        try:
            found = json.loads((folder / FILE).read_text(encoding="utf-8"))
            if found["format"] not in (FORMAT, FORMAT_CALIBRATED):
                raise IntegrityError(
                    f"{folder.name}/{FILE}: format {found['format']}, this version reads {FORMAT} and "
                    f"{FORMAT_CALIBRATED}; use the version of "
                    "medtl that exported the package"
                )
            slices, channels, height, width = found["input"]["shape"][1:]
            return cls(
                kind=found["task"]["kind"], labels=tuple(found["task"]["labels"]),
                scores=tuple(found["task"]["scores"]),
                activation=found["output"]["activation"], shape=(slices, channels, height, width),
                preprocess=found["input"]["preprocess"], series=found["input"]["series"],
                thresholds=found["thresholds"], results=found["results"], model=found["model"],
                training=found["training"], simulated=found["simulated"], versions=found["versions"],
                parity=found["parity"], calibration=found["output"].get("calibration"),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{folder.name}/{FILE}: cannot be read ({type(error).__name__}: {error})") from None
