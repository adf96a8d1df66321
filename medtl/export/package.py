"""From a finished run to a package: a folder that is whole, checked against the run, and says what it is."""
from __future__ import annotations

import os
import platform
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import medtl
from medtl.atomic import write_text
from medtl.config.sections import InputSection
from medtl.data.cards import load_card
from medtl.data.transforms import Preprocess
from medtl.errors import ConfigError, DataError, IntegrityError
from medtl.export import contract as contracts
from medtl.export.answering import answering_for
from medtl.export.calibration import calibration_of, check_scale
from medtl.export.card import card
from medtl.export.chai_card import chai_card
from medtl.export.contract import Contract
from medtl.export.formats.onnx import Onnx
from medtl.export.front_matter import front_matter
from medtl.export.integrity import SUMS, write_sums
from medtl.export.parity import StudyReader, check_parity, chosen
from medtl.export.reference import COUNT, patterns, write_reference
from medtl.export.scans import scans_of
from medtl.export.session import ACTIVATION_OF, Session
from medtl.io.read import Choice
from medtl.models import store
from medtl.models.model import Model
from medtl.predictions import Predictions, read_predictions
from medtl.progress import Progress, doing
from medtl.run import RunFolder

CHANNELS = 1
"""Prepared scans are grey; the network repeats the channel itself."""


def export_run(
    run_folder: Path,
    out: Path | None = None,
    *,
    site: str | None = None,
    read: StudyReader | None = None,
    progress: Progress | None = None,
) -> Path:
    """Writes a run's network as a package, or nothing at all.

    The network is exported, then scores up to 64 of the run's own studies again; only where it gives the scores of
    ``predictions.csv`` does the folder appear. A package that is there already is replaced.

    Args:
        run_folder: of a finished run.
        out: the package's folder; ``export/`` within the run if None.
        site: the hospital that it answers for, where the run harmonises by hospital; its one target if None.
        read: (site, study) to the prepared arrays of its rows; None finds the scans by the project's private file.
        progress: where to report to.

    Returns:
        The package's folder.

    Raises:
        RunStateError: the run is unfinished or damaged.
        DataError: ``out`` is taken by something else, or the disk is full.
        ConfigError: a site that the run does not have, or none where it must be said.
        IntegrityError: parity does not hold.
    """
    run = RunFolder(run_folder)
    run.require_finished()
    target = out or run_folder / "export"
    _check_free(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}-{secrets.token_hex(6)}")
    staged.mkdir()
    try:
        _fill(staged, run, site, read, progress)
        write_sums(staged)
        _replace(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return target


def _fill(
    folder: Path, run: RunFolder, site: str | None, read: StudyReader | None, progress: Progress | None
) -> None:
    config, provenance = run.config_as_written(), run.read_json("provenance.json")
    report = run.read_json("report/metrics.json")
    predictions = read_predictions(run.path / "predictions.csv")
    name = predictions.models[0]  # a run without a transfer method is its own baseline
    calibration = calibration_of(config, predictions, name)
    scale = None if calibration is None else check_scale(calibration, predictions, name, _thresholds(report, name))
    predictions = predictions.where(predictions.model == name)
    model = store.load(run.path)
    preprocess = Preprocess(InputSection(**config["data"]["input"]))
    preprocess, answering = answering_for(run, config, preprocess, model, site)
    if answering is not None and answering.site is not None:
        predictions = predictions.where(predictions.site == answering.site)
    read = read or scans_of(run.path, preprocess)
    section = preprocess.section
    shape = (section.slices, CHANNELS, section.size, section.size)
    described = model.describe()
    if tuple(described["task"]["scores"]) != predictions.classes and predictions.kind != "regression":
        raise IntegrityError(
            f"{run.name}: the network's scores are {described['task']['scores']}, those of predictions.csv "
            f"{list(predictions.classes)}: they are not of one run"
        )
    activation = ACTIVATION_OF[described["task"]["kind"]]
    read(str(predictions.site[0]), str(predictions.study[0]))  # scans that are gone are told before the slow export
    with doing(progress, "exporting the network"):
        network = Onnx().write(model, shape, folder)
    session = Session(network, activation)
    parity = check_parity(session, predictions, read, progress)
    simulated = bool(provenance.get("simulated", False))
    images = _reference_images(predictions, read, shape, simulated)
    write_reference(folder, images, _logits(model, images))
    content = Contract(
        kind=described["task"]["kind"],
        labels=tuple(described["task"]["labels"]),
        scores=tuple(described["task"]["scores"]),
        activation=activation,
        shape=shape,
        preprocess=preprocess.contract(),
        series=asdict(Choice()),
        thresholds=_thresholds(report, name),
        results=report,
        model={key: value for key, value in described.items() if key not in ("task", "outputs", "head")},
        training={"model": name, **_training(config, provenance),
                  "harmonize": None if answering is None else answering.as_json()},
        simulated=simulated,
        versions=_versions(provenance),
        parity={**parity.as_json(), **({} if scale is None else {"calibration_difference": scale})},
        calibration=None if calibration is None else calibration.as_json(),
    )
    write_text(folder / contracts.FILE, content.as_json())
    unfit = _not_for(config)
    write_text(folder / "card.md", front_matter(run.name, content) + card(run.name, content, unfit))
    write_text(folder / "card.xml", chai_card(run.name, content, do_not_use_for=unfit,
                                              finished=str(provenance.get("finished", ""))))


def _reference_images(
    predictions: Predictions, read: StudyReader, shape: tuple[int, int, int, int], simulated: bool
) -> NDArray[np.float32]:
    if not simulated:
        return patterns(shape)
    rows = chosen(predictions, COUNT)
    return np.stack([np.asarray(read(str(predictions.site[row]), str(predictions.study[row]))[0]) for row in rows])


def _logits(model: Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        return np.concatenate([model(torch.from_numpy(np.array(image))[None]).numpy() for image in images])


def _thresholds(report: Mapping[str, Any], model: str) -> dict[str, Any]:
    for found in report.get("thresholds", ()):
        if found["model"] == model:
            return {"rule": found["rule"], "values": found["values"]}
    return {"rule": "none", "values": {}}


def _training(config: Mapping[str, Any], provenance: Mapping[str, Any]) -> dict[str, Any]:
    sites = config.get("sites") or {}
    return {
        "source": list(sites.get("source", ())),
        "target": list(sites.get("target", ())),
        "target_labels": sites.get("target_labels", "none"),
        "transductive": bool(sites.get("transductive", False)),
        "methods": list(provenance.get("methods", ())),
        "selection": provenance.get("selection"),
        "seed": provenance.get("seed"),
        "card": provenance.get("card"),
        "config_digest": provenance.get("config_digest"),
        "notes": list(provenance.get("notes", ())),
    }


def _versions(provenance: Mapping[str, Any]) -> dict[str, str]:
    names = ("medtl", "python", "torch", "timm", "monai", "numpy")
    found = {f"trained with {name}": str(provenance[name]) for name in names if name in provenance}
    for name in ("torch", "onnx", "onnxscript", "onnxruntime", "monai", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return {**found, "medtl": medtl.__version__, "python": platform.python_version()}


def _not_for(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What the data card warns of; a card that is not on this machine warns of nothing."""
    try:
        return tuple(load_card(config["data"]["card"]).do_not_use_for) if config["data"].get("card") else ()
    except ConfigError:
        return ()


def _check_free(target: Path) -> None:
    if target.is_dir() and not any(target.iterdir()):
        return
    if target.exists() and not (target / SUMS).is_file():
        raise DataError(f"{target}: not empty and not a package; choose another folder with --out")


def _replace(staged: Path, target: Path) -> None:
    """The new folder in the place of the old one; what a crash leaves between is the old one under a hidden name."""
    retired = target.with_name(f".{target.name}-{secrets.token_hex(6)}-old")
    if target.exists():
        os.replace(target, retired)
    os.replace(staged, target)
    shutil.rmtree(retired, ignore_errors=True)
