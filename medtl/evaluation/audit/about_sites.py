"""Can the hospital be told from the image: from all of it, from its borders, from what lies outside the body?"""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from medtl.evaluation.audit.model import Check, Figure, Outcome
from medtl.evaluation.audit.probe import Probe, probe
from medtl.evaluation.audit.scans import Measured

MATERIAL = 0.60
"""AUROC below which a probe's finding is too weak to name."""
CONTROL = 0.05
"""How far from .5 the mean of shuffled labels may lie."""
_ASKED = (
    ("site_readable", "pixels", "can the hospital be told from the image?",
     "a linear model on small pictures and a dozen pixel statistics tells the hospital",
     "expect figures to fall at other hospitals; judge by the worst site, and try harmonisation (data.harmonize)"),
    ("site_in_borders", "borders", "can the hospital be told from the image's borders alone?",
     "the outer eighth of the image, where hardly any anatomy is, tells the hospital",
     "crop or mask borders, markers and padding alike at all sites (data.input), or set spacing_mm so that all are cut "
     "alike"),
    ("site_outside_body", "outside", "can the hospital be told with the body masked out?",
     "the grey values and noise outside the body tell the hospital",
     "mask the background, or set a window that cuts it off; table, padding value and compression often differ"),
)


def site_checks(measured: Measured, permutations: int, seed: int) -> Iterator[Check]:
    """One scan per patient; a negative control comes last, with the hospitals shuffled.

    Args:
        measured: the rows.
        permutations: of each test.
        seed: of folds and shuffles.
    """
    rows = measured.first_of_unit
    number = {site: k for k, site in enumerate(measured.sites)}
    labels = np.array([number[site] for site in measured.site[rows]], dtype=np.int64)
    first: Probe | None = None
    for code, kind, title, words, advice in _ASKED:
        if len(measured.sites) < 2:
            yield Check(code, title, measured.sites, "not_run", "warning", "there is one hospital only")
            continue
        values = measured.pixels if kind == "pixels" else measured.of(kind)
        found = probe(values[rows], labels, measured.unit[rows], measured.in_blocks[rows], permutations=permutations,
                      rng=np.random.default_rng([seed, len(code)]))
        if isinstance(found, str):
            yield Check(code, title, measured.sites, "not_run", "warning", found)
            continue
        first = first or found
        figure = found.figure(of=measured.unit_word)
        outcome: Outcome = "found" if found.auroc >= MATERIAL else "clear"
        yield Check(code, title, measured.sites, outcome, "warning", f"{words}: {figure.words}", advice, figure)
    if first is not None:
        yield control(first, measured.sites, measured.unit_word)


def control(found: Probe, sites: tuple[str, ...], unit: str) -> Check:
    """The same probe on shuffled hospitals, which must tell nothing; otherwise the audit itself cannot be believed."""
    mean = float(found.null.mean())
    figure = Figure("AUROC of shuffled labels", mean, None, float(np.quantile(found.null, 0.95)), None, None,
                    found.units, unit)
    broken = abs(mean - 0.5) > CONTROL
    words = "shuffled hospitals are " + ("told all the same" if broken else "not told, as it must be")
    advice = "do not believe this audit's probes; report this" if broken else ""
    return Check("shuffled_control", "does the probe tell what is not there?", sites, "found" if broken else "clear",
                 "fault", f"{words}: {figure.words}", advice, figure)
