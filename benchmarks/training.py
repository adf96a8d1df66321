"""Training behind a frozen network: medtl against a plain PyTorch loop in one process, same threads, same batches.

ResNet-18 (random start, the same for both), frozen as a whole, adaptation layer of 256, DAN, 500 pictures at 224 x 224
of two sites, batch 32 of each site, 20 epochs, validation and test pictures predicted after each. medtl's time is that
of the whole engine, cold: trial of layouts, forwards of the front, steps, predictions, checkpoints. The plain loop
(`plain_loop.py`) holds its pictures in memory; one epoch of it is timed after a warm step, and taken 20 times. Then
another method, DANN, on the same scans. The AUROC of the plain loop comes from the same loop run to its end on features
computed once; seeds differ in order and in the start of what is trained.

The pictures are those of chest_ct below the folder that MEDTL_BENCH_DATA names; without it, random blots of two
"sites".
"""
from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.frame.absent import Absent, data_folder
from benchmarks.frame.figures import Ratio, Row, Table
from benchmarks.plain_loop import Looped, Network, Pictures, loop
from benchmarks.sweep import elsewhere

EPOCHS, BATCH, SIZE, LR = 20, 32, 224, 1e-3
SEEDS = (0, 1, 2)


def run(quick: bool = False) -> list[Row]:
    """Trains by both, and once more with another method."""
    from medtl.training.memory import keep_freed_memory

    with elsewhere() as folder, tempfile.TemporaryDirectory() as made:
        scans = Scans(Path(made), quick)
        plain = _plain_frozen(scans)
        keep_freed_memory()
        first = engine(scans, folder, "dan", 0)
        later = engine(scans, folder, "dann", 0)
        again = engine(scans, folder, "dan", 0, name="again")
        ours = [first, *(engine(scans, folder, "dan", seed) for seed in SEEDS[1:])]
        return _frozen_rows(scans, plain, first, later, again, ours)


class Scans:
    """500 pictures of two sites, prepared once and split as medtl splits them."""

    def __init__(self, folder: Path, quick: bool) -> None:
        from medtl.config.load import load_config

        count = 60 if quick else 500
        self.size = 64 if quick else SIZE
        self.epochs = 3 if quick else EPOCHS
        self.batch = 8 if quick else BATCH
        try:
            rows, self.what = _real(data_folder("chest_ct"), count), "chest_ct"
        except Absent:
            rows, self.what = _blots(folder, count, self.size), "random blots"
        lines = ["path,site,patient,positive"]
        for number, (path, site, patient, label) in enumerate(rows):
            link = folder / f"{number}{path.suffix}"
            if not link.exists():
                link.symlink_to(path.resolve())
            lines.append(f"{link.name},{site},{patient},{label}")
        (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
        self.folder = folder
        self.config = load_config({
            "task": {"name": "classification", "label": "positive"},
            "data": {"root": str(folder), "manifest": "manifest.csv", "augment": "none",
                     "input": {"window": "none", "size": self.size, "slices": 1}},
            "sites": {"source": ["a"], "target": ["b"]},
            "model": {"backbone": "resnet18", "weights": "none", "adaptation": 256},
            "train": {"epochs": self.epochs, "batch_size": self.batch, "lr": LR},
        })

    def assembled(self) -> Any:
        """What ``medtl train`` reads."""
        from medtl.api.assemble import assemble
        from medtl.progress import QUIET

        return assemble(self.config, QUIET)

    def pictures(self, assembly: Any, role: str, *splits: str) -> Pictures:
        """The same rows for the plain loop."""
        items = assembly.cohort.catalogue.items
        rows = assembly.cohort.rows(role, *splits)
        return Pictures([items[i].path for i in rows], [int(items[i].labels[0]) for i in rows], self.size)


def _real(folder: Path, count: int) -> list[tuple[Path, str, str, str]]:
    import csv

    with (folder / "studies.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    chosen = []
    for site, name in (("ucsd", "a"), ("saopaulo", "b")):
        of_site = [row for row in table if row["site"] == site]
        for k in np.linspace(0, len(of_site) - 1, count // 2).astype(int):
            row = of_site[k]
            chosen.append((folder / row["path"], name, row["patient"] or f"{site}-{k // 4}", row["covid"]))
    return chosen


def _blots(folder: Path, count: int, size: int) -> list[tuple[Path, str, str, str]]:
    made, rows = np.random.default_rng(0), []
    for number in range(count):
        site, label = "ab"[number % 2], number // 2 % 2
        picture = 80 + 40 * made.random((size, size)) + 20 * (site == "b")
        down, across = made.integers(0, size // 2, 2)
        picture[down:down + size // 4, across:across + size // 4] += 60 * label
        path = folder / f"made-{number}.png"
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path)
        rows.append((path, site, f"p{number}", str(label)))
    return rows


def fewer(cohort: Any, limit: int) -> Any:
    """The cohort with so many source training rows, and nothing to predict but a few validation rows."""
    kept = {"train": limit, "val": 8}
    split = []
    for role, part in zip(cohort.role, cohort.split, strict=True):
        stays = role == "source" and kept.get(part, 0) > 0
        kept[part] = kept.get(part, 0) - stays
        split.append(part if stays else "unused")
    return replace(cohort, split=tuple(split))


def _methods(name: str) -> list[Any]:
    from medtl import registry

    frozen = registry.load("methods", "freeze")(until="all")
    return [] if name == "tune" else [frozen, registry.load("methods", name)()]


class Done:
    """One run of the engine: seconds, what it said, its network and its log."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.said: list[str] = []
        self.scores: np.ndarray = np.zeros(0)
        self.log: list[dict[str, Any]] = []

    def say(self, line: str) -> None:
        self.said.append(line)

    def start(self, task: str, total: int | None = None) -> None: ...
    def advance(self, steps: int = 1) -> None: ...
    def finish(self) -> None: ...


def engine(
    scans: Scans, folder: Path, method: str, seed: int, *, name: str = "", train: Any = None, wrapped: Any = None,
    limit: int | None = None,
) -> Done:
    """Everything from prepared scans to the selected network, as ``medtl train`` does it."""
    from medtl.data.loaders import PairLoader
    from medtl.models.build import build_model
    from medtl.training.device import open_device
    from medtl.training.engine import run_plan
    from medtl.training.feature_bank import predict_behind
    from medtl.training.moves import BEHIND_ENCODER
    from medtl.training.setting import make_setting
    from medtl.training.trial import settled_in

    assembly = scans.assembled()
    cohort = assembly.cohort if limit is None else fewer(assembly.cohort, limit)
    section = replace(train or scans.config.train, seed=seed)
    place = folder / f"{name or method}-{seed}{'-wrapped' if wrapped else ''}"
    place.mkdir(parents=True)
    model = build_model(scans.config.model, task=assembly.task, seed=0, say=lambda line: None)
    if seed:
        other = build_model(scans.config.model, task=assembly.task, seed=seed, say=lambda line: None)
        model.adaptation, model.head = other.adaptation, other.head
    loader: Any = PairLoader(
        assembly.prepared, cohort, batch_size=scans.batch, seed=seed, with_target=method != "tune"
    )
    if wrapped is not None:
        loader = wrapped(loader, section.epochs)
    done = Done()
    began = time.perf_counter()
    setting = make_setting(model, assembly.task, loader, section)
    trained = run_plan(_methods(method), setting, loader, section, place / "stages", place / "log.jsonl", done)
    done.seconds = time.perf_counter() - began
    if limit is None:
        still = tuple(name for name in trained.parts if name not in BEHIND_ENCODER)
        device = open_device(section, settled_in(place).arithmetic)
        logits = predict_behind(trained, still, loader, assembly.cohort.rows("target", "test"), device).logits
        done.scores = logits[:, 1] - logits[:, 0]
    done.log = [json.loads(line) for line in (place / "log.jsonl").read_text().splitlines()]
    return done


def _plain_frozen(scans: Scans) -> tuple[Looped, list[np.ndarray]]:
    """Times one epoch, and runs the same loop to its end on features for the scores."""
    from medtl.models.build import build_model

    assembly = scans.assembled()
    backbone = build_model(scans.config.model, task=assembly.task, seed=0, say=lambda line: None).encoder.net
    weights = backbone.state_dict()
    source, target = scans.pictures(assembly, "source", "train"), scans.pictures(assembly, "target", "adapt")
    scored = [scans.pictures(assembly, "source", "val"), scans.pictures(assembly, "target", "test")]
    torch.manual_seed(0)
    for pictures in (source, target, *scored):
        for number in range(len(pictures)):
            pictures[number]
    network = Network("resnet18", True, weights)
    network.eval()(torch.zeros(scans.batch, 1, scans.size, scans.size))
    timed = loop(network, source, target, scored, epochs=1, of=scans.epochs, batch=scans.batch, lr=LR)
    network = Network("resnet18", True, weights).eval()
    features = [_features(network, pictures) for pictures in (source, target, *scored)]
    scores = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        behind = Network("resnet18", True, weights)
        behind.forward = lambda rows, net=behind: (  # type: ignore[method-assign]
            (kept := net.adaptation(rows.flatten(1))), net.head(kept)
        )
        scores.append(loop(behind, features[0], features[1], features[2:], epochs=scans.epochs, of=scans.epochs,
                           batch=scans.batch, lr=LR, seed=seed).scores)
    return timed, scores


@torch.no_grad()
def _features(network: Network, pictures: Pictures) -> Pictures:
    """The same set with the backbone's features for pictures."""
    kept = Pictures(pictures.files, pictures.labels, pictures.size)
    for start in range(0, len(pictures), 32):
        images = torch.stack([pictures[i][0] for i in range(start, min(start + 32, len(pictures)))])
        deep = network.backbone((images.expand(-1, 3, -1, -1) - network.mean) / network.std)
        kept._kept |= {start + k: row.clone() for k, row in enumerate(deep)}
    return kept


def _frozen_rows(
    scans: Scans, plain: tuple[Looped, list[np.ndarray]], first: Done, later: Done, again: Done,
    ours: Sequence[Done],
) -> list[Row]:
    from sklearn.metrics import roc_auc_score

    truth = scans.pictures(scans.assembled(), "target", "test").labels
    timed, scores = plain
    whole = timed.epochs[0] * scans.epochs
    theirs = f"{whole:.0f} s ({scans.epochs} times {timed.epochs[0]:.1f} s)"
    auc = [[float(roc_auc_score(truth, one)) for one in which] for which in ([d.scores for d in ours], scores)]
    spread = max(max(values) - min(values) for values in auc)
    gap = abs(float(np.mean(auc[0]) - np.mean(auc[1])))
    told = next((line for line in first.said if line.startswith("feature bank")), "no bank")
    chosen = next(line for line in first.said if line.startswith("device"))
    return [
        Ratio("plain loop / medtl with the bank, seconds, first run", whole / first.seconds, f"{first.seconds:.1f} s",
              theirs, at_least=12),
        Ratio("plain loop / medtl, another method on the same scans", whole / later.seconds, f"{later.seconds:.2f} s",
              theirs, at_least=60),
        Ratio("plain loop / medtl, the same run again", whole / again.seconds, f"{again.seconds:.2f} s", theirs),
        Ratio("difference of mean AUROC / largest spread over seeds", gap / spread if spread else gap,
              ", ".join(f"{value:.3f}" for value in auc[0]), ", ".join(f"{value:.3f}" for value in auc[1]), at_most=1),
        Table(f"Said, {scans.what}, {torch.get_num_threads()} threads", ("medtl",), ((told,), (chosen,))),
    ]
