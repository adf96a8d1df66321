"""A map of the features in two dimensions, by site and by label, before and after adaptation, without identifiers."""
from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from medtl.atomic import write_json, write_text
from medtl.errors import ConfigError
from medtl.evaluation.kept_features import KeptFeatures, read_features
from medtl.evaluation.report.svg import CYCLE, INK, SOFT
from medtl.functional.standardise import location_and_scale
from medtl.functional.transferability.proxy_distance import ProxyDistance, proxy_a_distance
from medtl.predictions import Predictions, read_predictions

Projection: TypeAlias = Literal["pca", "umap"]
PROJECTIONS: dict[str, Projection] = {"pca": "pca", "umap": "umap"}
POINTS = 400
"""At most so many studies are drawn of each model, the same share of each site."""
WIDEST = 64
"""Principal components that the A-distance is judged on, where the features are wider."""
SIDE, GAP, HEAD, KEY = 250, 26, 34, 18
"""Pixels of a panel's side, between panels, above each, and per line of the key."""


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """One model's studies in two dimensions.

    Attributes:
        model: adapted or baseline.
        points: (n, 2), each axis within [0, 1].
        site: hospitals, (n,).
        role: source or target, (n,).
        label: class names, empty where unknown, (n,).
        explained: share of the variance that both axes hold; None where that means nothing.
        distances: A-distance of each target site from the source, held-out patients; None where too few.
    """

    model: str
    points: NDArray[np.float64]
    site: NDArray[np.str_]
    role: NDArray[np.str_]
    label: NDArray[np.str_]
    explained: float | None
    distances: dict[str, ProxyDistance | None]


def known_projection(name: str) -> Projection:
    """A projection by its name.

    Raises:
        ConfigError: no such one.
    """
    if name in PROJECTIONS:
        return PROJECTIONS[name]
    raise ConfigError(f"--projection: found {name!r}, expected pca or umap")


def write_feature_map(run: Path, out: Path, *, projection: Projection = "pca", seed: int = 0) -> tuple[str, ...]:
    """Writes ``features.svg`` and ``features.json`` from what the run and its baseline kept.

    Args:
        run: a run's folder with predictions.csv.
        out: the folder of the report.
        projection: principal components, or UMAP where it is installed.
        seed: of the choice of studies, of folds and of UMAP.

    Returns:
        A sentence per target site on its A-distance before and after; nothing where no features were kept.

    Raises:
        ConfigError: UMAP is asked for and not installed.
        RunStateError: features that are damaged.
    """
    maps: list[FeatureMap] = []
    for model, folder in (("baseline", run / "baseline"), ("adapted", run), ("baseline", run)):
        kept = read_features(folder)
        if kept is None or any(done.model == model for done in maps):
            continue
        answers = read_predictions(run / "predictions.csv")
        answers = answers.where((answers.model == model) & (answers.split != "train"))
        if len(answers):
            maps.append(map_features(kept, answers, model, projection=projection, seed=seed))
    if not maps:
        return ()
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "features.json", {"format": 1, "projection": projection, "maps": [_plain(done) for done in maps]})
    write_text(out / "features.svg", str(drawing(maps, projection)))
    return distances_in_words(maps)


def map_features(
    kept: KeptFeatures, answers: Predictions, model: str, *, projection: Projection = "pca", seed: int = 0
) -> FeatureMap:
    """Two dimensions of one model's features.

    Args:
        kept: its features.
        answers: its rows of predictions.csv; labels only colour points.
        model: adapted or baseline.
        projection: how.
        seed: of the choice of studies, of folds and of UMAP.
    """
    values = kept.of(answers.site, answers.study).astype(np.float64)
    mean, scale = location_and_scale(values)
    standard = (values - mean) / scale
    shown = _some(answers.site, seed)
    if projection == "umap":
        flat, explained = _umap(standard, seed), None
    else:
        flat, explained = principal(standard)
    flat = flat[shown]
    low, high = flat.min(axis=0), flat.max(axis=0)
    points = (flat - low) / np.where(high > low, high - low, 1.0)
    labels = answers.labels
    if answers.kind in ("binary", "multiclass"):
        names = np.array([*answers.classes, ""], dtype=np.str_)[labels[:, 0].astype(np.int64)]
    else:
        names = np.full(len(answers), "", dtype="<U1")
    return FeatureMap(model, points, answers.site[shown], answers.role[shown], names[shown], explained,
                      _distances(_narrow(standard), answers, seed))


def principal(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The first two principal components, (n, 2), and their share of the variance; the largest loading is positive."""
    centred = rows - rows.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    if len(axes) < 2:
        axes = np.vstack([axes, np.zeros_like(axes)])
    axes = axes[:2]
    signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])
    total = float(np.square(sizes).sum())
    share = float(np.square(sizes[:2]).sum()) / total if total > 0 else 0.0
    flat: NDArray[np.float64] = centred @ (axes * np.where(signs == 0, 1.0, signs)[:, None]).T
    return flat, share


def _umap(rows: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            UMAP = importlib.import_module("umap").UMAP
    except ImportError:
        raise ConfigError("--projection umap: umap-learn is not installed; install it, or use pca") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed costs threads is wanted
        return np.asarray(UMAP(n_components=2, random_state=seed).fit_transform(rows), dtype=np.float64)


def _some(site: NDArray[np.str_], seed: int) -> NDArray[np.int64]:
    """At most :data:`POINTS` rows in a random order, so that neither place nor order tells a study."""
    drawn: NDArray[np.int64] = np.random.default_rng(seed).permutation(len(site))[:POINTS]
    return drawn


def _narrow(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first :data:`WIDEST` principal components of wider rows: a classifier of sites needs seconds on more."""
    if rows.shape[1] <= WIDEST:
        return rows
    centred = rows - rows.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:WIDEST]
    narrow: NDArray[np.float64] = centred @ axes.T
    return narrow


def _distances(values: NDArray[np.float64], answers: Predictions, seed: int) -> dict[str, ProxyDistance | None]:
    home = answers.role == "source"
    found: dict[str, ProxyDistance | None] = {}
    for site in sorted(set(answers.site[answers.role == "target"].tolist())):
        there = (answers.role == "target") & (answers.site == site)
        patients = answers.patient_key
        if min(len(set(patients[home])), len(set(patients[there]))) < 2:
            found[site] = None
            continue
        found[site] = proxy_a_distance(values[home], values[there], patients[home].tolist(), patients[there].tolist(),
                                       bootstrap=200, seed=seed)
    return found


def distances_in_words(maps: Sequence[FeatureMap]) -> tuple[str, ...]:
    """A-distance per target site: of the baseline and of the adapted network."""
    lines = []
    for site in sorted({site for done in maps for site in done.distances}):
        parts = [f"{distance.value:.2f} [{distance.low:.2f}, {distance.high:.2f}] {done.model}"
                 for done in maps if (distance := done.distances.get(site)) is not None]
        if parts:
            lines.append(f"{site}: A-distance of its features from the source's, 0 alike, 2 apart: {', '.join(parts)}")
    return tuple(lines)


def _plain(done: FeatureMap) -> dict[str, Any]:
    return {
        "model": done.model, "explained": None if done.explained is None else round(done.explained, 4),
        "a_distance": {site: None if d is None else {"value": round(d.value, 4), "low": round(d.low, 4),
                                                     "high": round(d.high, 4)} for site, d in done.distances.items()},
        "points": [[round(float(x), 4), round(float(y), 4), site, role, label] for (x, y), site, role, label in zip(
            done.points, done.site.tolist(), done.role.tolist(), done.label.tolist(), strict=True)],
    }


def drawing(maps: Sequence[FeatureMap], projection: str) -> Markup:
    """All maps in one picture, a row per model: left by site, right by label; circles are source, triangles target.

    Args:
        maps: baseline first.
        projection: how the features were flattened, for the title.
    """
    sites = list(dict.fromkeys(name for done in maps for name in done.site.tolist()))
    labels = sorted({name for done in maps for name in done.label.tolist()} - {""})
    lines = max(len(sites), len(labels) + 1)
    height = len(maps) * (SIDE + HEAD) + lines * KEY + 8
    parts = []
    for row, done in enumerate(maps):
        top = row * (SIDE + HEAD)
        how = projection.upper() + ("" if done.explained is None else f", {done.explained:.0%} of the variance")
        for column, (by, names, known) in enumerate((("site", done.site, sites), ("label", done.label, labels))):
            left = column * (SIDE + GAP)
            parts.append(Markup('<text x="{}" y="{}">{}, by {} ({})</text>').format(
                left + 4, top + HEAD - 10, done.model, by, how))
            parts.append(Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="none" stroke="{}"/>').format(
                left, top + HEAD, SIDE, SIDE, SOFT))
            parts += _marks(done, names, known, left, top + HEAD)
    under = len(maps) * (SIDE + HEAD) + KEY
    for column, known in enumerate((sites, [*labels, "unknown"] if labels else ["unknown"])):
        for k, name in enumerate(known):
            x, y = column * (SIDE + GAP) + 8, under + k * KEY
            parts.append(Markup('<path d="M{} {}h9v9h-9z" fill="{}"/><text x="{}" y="{}">{}</text>').format(
                x, y - 9, _colour(name, sites if column == 0 else labels), x + 14, y, name))
    width = 2 * SIDE + GAP
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-label="Features of the studies by site and by label; circles are source, triangles target" '
        'font-family="sans-serif" font-size="12" fill="{2}">{3}</svg>\n'
    ).format(width + 2, height, INK, Markup("").join(parts))


def _colour(name: str, known: Sequence[str]) -> str:
    return CYCLE[list(known).index(name) % len(CYCLE)] if name in known else "#b6bec6"


def _marks(done: FeatureMap, names: NDArray[np.str_], known: Sequence[str], left: float, top: float) -> list[Markup]:
    parts = []
    for name in dict.fromkeys(names.tolist()):
        steps = []
        for k in np.flatnonzero(names == name):
            x = left + 6 + done.points[k, 0] * (SIDE - 12)
            y = top + SIDE - 6 - done.points[k, 1] * (SIDE - 12)
            steps.append(f"M{x - 2:.0f} {y:.0f}a2 2 0 1 0 4 0a2 2 0 1 0 -4 0" if done.role[k] == "source"
                         else f"M{x - 3:.0f} {y + 2:.0f}h6l-3 -5z")
        parts.append(Markup('<path d="{}" fill="{}" fill-opacity=".7"/>').format("".join(steps), _colour(name, known)))
    return parts
