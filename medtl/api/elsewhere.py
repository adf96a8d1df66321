"""How a run's model sees another card's scans: harmonised as the run harmonised its own.

A hospital that the run has no statistics for gets them from the very scans that are scored, without their labels; that
is said beside every number.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtl.data.cache import ScanCache
from medtl.data.harmonize import FILE, LEAST_SCANS, Harmonization, harmonized
from medtl.data.prepared import Prepared
from medtl.data.scanning import Scanning
from medtl.data.transforms import Preprocess
from medtl.errors import DataError
from medtl.models.harmonize import features_of, layer_of, with_new_sites
from medtl.models.model import Model
from medtl.models.predict import Predicted
from medtl.run import RunFolder

Predict = Callable[[Model, Scanning], Predicted]
"""Features and answers of the rows that are scored."""


@dataclass(frozen=True)
class Seen:
    """What a model is shown.

    Attributes:
        model: with maps for new hospitals, where it harmonises features.
        scanning: its scans.
        notes: what every report must repeat.
    """

    model: Model
    scanning: Scanning
    notes: tuple[str, ...]


def seen_by(
    folder: RunFolder, model: Model, plain: Prepared, rows: NDArray[np.int64], preprocess: Preprocess,
    cache: ScanCache, batch_size: int, predict: Predict,
) -> Seen:
    """Prepares another card's scans for a model.

    Args:
        folder: of the run that trained it.
        model: as stored.
        plain: the card's scans, not harmonised.
        rows: that are scored.
        preprocess: of the run.
        cache: where harmonised scans are kept.
        batch_size: of prediction.
        predict: gives features of rows.

    Raises:
        DataError: too few scans of a hospital that needs statistics.
    """
    method = str(folder.config_as_written()["data"].get("harmonize", "none"))
    if method in ("histogram", "site_z"):
        known = Harmonization.from_json(folder.read_json(FILE))
        grown, added = known.with_sites_of(plain, rows)
        shown = harmonized(plain, preprocess, cache, grown)
        return Seen(model, Scanning(shown, batch_size), _said(method, added))
    layer = layer_of(model)
    if layer is None:
        return Seen(model, Scanning(plain, batch_size), ())
    site = np.array([item.site for item in plain.catalogue.items])
    new = tuple(name for name in dict.fromkeys(site[rows].tolist()) if name not in layer.sites)
    if new:
        said = predict(features_of(model), Scanning(plain, batch_size))
        assert said.features is not None
        of_site = {name: said.features[site[said.rows] == name].astype(np.float64) for name in new}
        if few := [f"{name} has {len(found)}" for name, found in of_site.items() if len(found) < LEAST_SCANS]:
            raise DataError(f"data.harmonize: combat: {'; '.join(few)} scans, expected at least {LEAST_SCANS} of a "
                            "hospital that the run has no statistics for")
        model = with_new_sites(model, of_site)
        layer = layer_of(model)
        assert layer is not None
    numbers = {name: k for k, name in enumerate(layer.sites)}
    domains = np.array([numbers.get(name, 0) for name in site], dtype=np.int64)
    return Seen(model, Scanning(plain, batch_size, domains), _said("combat", new))


def _said(method: str, new: tuple[str, ...]) -> tuple[str, ...]:
    if not new:
        return ()
    return (f"transductive: {method} has no statistics of {', '.join(new)} from training, so it took them from the "
            "very scans that are scored here, without labels",)
