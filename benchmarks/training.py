"""Training: medtl against a plain PyTorch loop in one process, with the same threads and the same batches.

**Frozen.** ResNet-18 (random start, the same for both), frozen as a whole, adaptation layer of 256, DAN, 500 pictures
at 224 x 224 of two sites, batch 32 of each site, 20 epochs, validation and test pictures predicted after each.
medtl's time is that of the whole engine, cold: trial of layouts, forwards of the front, steps, predictions,
checkpoints. The plain loop (`plain_loop.py`) is timed over some epochs after the first, and the mean is taken 20
times (its first epoch, which also reads the files, is counted as one of them). Then another method, DANN, on the same
scans. The AUROC of the plain loop comes from the same loop run to its end on features computed once; seeds differ in
order and in the start of what is trained.

**Fine-tuning.** The same network, all of it trained without a target, 3 epochs: medtl's loader against medtl's loop
on batches that lie in memory already, and against the plain loop; the first epoch is left out. Waiting is the time
that the loop stood still for data, as `log.jsonl` says.

The pictures are those of chest_ct below the folder that MEDTL_BENCH_DATA names; without it, random blots of two
"sites".
"""
from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
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
    """Measures the frozen network, then fine-tuning."""
    from medtl.training.memory import keep_freed_memory

    with elsewhere() as folder, tempfile.TemporaryDirectory() as made:
        scans = _Scans(Path(made), quick)
        plain = _plain_frozen(scans, 2 if quick else 3, quick)
        keep_freed_memory()
        first = _engine(scans, folder, "dan", 0)
        later = _engine(scans, folder, "dann", 0)
        again = _engine(scans, folder, "dan", 0, name="again")
        ours = [first, *(_engine(scans, folder, "dan", seed) for seed in SEEDS[1:])]
        rows = _frozen_rows(scans, plain, first, later, again, ours)
        return [*rows, *_tuned_rows(scans, folder, quick)]


class _Scans:
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
            "data": {"root": str(folder), "input": {"window": "none", "size": self.size, "slices": 1},
                     "augment": "none"},
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


def _methods(name: str) -> list[Any]:
    from medtl import registry

    frozen = registry.load("methods", "freeze")(until="all")
    return [] if name == "tune" else [frozen, registry.load("methods", name)()]


class _Done:
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


def _engine(
    scans: _Scans, folder: Path, method: str, seed: int, *, name: str = "", train: Any = None, ready: bool = False
) -> _Done:
    """Everything from prepared scans to the selected network, as ``medtl train`` does it."""
    from medtl.data.loaders import PairLoader
    from medtl.models.build import build_model
    from medtl.models.predict import predict
    from medtl.training.engine import run_plan
    from medtl.training.setting import make_setting

    assembly = scans.assembled()
    section = replace(train or scans.config.train, seed=seed)
    place = folder / f"{name or method}-{seed}{'-ready' if ready else ''}"
    place.mkdir(parents=True)
    model = build_model(scans.config.model, task=assembly.task, seed=0, say=lambda line: None)
    if seed:
        other = build_model(scans.config.model, task=assembly.task, seed=seed, say=lambda line: None)
        model.adaptation, model.head = other.adaptation, other.head
    loader: Any = PairLoader(
        assembly.prepared, assembly.cohort, batch_size=scans.batch, seed=seed, with_target=method != "tune"
    )
    if ready:
        loader = _Ready(loader, section.epochs)
    done = _Done()
    began = time.perf_counter()
    setting = make_setting(model, assembly.task, loader, section)
    trained = run_plan(_methods(method), setting, loader, section, place / "stages", place / "log.jsonl", done)
    done.seconds = time.perf_counter() - began
    logits = predict(trained, loader.scan(assembly.cohort.rows("target", "test"))).logits
    done.scores = logits[:, 1] - logits[:, 0]
    done.log = [json.loads(line) for line in (place / "log.jsonl").read_text().splitlines()]
    return done


class _Ready:
    """A loader whose batches lie in memory before an epoch begins."""

    def __init__(self, loader: Any, epochs: int) -> None:
        self._loader = loader
        self._pairs = {epoch: list(loader.epoch("fit", epoch, None, False)) for epoch in range(epochs)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def epoch(self, stage: str, epoch: int, *_: Any, **__: Any) -> Iterator[Any]:
        return iter(self._pairs[epoch])


def _plain_frozen(scans: _Scans, epochs: int, quick: bool) -> tuple[Looped, list[np.ndarray]]:
    """Times some epochs, and runs the same loop to its end on features for the scores."""
    from medtl.models.build import build_model

    assembly = scans.assembled()
    backbone = build_model(scans.config.model, task=assembly.task, seed=0, say=lambda line: None).encoder.net
    weights = backbone.state_dict()
    source, target = scans.pictures(assembly, "source", "train"), scans.pictures(assembly, "target", "adapt")
    scored = [scans.pictures(assembly, "source", "val"), scans.pictures(assembly, "target", "test")]
    torch.manual_seed(0)
    timed = loop(Network("resnet18", True, weights), source, target, scored, epochs=epochs, of=scans.epochs,
                 batch=scans.batch, lr=LR)
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


@torch.inference_mode()
def _features(network: Network, pictures: Pictures) -> Pictures:
    """The same set with the backbone's features for pictures."""
    kept = Pictures(pictures.files, pictures.labels, pictures.size)
    for start in range(0, len(pictures), 32):
        images = torch.stack([pictures[i][0] for i in range(start, min(start + 32, len(pictures)))])
        deep = network.backbone((images.expand(-1, 3, -1, -1) - network.mean) / network.std)
        kept._kept |= {start + k: row.clone() for k, row in enumerate(deep)}
    return kept


def _frozen_rows(
    scans: _Scans, plain: tuple[Looped, list[np.ndarray]], first: _Done, later: _Done, again: _Done,
    ours: Sequence[_Done],
) -> list[Row]:
    from sklearn.metrics import roc_auc_score

    truth = scans.pictures(scans.assembled(), "target", "test").labels
    timed, scores = plain
    each = float(np.mean(timed.epochs[1:]))
    whole = timed.epochs[0] + each * (scans.epochs - 1)
    theirs = f"{whole:.0f} s (epochs {', '.join(f'{s:.1f}' for s in timed.epochs)} s, extrapolated)"
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


def _tuned_rows(scans: _Scans, folder: Path, quick: bool) -> list[Row]:
    """Fine-tuning: images per second by loader, by tensors in memory and by the plain loop, and waiting."""
    from medtl.models.build import build_model

    train = replace(scans.config.train, epochs=3)
    loaded = _engine(scans, folder, "tune", 0, train=train)
    ready = _engine(scans, folder, "tune", 0, train=train, ready=True)
    assembly = scans.assembled()
    source = scans.pictures(assembly, "source", "train")
    model = build_model(scans.config.model, task=assembly.task, seed=0, say=lambda line: None)
    weights = model.encoder.net.state_dict()
    plain = loop(Network("resnet18", False, weights), source, None, [], epochs=2, of=3, batch=scans.batch, lr=LR)
    steps = -(-len(source) // scans.batch)
    rate = {}
    for name, done in (("loader", loaded), ("memory", ready)):
        rate[name] = [steps * scans.batch / (r["wait_seconds"] + r["compute_seconds"]) for r in done.log[1:]]
    rate["plain"] = [steps * scans.batch / seconds for seconds in plain.epochs[1:]]
    waiting = [r["wait_seconds"] / (r["wait_seconds"] + r["compute_seconds"]) for r in loaded.log[1:]]
    text = {name: f"{max(found):.1f} images/s ({min(found):.1f} to {max(found):.1f})" for name, found in rate.items()}
    return [
        Ratio("fine-tuning, medtl's loader / tensors in memory", max(rate["loader"]) / max(rate["memory"]),
              text["loader"], text["memory"], at_least=0.9),
        Ratio("fine-tuning, medtl / plain loop (at least 2 is wanted where the CPU has AMX)",
              max(rate["loader"]) / max(rate["plain"]), text["loader"], text["plain"]),
        Ratio("share of an epoch spent waiting for data, from the second epoch on, per cent", 100 * max(waiting),
              ", ".join(f"{100 * share:.2f}" for share in waiting), "", at_most=5),
    ]
