"""From a run's config to what is asked of its probabilities."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medtl.evaluation.probabilities.report import DRAWS, ProbabilityReport, Wanted, evaluate_probabilities
from medtl.evaluation.probabilities.treatments import calibrated
from medtl.functional.measure import Reference
from medtl.predictions import Predictions


def reference_of(config: Mapping[str, Any]) -> Reference:
    """The prevalence, sensitivity and specificity that a config's figures refer to.

    Args:
        config: of a run, in full or of an older version.

    Returns:
        The reference; defaults for keys that are not there.
    """
    section, plain = config.get("evaluate") or {}, Reference()
    return Reference(*(float(section.get(name, getattr(plain, name)))
                       for name in ("prevalence", "sensitivity", "specificity")))


def answers_of(config: Mapping[str, Any], predictions: Predictions) -> tuple[Predictions, tuple[str, ...]]:
    """The answers that a run is judged by: calibrated where its config says so.

    Args:
        config: of the run.
        predictions: of the run.

    Returns:
        The answers, and what was done to them in words.
    """
    return calibrated(predictions, str((config.get("evaluate") or {}).get("calibration", "none")))


def probabilities_of(config: Mapping[str, Any], predictions: Predictions) -> ProbabilityReport | None:
    """Judge a run's probabilities as its config asks.

    Args:
        config: of the run.
        predictions: of the run, as answered.

    Returns:
        The report; None for a regression.
    """
    section, sites = config.get("evaluate") or {}, config.get("sites") or {}
    wanted = Wanted(reference_of(config).sensitivity, float(section.get("set_error", Wanted().error)),
                    sites.get("target_labels", "none") != "none")
    seed = int((config.get("train") or {}).get("seed", 0))
    return evaluate_probabilities(predictions, wanted, bootstrap=int(section.get("bootstrap", DRAWS)), seed=seed)
