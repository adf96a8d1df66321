"""What probabilities are worth away from home: calibration, thresholds, sets and decisions, per site.

`evaluate_probabilities` reads predictions alone and returns a `ProbabilityReport`, whose parts a page can draw:
`treatments` (a row per site, model and way of calibrating), `operating` (thresholds for a wanted sensitivity), `sets`
(split conformal sets with abstention) and `curves` (net benefit over thresholds). Its `as_json` stands in metrics.json
under `probabilities`.
"""
from __future__ import annotations

from medtl.evaluation.probabilities.of_run import answers_of, probabilities_of, reference_of
from medtl.evaluation.probabilities.report import ProbabilityReport, Wanted, evaluate_probabilities

__all__ = ["ProbabilityReport", "Wanted", "answers_of", "evaluate_probabilities", "probabilities_of", "reference_of"]
