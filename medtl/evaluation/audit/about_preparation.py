"""Were the scans of one hospital prepared as those of the others: in one range, of one polarity, in one window?"""
from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from medtl.evaluation.audit.features import GRID, LEVELS
from medtl.evaluation.audit.model import Check, Figure, Profile
from medtl.evaluation.audit.scans import Measured

Matrix = NDArray[np.float64]
RATIO = 20.0
"""Of bright ends: two hospitals this far apart are not on one scale."""
FEW = 10
"""Scans of a site that a mean picture needs, since a mean of few shows each of them."""
APART = 0.05
"""Mean distance of grey values' quantiles below which two windows count as one."""
EXPLAINED = 0.6
"""Share of that distance which another window must explain to be named."""
VARIES = 1.25
"""Times that one hospital's scans differ among themselves as much as the other's."""
_BRIGHT = int(np.argmin(np.abs(LEVELS - 0.97)))


def profiles_of(measured: Measured) -> tuple[Profile, ...]:
    """How each site's scans look on average."""
    out = []
    for site in measured.sites:
        rows = measured.site == site
        quantiles = measured.of("quantiles")[rows].mean(axis=0)
        picture = measured.of("coarse")[rows].mean(axis=0).reshape(GRID, GRID)
        shown = tuple(tuple(round(float(v), 4) for v in row) for row in picture) if rows.sum() >= FEW else ()
        out.append(Profile(site, int(rows.sum()), tuple(round(float(v), 5) for v in quantiles), shown))
    return tuple(out)


def preparation_checks(
    measured: Measured, reference: Sequence[str], permutations: int, seed: int, known: Sequence[Profile] = ()
) -> Iterator[Check]:
    """Each hospital against the reference: the source's hospitals, or those of an earlier audit.

    Args:
        measured: the rows.
        reference: names of the source's hospitals among the measured ones.
        permutations: of the test of windows.
        seed: of the shuffles.
        known: profiles of the source from the audit of the run, where its scans are not measured here.
    """
    rows = measured.first_of_unit
    quantiles, coarse = measured.of("quantiles")[rows], measured.of("coarse")[rows]
    site = measured.site[rows]
    home = np.isin(site, list(reference))
    done: set[frozenset[str]] = set()
    for number, name in enumerate(measured.sites):
        own = site == name
        rest = home & ~own
        earlier = [profile for profile in known if profile.site != name]
        if not rest.any() and not earlier:
            if len(measured.sites) < 2 or not own.any() or name in reference:
                continue
            rest = ~own
        if rest.any():
            against = " and ".join(dict.fromkeys(site[rest].tolist()))
            theirs, their_picture = quantiles[rest].mean(axis=0), coarse[rest].mean(axis=0)
        else:
            against = " and ".join(profile.site for profile in earlier)
            theirs = np.mean([profile.quantiles for profile in earlier], axis=0)
            pictures = [np.asarray(profile.picture).ravel() for profile in earlier if profile.picture]
            their_picture = np.mean(pictures, axis=0) if pictures else np.zeros(GRID * GRID)
        ours, our_picture = quantiles[own].mean(axis=0), coarse[own].mean(axis=0)
        flaw = _range(name, against, ours, theirs) or _inverted(name, against, ours, theirs, our_picture, their_picture)
        pair = frozenset((name, against))
        if pair in done:
            continue
        done.add(pair)
        if flaw is not None:
            yield flaw
            continue
        rng = np.random.default_rng([seed, 11, number])
        window = _window(name, against, quantiles, own, rest, theirs, permutations, rng, measured.unit_word)
        yield window
        if rest.any() and window.outcome != "found":  # another window widens or narrows the spread as well
            yield _varying(name, against, quantiles, own, rest, permutations, rng, measured.unit_word)


def _range(name: str, against: str, ours: Matrix, theirs: Matrix) -> Check | None:
    tops = float(ours[_BRIGHT]), float(theirs[_BRIGHT])
    ratio = max(tops) / max(min(tops), 1e-6)
    if ratio < RATIO or max(tops) < 0.1:
        return None
    dark, bright = (name, against) if tops[0] < tops[1] else (against, name)
    guess = "as if 0 to 1 were read as 0 to 255" if 150 <= ratio <= 400 else "as if their numbers were on another scale"
    return Check(
        "range_mismatch", "are the hospitals' scans on one scale?", (name,), "found", "fault",
        f"the bright points of {dark} are {ratio:.0f} times darker than those of {bright}, {guess}",
        f"save the scans of {dark} on the same scale, or set data.input.window: percentiles, which scales each scan",
        Figure("ratio of the 97th percentiles", ratio, None, None, None, None, 0),
    )


def _inverted(
    name: str, against: str, ours: Matrix, theirs: Matrix, our_picture: Matrix, their_picture: Matrix
) -> Check | None:
    if our_picture.std() < 1e-6 or their_picture.std() < 1e-6:
        return None
    alike = float(np.corrcoef(our_picture, their_picture)[0, 1])
    turned = np.abs(ours - (1.0 - theirs)[::-1]).mean() < np.abs(ours - theirs).mean()
    if alike > -0.3 or not turned:
        return None
    return Check(
        "inverted", "are the hospitals' scans of one polarity?", (name,), "found", "fault",
        f"the mean picture of {name} is the negative of that of {against} (correlation {alike:.2f})",
        f"invert the scans of {name} (for DICOM, PhotometricInterpretation MONOCHROME1 is read right by itself)",
        Figure("correlation of mean pictures", alike, None, None, None, None, 0),
    )


def _window(
    name: str, against: str, quantiles: Matrix, own: NDArray[np.bool_], rest: NDArray[np.bool_], theirs: Matrix,
    permutations: int, rng: np.random.Generator, unit: str,
) -> Check:
    code, title = "window_mismatch", "were the hospitals' scans shown in one window?"
    ours = quantiles[own].mean(axis=0)
    distance = float(np.abs(ours - theirs).mean())
    gain, shift, left = best_window(ours, theirs)
    explained = 1.0 - left / max(distance, 1e-9)
    p = None
    by_chance = None
    if rest.any():
        both = np.flatnonzero(own | rest)
        member = np.zeros((permutations, len(both)))
        member[:, : int(own.sum())] = 1.0
        member = rng.permuted(member, axis=1)
        total, count = quantiles[both].sum(axis=0), int(own.sum())
        first = member @ quantiles[both]
        null = np.abs(first / count - (total - first) / (len(both) - count)).mean(axis=1)
        p = (1 + int((null >= distance - 1e-12).sum())) / (1 + permutations)
        by_chance = float(np.quantile(null, 0.95))
    figure = Figure("mean distance of grey values", distance, None, by_chance, p, None, int(own.sum()), unit)
    found = distance >= APART and explained >= EXPLAINED
    words = f"{name} and {against}: {figure.words}"
    if found:
        words = (f"the grey values of {name} are those of {against} times {gain:.2f} plus {shift:+.2f}, as in another "
                 f"window ({figure.words})")
    return Check(code, title, (name,), "found" if found else "clear", "warning", words,
                 "prepare both from the same unit and window (data.input.window), or use data.harmonize: histogram",
                 figure)


def _varying(
    name: str, against: str, quantiles: Matrix, own: NDArray[np.bool_], rest: NDArray[np.bool_], permutations: int,
    rng: np.random.Generator, unit: str,
) -> Check:
    """Do one hospital's scans differ among themselves in window, and the other's not?"""
    code, title = "window_varies", "is each hospital's window the same for all of its scans?"
    spread = np.concatenate([
        np.abs(quantiles[rows] - np.median(quantiles[rows], axis=0)).mean(axis=1) for rows in (own, rest)
    ])
    count = int(own.sum())
    order = rng.permuted(np.broadcast_to(spread, (permutations, len(spread))), axis=1)
    gaps = order[:, :count].mean(axis=1) - order[:, count:].mean(axis=1)
    ours, theirs = float(spread[:count].mean()), float(spread[count:].mean())
    p = (1 + int((np.abs(gaps) >= abs(ours - theirs) - 1e-12).sum())) / (1 + permutations)
    wide, narrow = (name, against) if ours >= theirs else (against, name)
    ratio = max(ours, theirs) / max(min(ours, theirs), 1e-6)
    figure = Figure("ratio of spreads of grey values", ratio, None, None, p, None, len(spread), unit)
    found = ratio >= VARIES and abs(ours - theirs) >= APART / 4
    return Check(
        code, title, (wide,), "found" if found else "clear", "warning",
        f"scans of {wide} differ among themselves in window and brightness {ratio:.1f} times as much as those of "
        f"{narrow} (mean distance of grey values from the middle scan {max(ours, theirs):.2f} and "
        f"{min(ours, theirs):.2f})",
        f"prepare {wide} again from the originals in one window, or use data.harmonize: histogram; where windows go "
        "with the label, label_in_statistics says so", figure,
    )


def best_window(ours: Matrix, theirs: Matrix) -> tuple[float, float, float]:
    """Gain and shift that bring their mean quantiles nearest to ours, values clipped to [0, 1], and what is left.

    Args:
        ours: (33,).
        theirs: (33,).

    Returns:
        Gain, shift, and the mean absolute distance that remains.
    """
    from scipy.optimize import minimize

    def left(at: Matrix) -> float:
        return float(np.abs(np.clip(at[0] * theirs + at[1], 0.0, 1.0) - ours).mean())

    starts = [np.array([gain, float(np.median(ours) - gain * np.median(theirs))]) for gain in (0.5, 1.0, 2.0)]
    best = min((minimize(left, start, method="Nelder-Mead", options={"maxfev": 200}) for start in starts),
               key=lambda found: float(found.fun))
    return float(best.x[0]), float(best.x[1]), float(best.fun)
