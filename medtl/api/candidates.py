"""What ``recommend`` tries: a small stated list, less what the config's data cannot feed."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from medtl.api.variants import HARMONISED, OWN, TENT, Variants, spelt_out, words_for_folders
from medtl.config.options import BASELINE
from medtl.config.sections import Config, TransferSection
from medtl.errors import ConfigError

UNLABELLED = ("dan", "feature_coral", "dann", "density_ratio", "tca", "jan", "cdan")
"""Methods that need target images only, the cheap and the well tried first."""
LABELLED = ("probe", "l2_sp", "lp_ft", "tradaboost")
"""Methods that use visible target labels, tried beside the others where there are some."""


@dataclass(frozen=True)
class Candidate:
    """One way to train.

    Attributes:
        name: as shown.
        word: for folders.
        config: with a split seed, so that every run of it has the same test part.
    """

    name: str
    word: str
    config: Config


def candidates_for(variants: Variants, chosen: Sequence[str] = ()) -> list[Candidate]:
    """The candidates of a config, the plain model first.

    Args:
        variants: of the config.
        chosen: methods, in place of the stated list.

    Returns:
        Those that the config can feed; what cannot (a method that needs labels, say) is left out of the stated list.

    Raises:
        ConfigError: a method that was asked for cannot work.
    """
    base = variants.base
    names = [BASELINE]
    if chosen:
        names += [name for name in spelt_out(chosen) if name != BASELINE]
        if TENT in names:
            others = ", ".join(name for name in HARMONISED if name != TENT)
            raise ConfigError(
                f"--candidates {TENT}: it adapts while it answers the studies that would choose it; compare it by "
                f"`medtl matrix --methods {BASELINE},{TENT}`. Of harmonisation, expected {others}"
            )
    else:
        if base.transfer != TransferSection(network=base.transfer.network):
            names.append(OWN)
        own = {str(entry["method"]) for family in ("instances", "mapping", "network", "adversarial")
               for entry in getattr(base.transfer, family)}
        labelled = base.sites.target_labels != "none"
        listed = (*(LABELLED if labelled else ()), *(() if "freeze" in own else _levels(variants)), *UNLABELLED)
        names += [name for name in listed if name not in own]
    split = (f"sites.split_seed={base.train.seed if base.sites.split_seed is None else base.sites.split_seed}",)
    made: dict[str, Config] = {}
    for name in dict.fromkeys(names):
        try:
            made[name] = variants.made(*variants.method(name), *split)
        except ConfigError:
            if chosen:
                raise
    width = variants.same_width(made)
    words = words_for_folders(made)
    candidates = []
    for name, config in made.items():
        behind = ("model.adaptation=0",) if name == "probe" else width  # it reads within the encoder
        wide = variants.made(*variants.method(name), *split, *behind) if behind else config
        candidates.append(Candidate(name, words[name], replace(wide, origin=base.origin)))
    return candidates


def _levels(variants: Variants) -> tuple[str, ...]:
    """Freezing half of the encoder, and all of it but the last part."""
    from medtl.training.moves import BEHIND_ENCODER

    parts = [name for name in variants.network().parts if name not in BEHIND_ENCODER]
    return (f"freeze:until={parts[len(parts) // 2]}", f"freeze:until={parts[-2]}") if len(parts) > 3 else ()
