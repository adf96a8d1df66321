"""What medtl recommends where a few target labels are visible, before anything is tried."""
from __future__ import annotations

from dataclasses import dataclass, replace

from medtl.config.sections import Config, PerClass, Total, TransferSection

FEW = 128
"""Labelled target patients up to which the rule speaks."""


@dataclass(frozen=True)
class FewLabelAdvice:
    """A config and why.

    Attributes:
        config: to train.
        reason: one sentence.
    """

    config: Config
    reason: str


def few_label_advice(config: Config) -> FewLabelAdvice | None:
    """The stated rule for few target labels: a probe on layers within the frozen network, and no training of it.

    The method ``probe`` with its defaults reads the middle layers side by side, takes another layer only where grouped
    validation on the visible target labels says so clearly, and the source only where held-out target labels are better
    with it; a run tells what it found, and names the config without the source. Figures: ``benchmarks/RESULTS.md``,
    section fewshot.

    Args:
        config: of the user.

    Returns:
        The config with that method alone, or None where no target label is visible, or more than :data:`FEW` patients'.
    """
    budget = config.sites.target_labels
    count = budget.total if isinstance(budget, Total) else 2 * budget.per_class if isinstance(budget, PerClass) else 0
    if not 0 < count <= FEW:
        return None
    advised = replace(
        config, transfer=TransferSection(network=({"method": "probe"},)), model=replace(config.model, adaptation=0)
    )
    return FewLabelAdvice(advised, f"{count} labelled target patients: too few to train a network on, and enough for a "
                                   "head on its middle layers; whether the source joins is validated on them")
