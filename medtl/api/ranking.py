"""``rank``: which backbone, which layer and which source site look best before anything is trained."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.api.assemble import Assembly, assemble
from medtl.atomic import write_json
from medtl.config.load import load_config
from medtl.config.sections import Config
from medtl.data.loaders import PairLoader
from medtl.errors import ConfigError
from medtl.functional.probing.coordinates import Coordinates, Whitening
from medtl.functional.probing.machines import Kind, fit_machine
from medtl.functional.probing.search import Rows, Search, candidates
from medtl.functional.transferability.interval import Bounded, over_patients
from medtl.functional.transferability.label_transfer import leep, nce
from medtl.functional.transferability.logme import logme, logme_regression
from medtl.functional.transferability.null import less_null
from medtl.functional.transferability.proxy_distance import proxy_a_distance
from medtl.functional.transferability.spread import h_score, transrate
from medtl.models.build import build_model
from medtl.models.probed import probed
from medtl.models.tapped import layers_of
from medtl.progress import QUIET, Progress, doing
from medtl.training.device import open_device
from medtl.training.extract import extract
from medtl.types import Table

NULL_DRAWS = 50
"""Permutations behind scores that chance makes large."""


@dataclass(frozen=True)
class LayerScore:
    """One layer of one backbone.

    Attributes:
        backbone: name.
        layer: name.
        width: features, means and deviations together.
        logme: log evidence per study.
        h_score: less its permutation null.
        transrate: less its permutation null.
        probe: held-out score of a frozen probe, measured: AUROC, accuracy or R² over folds of patients.
    """

    backbone: str
    layer: str
    width: int
    logme: Bounded
    h_score: Bounded | None
    transrate: Bounded | None
    probe: Bounded


@dataclass(frozen=True)
class SiteScore:
    """One candidate source site, seen from the target.

    Attributes:
        site: name.
        studies: labelled ones.
        distance: proxy A-distance to the target, 0 alike to 2 told apart.
        leep: of the site's probe on labelled target studies, less its permutation null; None without target labels.
        nce: likewise.
        home: held-out AUROC of a probe at the site itself.
        away: AUROC of the site's probe on labelled target studies, measured; None without them.
    """

    site: str
    studies: int
    distance: Bounded
    leep: Bounded | None
    nce: Bounded | None
    home: Bounded
    away: Bounded | None


@dataclass(frozen=True)
class Ranking:
    """What can be said before training.

    Attributes:
        labels: whose labels the layers were scored on, in words.
        layers: best measured probe first.
        sites: candidate source sites, nearest in measured transfer first; the layers are those of the best one.
        figure: what the probe's figure is.
    """

    labels: str
    layers: tuple[LayerScore, ...]
    sites: tuple[SiteScore, ...]
    figure: str

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"labels": self.labels, "figure": self.figure, "layers": [asdict(one) for one in self.layers],
                "sites": [asdict(one) for one in self.sites]}

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.table import Table as Grid
        from rich.text import Text

        first = Grid(title=f"Layers, scored on {self.labels}", title_justify="left", box=None, pad_edge=False)
        for name in ("backbone", "layer", "d", f"probe: {self.figure}", "LogME", "H-score", "TransRate"):
            first.add_column(name, no_wrap=name in ("backbone", "layer"))
        for one in self.layers:
            cells = (one.probe, one.logme, one.h_score, one.transrate)
            first.add_row(one.backbone, one.layer, str(one.width), *("" if c is None else str(c) for c in cells))
        parts: list[Any] = [first]
        if self.sites:
            second = Grid(title="Source sites", title_justify="left", box=None, pad_edge=False)
            for name in ("site", "n", "probe at the target", "probe at home", "A-distance", "LEEP", "NCE"):
                second.add_column(name)
            for site in self.sites:
                told = (site.away, site.home, site.distance, site.leep, site.nce)
                second.add_row(site.site, str(site.studies), *("unknown" if c is None else str(c) for c in told))
            parts.append(second)
        parts.append(Text("95 % intervals over patients. H-score, TransRate, LEEP and NCE stand less what permuted "
                          "labels give. Scores are compared within a column; the probe is the measurement."))
        return Group(*parts)


def rank(
    config: Config | str | Path, *, backbones: Sequence[str] = (), draws: int = 100, out: Path | None = None,
    progress: Progress | None = None,
) -> Ranking:
    """Scores candidate backbones and layers, and the config's source sites, before any training.

    Layers are scored on the visible target labels where there are enough, else on the source's training labels; nothing
    else is read, and no test study.

    Args:
        config: a config, or a file or shipped name of one.
        backbones: candidates beside the config's own.
        draws: of patients, behind the intervals of the scores.
        out: a JSON file to write too.
        progress: where to report to.

    Returns:
        The ranking.

    Raises:
        ConfigError: a multilabel task, or mistakes in the config.
        DataError: scans or tables that cannot be read.
    """
    progress = progress or QUIET
    config = config if isinstance(config, Config) else load_config(config)
    assembly = assemble(config, progress)
    if assembly.task.kind == "multilabel":
        raise ConfigError("rank: scores one label of exclusive classes, or one number; choose task.label")
    names = dict.fromkeys((config.model.backbone, *backbones))
    seen = {name: _seen(replace(config, model=replace(config.model, backbone=name)), assembly, progress)
            for name in names}
    classes = 0 if assembly.task.kind == "regression" else assembly.task.outputs
    some = next(iter(seen.values()))[0]
    judged = _judged(some, classes)
    where = "visible target labels" if judged == "target" else "the source's training labels"
    figure = "R²" if classes == 0 else "AUROC" if classes == 2 else "accuracy"
    scores = []
    with doing(progress, "scoring layers", sum(len(layers) for _, layers in seen.values())) as steps:
        for name, (table, layers) in seen.items():
            for layer, columns in layers.items():
                scores.append(_layer(name, layer, columns, table, judged, classes, draws))
                steps.advance()
    scores.sort(key=lambda one: -one.probe.value)
    sites: tuple[SiteScore, ...] = ()
    if classes and scores:
        table, layers = seen[scores[0].backbone]
        sites = _sites(table, {scores[0].layer: layers[scores[0].layer]}, classes, draws)
    found = Ranking(where, tuple(scores), sites, figure)
    if out is not None:
        write_json(out, found.as_json())
    return found


def _seen(
    config: Config, assembly: Assembly, progress: Progress
) -> tuple[Table, dict[str, NDArray[np.float32]]]:
    """Features of every layer of one backbone, of the studies that may be seen."""
    task = assembly.training_task
    model = build_model(config.model, task=task, seed=config.train.seed, say=progress.say)
    layers = layers_of(model.encoder)
    whole = probed(model, layers, ("mean", "std"))
    loader = PairLoader(
        assembly.prepared, assembly.cohort, batch_size=config.train.batch_size, seed=config.train.seed, augment="none",
        domains=config.sites.domains, with_target=False,
    )
    device = open_device(config.train)
    whole.to(device.torch)
    with doing(progress, f"looking through {config.model.backbone}"):
        table = extract(whole, loader, device)
    tapped = whole.describe()["tap"]
    ends = np.cumsum([2 * width for width in tapped["widths"]])
    columns = {layer: table.features[:, end - 2 * width: end]
               for layer, width, end in zip(layers, tapped["widths"], ends, strict=True)}
    return table, columns


def _judged(table: Table, classes: int) -> str:
    labels = table.labels[:, 0]
    target = labels[~table.is_source & ~np.isnan(labels)]
    enough = len(target) >= 8 if classes == 0 else (
        len(np.unique(target)) == classes and all((target == c).sum() >= 3 for c in range(classes)))
    return "target" if enough else "source"


def _patients(table: Table) -> tuple[str, ...]:
    return tuple(f"{site}\t{name}" if name else "" for site, name in zip(table.site, table.patient, strict=True))


def _layer(
    backbone: str, layer: str, columns: NDArray[np.float32], table: Table, judged: str, classes: int, draws: int
) -> LayerScore:
    labels = table.labels[:, 0].astype(np.float64)
    rows = np.flatnonzero(~np.isnan(labels) & (table.is_source == (judged == "source")))
    patients = _patients(table)
    white = Coordinates.of({layer: columns}, (layer,), table.is_source, rows)
    z, y = white.z, labels[rows]
    whose = [patients[i] for i in rows]
    if classes == 0:
        alike = np.zeros(len(y), dtype=np.int64)
        evidence = over_patients(lambda at: logme_regression(z[at], _unit(y[at])), alike, whose, draws=draws)
        return LayerScore(backbone, layer, columns.shape[1], evidence, None, None,
                          _probe(layer, columns, table, judged, classes))
    codes = y.astype(np.int64)
    spread = h_score(z, codes) - less_null(lambda c: h_score(z, c), codes, draws=NULL_DRAWS).gain
    rate = transrate(z, codes) - less_null(lambda c: transrate(z, c), codes, draws=NULL_DRAWS).gain
    return LayerScore(
        backbone, layer, columns.shape[1],
        over_patients(lambda at: logme(z[at], codes[at]), codes, whose, draws=draws),
        over_patients(lambda at: h_score(z[at], codes[at]) - spread, codes, whose, draws=draws),
        over_patients(lambda at: transrate(z[at], codes[at]) - rate, codes, whose, draws=draws),
        _probe(layer, columns, table, judged, classes),
    )


def _unit(y: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = (y - y.mean()) / max(float(y.std()), 1e-12)
    return unit


def _probe(
    layer: str, columns: NDArray[np.float32], table: Table, judged: str, classes: int
) -> Bounded:
    """Held-out score of a probe on one layer, folds by patient."""
    labels = table.labels[:, 0].astype(np.float64)
    kind: Kind = "ridge" if classes == 0 else "lda"
    standing = candidates([(layer,)], (kind,))[:1]
    search = Search(standing, classes, "source" if judged == "source" else "target", repeats=3)
    one = search.fit(Rows({layer: columns}, labels, _patients(table), table.is_source)).scored[0]
    unit = 1.0
    if classes == 0:
        rows = ~np.isnan(labels) & (table.is_source == (judged == "source"))
        unit = max(float(labels[rows].var()), 1e-12)
    value, reach = 1.0 - one.loss / unit, 1.96 * one.error / unit
    return Bounded(value, value - reach, value + reach)


def _sites(
    table: Table, columns: Mapping[str, NDArray[np.float32]], classes: int, draws: int
) -> tuple[SiteScore, ...]:
    layers = tuple(columns)
    labels = table.labels[:, 0].astype(np.float64)
    patients = _patients(table)
    names = np.array(table.site)
    target = ~table.is_source
    known = target & ~np.isnan(labels)
    if not target.any():
        return ()
    whose = [patients[i] or f"row {i}" for i in range(len(table))]
    enough = len(np.unique(labels[known])) == classes
    found = []
    for site in dict.fromkeys(names[table.is_source].tolist()):
        rows = np.flatnonzero(table.is_source & (names == site) & ~np.isnan(labels))
        if len(np.unique(labels[rows])) < classes:
            continue
        space = Whitening.of(columns, layers, table.is_source & (names == site))
        there = Whitening.of(columns, layers, target)
        pick = {name: values[rows] for name, values in columns.items()}
        machine = fit_machine("lda", space.apply(pick), labels[rows], np.ones(len(rows)), strength=0.0, classes=classes,
                              width=len(space.mean))
        home = _probe_at(columns, labels, patients, rows, classes)
        far = proxy_a_distance(
            np.concatenate([columns[n][rows] for n in layers], axis=1),
            np.concatenate([columns[n][target] for n in layers], axis=1),
            [whose[i] for i in rows], [whose[i] for i in np.flatnonzero(target)],
        )
        away = transfer = entropy = None
        if enough:
            at = np.flatnonzero(known)
            said = machine(there.apply({name: values[at] for name, values in columns.items()}))
            codes = labels[at].astype(np.int64)
            away, transfer, entropy = _away(said, codes, [patients[i] for i in at], classes, draws)
        distance = Bounded(far.value, far.low, far.high)
        found.append(SiteScore(str(site), len(rows), distance, transfer, entropy, home, away))
    return tuple(sorted(found, key=lambda one: -(one.away.value if one.away else -one.distance.value)))


def _probe_at(
    columns: Mapping[str, NDArray[np.float32]], labels: NDArray[np.float64], patients: tuple[str, ...],
    rows: NDArray[np.int64], classes: int,
) -> Bounded:
    search = Search(candidates([tuple(columns)], ("lda",))[:1], classes, "source", repeats=3)
    inside = Rows({name: values[rows] for name, values in columns.items()}, labels[rows],
                  tuple(patients[i] for i in rows), np.ones(len(rows), dtype=bool))
    one = search.fit(inside).scored[0]
    return Bounded(1.0 - one.loss, 1.0 - one.loss - 1.96 * one.error, 1.0 - one.loss + 1.96 * one.error)


def _away(
    said: NDArray[np.float64], codes: NDArray[np.int64], patients: list[str], classes: int, draws: int
) -> tuple[Bounded, Bounded, Bounded]:
    """AUROC (or accuracy), LEEP and NCE of a source's answers on labelled target studies."""
    shares = np.exp(said - said.max(axis=1, keepdims=True))
    shares = shares / shares.sum(axis=1, keepdims=True)
    hard = said.argmax(axis=1)

    def right(at: NDArray[np.int64]) -> float:
        if classes > 2:
            return float((hard[at] == codes[at]).mean())
        margin = said[at, 1] - said[at, 0]
        gap = margin[codes[at] == 1][:, None] - margin[codes[at] == 0][None, :]
        return float(((gap > 0) + 0.5 * (gap == 0)).mean())

    chance_leep = leep(shares, codes) - less_null(lambda c: leep(shares, c), codes, draws=NULL_DRAWS).gain
    chance_nce = nce(hard, codes) - less_null(lambda c: nce(hard, c), codes, draws=NULL_DRAWS).gain
    return (
        over_patients(right, codes, patients, draws=draws),
        over_patients(lambda at: leep(shares[at], codes[at]) - chance_leep, codes, patients, draws=draws),
        over_patients(lambda at: nce(hard[at], codes[at]) - chance_nce, codes, patients, draws=draws),
    )
