"""How much each study counts: the product of the methods' weights, and what is left of the evidence."""
from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.atomic import write_text
from medtl.errors import ConfigError
from medtl.functional.weighting import effective_sample_size, mean_one
from medtl.methods.base import Method, overrides
from medtl.types import Cohort, Table


def study_weights(methods: Sequence[Method], names: Sequence[str], table: Table) -> NDArray[np.float32] | None:
    """The product of all weights, mean 1 over the source rows; None where no method weighs.

    Args:
        methods: of the run.
        names: what each is called in messages.
        table: what they may know.

    Returns:
        float32, (len(table),).

    Raises:
        ConfigError: a method gives weights of another length, negative ones, or zero for all of the source.
    """
    product: NDArray[np.float64] | None = None
    for method, name in zip(methods, names, strict=True):
        if not overrides(method, "weigh"):
            continue
        weights = method.weigh(table)
        if weights is None:
            continue
        if weights.shape != (len(table),):
            raise ConfigError(f"{name}: weigh gave weights of shape {weights.shape}, expected ({len(table)},)")
        product = weights.astype(np.float64) * (1.0 if product is None else product)
    if product is None:
        return None
    try:
        return mean_one(product, table.is_source)
    except ValueError as error:
        raise ConfigError(f"{', '.join(names)}: {error}") from None


def summary(weights: NDArray[np.float32], table: Table) -> dict[str, Any]:
    """What the report says of the weights: effective sample size, in all and per source site."""
    source = table.is_source

    def row(rows: NDArray[np.bool_]) -> dict[str, float]:
        w = weights[rows]
        return {
            "studies": int(rows.sum()),
            "effective": round(effective_sample_size(w), 3),
            "mean": round(float(w.mean()), 6),
            "least": round(float(w.min()), 6),
            "largest": round(float(w.max()), 6),
        }

    sites = sorted({site for site, role in zip(table.site, table.role, strict=True) if role == "source"})
    of_site = np.array(table.site)
    return {"all": row(source), "sites": {site: row(source & (of_site == site)) for site in sites}}


def write_weights(file: Path, cohort: Cohort, weights: NDArray[np.float32]) -> None:
    """Writes what each source training study weighed, for the report: site, study, weight.

    Args:
        file: ``weights.csv``.
        cohort: of the run.
        weights: per position of the catalogue.
    """
    of_study = {(cohort.catalogue.items[i].site, cohort.catalogue.items[i].study): float(weights[i])
                for i in cohort.rows("source", "train")}
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("site", "study", "weight"))
    writer.writerows((site, study, f"{weight:.6g}") for (site, study), weight in of_study.items())
    write_text(file, out.getvalue())
