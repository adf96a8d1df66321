"""Two models, or two methods over several seeds, on the same studies: one difference with its error."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medtl.evaluation.scoring import Scores
from medtl.evaluation.verdicts import Row
from medtl.functional.delong import delong
from medtl.functional.intervals.clustered import MIN_PATIENTS
from medtl.functional.intervals.difference import Difference, from_draws, without_spread
from medtl.functional.measure import NotEstimable

AUROC = "auroc"
DIFFERENT = NotEstimable("the two models answered different studies")


def paired_row(first: Sequence[Scores], second: Sequence[Scores], metric: int, seed: int = 0) -> Row:
    """First minus second, averaged over seeds.

    AUROC of one question and one seed has DeLong's error, in its clustered form as soon as a patient has more than one
    study. Everything else has the error of a bootstrap over patients, crossed with seeds where there are several.

    Args:
        first: figures of the first method, one per seed; all share their patients and their draws.
        second: of the second method, seed by seed.
        metric: which of the figures.
        seed: of the draws of seeds.

    Returns:
        The comparison, not yet judged.
    """
    pairs = list(zip(first, second, strict=True))
    better = first[0].metrics[metric].higher_is_better is not False
    unnamed = any(scores.group.unnamed for pair in pairs for scores in pair)
    if any(one.group.keys != other.group.keys for one, other in pairs):
        return Row(DIFFERENT, better, unnamed=unnamed)
    values = []
    for one, other in pairs:
        ends = [scores.mean(metric) for scores in (one, other)]
        missing = next((end for end in ends if end.value is None), None)
        if missing is not None:
            return Row(NotEstimable(missing.reason), better, unnamed=unnamed)
        values.append(float(ends[0].value or 0.0) - float(ends[1].value or 0.0))
    same = all(
        np.array_equal(a.scores, b.scores) and np.array_equal(a.decided, b.decided)  # type: ignore[arg-type]
        for one, other in pairs for a, b in zip(one.group.samples, other.group.samples, strict=True)
    )
    patients = min(scores.rarer(metric) for pair in pairs for scores in pair)
    found = _with_error(pairs, metric, values, patients, seed)
    return Row(found, better, same and not isinstance(found, NotEstimable), unnamed)


def _with_error(
    pairs: Sequence[tuple[Scores, Scores]], metric: int, values: Sequence[float], patients: int, seed: int
) -> Difference | NotEstimable:
    one, other = pairs[0]
    if len(pairs) > 1 or one.metrics[metric].name != AUROC or len(one.group.samples) > 1:
        draws = np.stack([a.mean_draws(metric) - b.mean_draws(metric) for a, b in pairs])
        return from_draws(values, draws, patients, seed)
    if patients < MIN_PATIENTS:
        return NotEstimable(f"{patients} patients in the rarer class, an interval needs {MIN_PATIENTS}")
    ours, theirs = one.group.samples[0], other.group.samples[0]
    found = delong(ours.positive, np.stack([ours.scores, theirs.scores]), ours.cluster)
    if isinstance(found, NotEstimable):
        return found
    error, value = found.difference_error(), float(found.values[0] - found.values[1])
    if error < 1e-12:
        return without_spread(value, patients, found.method)
    return Difference(value, error, patients - 1, found.method)
