"""Keeps the features of scored studies in the run, and draws their map into the report."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from medtl.evaluation.kept_features import KeptFeatures, write_features
from medtl.models.behind import Hash
from medtl.models.model import Model
from medtl.models.predict import Predicted
from medtl.types import Cohort


def keep_features(folder: Path, cohort: Cohort, answered: Predicted, model: Model) -> None:
    """Writes the features of the studies that a network answered, scans of a study averaged.

    Args:
        folder: of the run.
        cohort: whose positions the answers are of.
        answered: with features.
        model: whose features they are.
    """
    assert answered.features is not None
    items = cohort.catalogue.items
    scans: dict[tuple[str, str], list[int]] = {}
    for k, row in enumerate(answered.rows):
        scans.setdefault((items[row].site, items[row].study), []).append(k)
    site, study = (np.array(names, dtype=np.str_) for names in zip(*scans, strict=True))
    values = np.stack([answered.features[ks].mean(axis=0) for ks in scans.values()])
    last = None if model.adaptation is None else list(model.adaptation.children())[-1]
    write_features(folder, KeptFeatures(study, site, values, isinstance(last, Hash)))
