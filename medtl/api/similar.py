"""``similar``: the studies nearest to one, across the hospitals of a run, and a page of their pictures."""
from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import numpy as np
from markupsafe import Markup

from medtl.api.assemble import dataset, listed, task_of
from medtl.atomic import write_text
from medtl.config.load import load_config
from medtl.data.cache import ScanCache
from medtl.data.prepare import prepare
from medtl.data.transforms import Preprocess
from medtl.errors import ConfigError, RunStateError
from medtl.evaluation.kept_features import FILE, read_features
from medtl.evaluation.similar import Neighbour, Similar, similar_studies
from medtl.io.thumbnail import picture, png
from medtl.predictions import read_predictions
from medtl.progress import QUIET, Progress
from medtl.run import RunFolder
from medtl.types import Cohort, Role, Split

SIDE = 144
"""Pixels of a picture's longer side."""


def similar(
    run: Path, study: str, *, site: str | None = None, count: int = 5, per_site: bool = False,
    page: Path | None = None, root: Path | None = None, progress: Progress | None = None,
) -> Similar:
    """Finds the studies nearest to one by the run's network: by hash codes (`dah`), else by features.

    Args:
        run: a finished run's folder.
        study: id of the study, as in predictions.csv.
        site: its hospital, where the id stands at several.
        count: how many to find.
        per_site: so many at every hospital, instead of in all.
        page: an HTML file to write, with a masked picture of each.
        root: the folder of the scans, for the pictures, where the data card does not say it.
        progress: where to report to.

    Returns:
        The nearest studies of other patients.

    Raises:
        RunStateError: the run is unfinished, or kept no features.
        DataError: no such study.
        ConfigError: ``count`` is not positive.
    """
    if count < 1:
        raise ConfigError(f"--count: found {count}, expected at least 1")
    RunFolder(run).require_finished()
    kept = read_features(run)
    if kept is None:
        raise RunStateError(f"{run}: has no {FILE}, as runs of an earlier medtl; train the run again")
    answers = read_predictions(run / "predictions.csv")
    found = similar_studies(kept, answers.where(answers.model == answers.models[0]), study, site=site, count=count,
                            per_site=per_site)
    if page is not None:
        write_text(page, _page(run, found, root, progress or QUIET))
    return found


def _page(run: Path, found: Similar, root: Path | None, progress: Progress) -> str:
    shown = (found.query, *found.found)
    pictures = _pictures(run, shown, root, progress)
    cards = [
        Markup('<figure><img alt="masked middle slice" src="data:image/png;base64,{}"><figcaption><b>{}</b><br>{}{}<br>'
               "{}, label {}<br>{}</figcaption></figure>").format(
            b64encode(pictures[one.site, one.study]).decode() if (one.site, one.study) in pictures else "",
            one.study, one.site, f", {one.scanner}" if one.scanner else "", one.role, one.label or "unknown",
            "asked for" if k == 0 else f"{found.by}: {one.distance:.4g}")
        for k, one in enumerate(shown)
    ]
    style = "body{font:14px sans-serif;margin:2em}figure{display:inline-block;margin:0 1em 1em 0;vertical-align:top}"
    return str(Markup(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Studies similar to {0}</title><style>{1}</style>'
        "<h1>Studies similar to {0}</h1><p>By {2}. Whatever may be burned-in text is masked. Research use only.</p>{3}"
        "</html>\n"
    ).format(found.query.study, Markup(style), found.by, Markup("").join(cards)))


def _pictures(
    run: Path, shown: tuple[Neighbour, ...], root: Path | None, progress: Progress
) -> dict[tuple[str, str], bytes]:
    """A masked slice of each study, as PNG."""
    written = RunFolder(run).config_as_written()
    if root is not None:
        written["data"]["root"] = str(root)
    config = load_config(written)
    data = dataset(config)
    catalogue = listed(data, task_of(config, data.card), progress)
    wanted = {(one.site, one.study) for one in shown}
    first: dict[tuple[str, str], int] = {}
    for row, item in enumerate(catalogue.items):
        if (item.site, item.study) in wanted:
            first.setdefault((item.site, item.study), row)
    shows = set(first.values())
    role: tuple[Role, ...] = tuple("target" if row in shows else "unused" for row in range(len(catalogue.items)))
    split: tuple[Split, ...] = tuple("test" if one == "target" else "unused" for one in role)
    cohort = Cohort(catalogue, role, split, np.ones(len(role), dtype=np.bool_))
    prepared = prepare(cohort, Preprocess(replace(config.data.input)), ScanCache(), max_refused=1.0, progress=progress)
    drawn = {}
    for key, row in first.items():
        if prepared.kept[row]:
            array = np.asarray(prepared.array(row))
            drawn[key] = png(picture(array[len(array) // 2, 0], side=SIDE, frame=True))
    return drawn
