"""The features of every scored study, kept in the run folder for maps and for the search of similar studies."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medtl.atomic import write_bytes
from medtl.errors import RunStateError

FILE = "features.safetensors"


@dataclass(frozen=True, eq=False)
class KeptFeatures:
    """Features of studies.

    Attributes:
        study: opaque ids as in predictions.csv, (n,).
        site: hospitals, (n,).
        values: float32, (n, d), of the layer before the head; scans of a study are averaged.
        codes: whether they are hash codes, of which only the signs count.
    """

    study: NDArray[np.str_]
    site: NDArray[np.str_]
    values: NDArray[np.float32]
    codes: bool = False

    def of(self, site: NDArray[np.str_], study: NDArray[np.str_]) -> NDArray[np.float32]:
        """The rows of these studies, in their order.

        Raises:
            RunStateError: a study without features.
        """
        place = {key: k for k, key in enumerate(zip(self.site.tolist(), self.study.tolist(), strict=True))}
        try:
            rows = [place[key] for key in zip(site.tolist(), study.tolist(), strict=True)]
        except KeyError:
            raise RunStateError(f"{FILE}: lacks a study of predictions.csv; train the run again") from None
        return self.values[rows]


def write_features(folder: Path, kept: KeptFeatures) -> None:
    """Writes features.safetensors into a run's folder."""
    from safetensors.numpy import save

    told = {"study": kept.study.tolist(), "site": kept.site.tolist(), "codes": kept.codes}
    about = {"about": json.dumps(told)}  # one entry: several are written in an order of the moment
    write_bytes(folder / FILE, save({"features": np.ascontiguousarray(kept.values, dtype=np.float32)}, about))


def read_features(folder: Path) -> KeptFeatures | None:
    """What a run kept; None where it kept nothing.

    Raises:
        RunStateError: the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    file = folder / FILE
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="np") as held:
            told, values = json.loads(held.metadata()["about"]), held.get_tensor("features")
        study, site = (np.array(told[name], dtype=np.str_) for name in ("study", "site"))
        if len(study) != len(values) or len(site) != len(values):
            raise ValueError("as many names as rows are expected")
        return KeptFeatures(study, site, values, bool(told["codes"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunStateError(f"{file}: damaged ({error}); train the run again") from error
