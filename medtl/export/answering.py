"""For which hospital a package answers, where scans or features are harmonised by hospital."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from medtl.data.harmonize import FILE, Harmonization
from medtl.data.transforms import Preprocess
from medtl.errors import ConfigError
from medtl.models.harmonize import answer_for, layer_of
from medtl.models.model import Model
from medtl.run import RunFolder
from medtl.types import nearest


@dataclass(frozen=True)
class Answering:
    """What a package does to every scan before, or while, the network reads it.

    Attributes:
        method: of ``data.harmonize``.
        site: whose statistics every scan gets; None where a scan needs none but itself.
    """

    method: str
    site: str | None

    @property
    def rule(self) -> str:
        """In a sentence, for the card and the contract."""
        if self.site is None:
            return ("every scan's grey values are matched to landmarks of the training scans; a scan of any hospital "
                    "is treated alike")
        return (f"every scan is harmonised ({self.method}) as one of {self.site}. For a scan of another hospital that "
                "is wrong: export with --site for a hospital of the run; for one that the run has not seen, train with "
                "it among sites.target, for which unlabelled scans are enough")

    def as_json(self) -> dict[str, Any]:
        """For the contract."""
        return {"method": self.method, "site": self.site, "rule": self.rule}


def answering_for(
    run: RunFolder, config: Mapping[str, Any], preprocess: Preprocess, model: Model, site: str | None
) -> tuple[Preprocess, Answering | None]:
    """Fixes the hospital that a package answers for: the one asked for, else the run's target if it has only one.

    Args:
        run: a finished run.
        config: as it was written.
        preprocess: without harmonisation.
        model: of the run; a network that harmonises features is told the site.
        site: asked for, or None.

    Returns:
        The preparation with the site's map, and what to say; None where nothing is harmonised.

    Raises:
        ConfigError: no such hospital in the run; or several targets, and none was asked for.
    """
    method = str(config["data"].get("harmonize", "none"))
    known: tuple[str, ...] = ()
    harmonization = None
    if method in ("histogram", "site_z"):
        harmonization = Harmonization.from_json(run.read_json(FILE))
        known = tuple(harmonization.sites)
    elif (layer := layer_of(model)) is not None:
        known = layer.sites
    if not known:
        if site is not None:
            raise ConfigError(f"--site {site}: nothing in this run depends on the hospital (data.harmonize: {method}); "
                              "leave it out")
        if harmonization is None:
            return preprocess, None
        return replace(preprocess, harmonize=harmonization.map_of("")), Answering(method, None)
    targets = [name for name in config["sites"].get("target") or () if name in known]
    if site is None and len(targets) > 1:
        raise ConfigError(f"data.harmonize: {method} moves each hospital's scans, and a package answers for one: say "
                          f"which with --site ({', '.join(known)})")
    chosen = site or (targets[0] if targets else known[0])
    if chosen not in known:
        hint = nearest(chosen, known)
        raise ConfigError(f"--site {chosen}: no hospital of this run" + (f"; did you mean {hint}?" if hint else ".")
                          + f" It has statistics of {', '.join(known)}; for another one, train with it among "
                            "sites.target")
    answer_for(model, chosen)
    if harmonization is not None:
        preprocess = replace(preprocess, harmonize=harmonization.map_of(chosen))
    return preprocess, Answering(method, chosen)
