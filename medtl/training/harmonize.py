"""ComBat on the features of a frozen encoder: fitted before the head learns, on what may be seen, without labels."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medtl.config.sections import TrainSection
from medtl.data.harmonize import LEAST_SCANS
from medtl.errors import ConfigError, DataError
from medtl.functional.combat import combat
from medtl.methods.base import Method, overrides
from medtl.models.front import WHOLE, boundary_of
from medtl.models.harmonize import features_of, with_sites
from medtl.models.model import Model
from medtl.training.context import Loader, method_names
from medtl.training.device import Device
from medtl.training.feature_bank import predict_behind
from medtl.training.moves import always_still, paces


def with_combat(
    model: Model,
    methods: Sequence[Method],
    loader: Loader,
    train: TrainSection,
    device: Device,
    domains: Literal["site", "scanner"] = "site",
) -> tuple[Model, str]:
    """Puts ComBat between encoder and pooling.

    What sites share is estimated from source train scans alone; a target site's shift and scale come from its
    unlabelled adapt scans. A study counts once: the mean over its slices.

    Args:
        model: at its start.
        methods: of the run.
        loader: of the data.
        train: the config's section.
        device: where the encoder runs.
        domains: of the config.

    Returns:
        The network, and a sentence for every report.

    Raises:
        ConfigError: the encoder moves, or the run has something that does not know of sites.
        DataError: a site with too few scans.
    """
    if lines := list(_misfits(model, methods, train, domains)):
        raise ConfigError(*lines)
    cohort = loader.cohort
    sources = list(dict.fromkeys(cohort.catalogue.items[int(i)].site for i in cohort.rows("source", "train")))
    rows = np.concatenate([cohort.rows("source", "train"), cohort.target_seen])
    found = _features(model, methods, loader, train, device, rows)
    of_site: dict[str, list[NDArray[np.float64]]] = {}
    for row, feature in zip(rows, found, strict=True):
        of_site.setdefault(cohort.catalogue.items[int(row)].site, []).append(feature)
    if few := [f"{site} has {len(each)}" for site, each in of_site.items() if len(each) < LEAST_SCANS]:
        raise DataError(f"data.harmonize: combat: {'; '.join(few)} scans, expected at least {LEAST_SCANS} of each "
                        "site; add scans, or use histogram, which needs none")
    stacked = {site: np.stack(each) for site, each in of_site.items()}
    pooled, effects = combat({site: stacked[site] for site in sources},
                             {site: each for site, each in stacked.items() if site not in sources})
    maps = {site: effects[site].affine(pooled) for site in loader.domains}
    targets = [site for site in loader.domains if site not in sources]
    made = with_sites(model, maps, loader.domains.index(targets[0]) if targets else 0, pooled)
    counts = ", ".join(f"{len(each)} of {site}" for site, each in stacked.items())
    return made, (
        f"harmonised (combat): features of the frozen encoder moved per site, fitted on {', '.join(sources)}, "
        f"without labels ({counts})"
    )


def _misfits(
    model: Model, methods: Sequence[Method], train: TrainSection, domains: Literal["site", "scanner"]
) -> Iterator[str]:
    where = "data.harmonize: combat"
    if any(method.check(model) for method in methods):
        return  # told by the engine, with the layers' names
    if boundary_of(model, always_still(paces(methods, model, train.epochs))) != WHOLE:
        yield (f"{where} is fitted on features that stay as they are, but this run's encoder moves; add "
               "{method: freeze, until: all} to transfer.network, or harmonise grey values (histogram, site_z)")
    if domains != "site":
        yield f"{where} moves sites, but sites.domains is {domains}; set it to site"
    if model.treatment in ("dsbn", "adabn"):
        yield f"{where} and model.bn: {model.treatment} both move each site's features; use one of them"
    for method, name in zip(methods, method_names(methods), strict=True):
        if overrides(method, "stages"):
            yield f"{where} cannot stand beside {name}, whose own stages do not tell sites apart; leave one out"


def _features(
    model: Model, methods: Sequence[Method], loader: Loader, train: TrainSection, device: Device,
    rows: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Encoder features, mean over slices, (n, d)."""
    still = always_still(paces(methods, model, train.epochs)) if train.feature_bank != "off" else ()
    said = predict_behind(features_of(model), still, loader, rows, device, features=True)
    assert said.features is not None
    return said.features.astype(np.float64)
