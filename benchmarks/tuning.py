"""Fine-tuning: does medtl's loop wait for data? ResNet-18, all of it trained, pictures of 224 x 224, batch 32.

Three epochs of 96 pictures by medtl's loader (memory-mapped scans, batches made ahead by a thread), by the same loop
on batches that lie in memory before an epoch begins, and by the plain loop (`plain_loop.py`, pictures in memory); the
first epoch is left out. Waiting is the time that the loop stood still for data, as `log.jsonl` says. The pictures are
those of `training`.
"""
from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.frame.figures import Ratio, Row
from benchmarks.plain_loop import Network, loop
from benchmarks.sweep import elsewhere
from benchmarks.training import LR, Scans, engine

PICTURES = 96


def run(quick: bool = False) -> list[Row]:
    """Images per second of the three, and the share of waiting."""
    from medtl.training.memory import keep_freed_memory

    keep_freed_memory()
    with elsewhere() as folder, tempfile.TemporaryDirectory() as made:
        return _rows(Scans(Path(made), quick), folder, 16 if quick else PICTURES)


class Ready:
    """A loader whose batches lie in memory before an epoch begins."""

    def __init__(self, loader: Any, epochs: int) -> None:
        self._loader = loader
        self._pairs = {epoch: list(loader.epoch("fit", epoch, None, False)) for epoch in range(epochs)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def epoch(self, stage: str, epoch: int, *_: Any, **__: Any) -> Iterator[Any]:
        return iter(self._pairs[epoch])


def _rows(scans: Scans, folder: Path, count: int) -> list[Row]:
    from medtl.models.build import build_model

    train = replace(scans.config.train, epochs=3)
    loaded = engine(scans, folder, "tune", 0, train=train, limit=count)
    ready = engine(scans, folder, "tune", 0, train=train, limit=count, wrapped=Ready)
    assembly = scans.assembled()
    source = scans.pictures(assembly, "source", "train")
    source.files, source.labels = source.files[:count], source.labels[:count]
    model = build_model(scans.config.model, task=assembly.task, seed=0, say=lambda line: None)
    weights = model.encoder.net.state_dict()
    plain = loop(Network("resnet18", False, weights), source, None, [], epochs=3, of=3, batch=scans.batch, lr=LR)
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
