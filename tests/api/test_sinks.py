"""A run with sinks: every epoch of run and baseline, and every figure of metrics.json, stand in the event file."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from medtl.training.sinks._feed import figures_of, scalars_of
from tests.api.hospitals import config, hold, medtl, pictures


def test_losses_and_figures_of_a_run_are_in_the_event_file(work: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    pictures(work / "data", {"north": 24, "south": 16})
    config(work, epochs=2, baseline=True)
    said = medtl("train", "--config", work / "tiny.yaml", "--set", "train.sinks=[tensorboard]")
    assert said.code == 0, said.err
    run = work / "runs" / "tiny"
    found = accumulator.EventAccumulator(str(run / "sinks" / "tensorboard"))
    found.Reload()
    read = {(tag, event.step): event.value for tag in found.Tags()["scalars"] for event in found.Scalars(tag)}
    wanted = {}
    for folder, prefix in ((run, ""), (run / "baseline", "baseline/")):
        for line in (folder / "log.jsonl").read_text().splitlines():
            wanted |= {(s.tag, s.step): s.value for s in scalars_of(json.loads(line), prefix)}
    wanted |= {(s.tag, s.step): s.value for s in figures_of(json.loads((run / "report" / "metrics.json").read_text()))}
    assert read.keys() == wanted.keys()
    assert {("fit/loss/task", 1), ("baseline/fit/loss/task", 1)} <= read.keys()
    assert any(tag.startswith("test/south/adapted/auroc") for tag, _ in read)
    assert read == pytest.approx(wanted, rel=1e-5)
    assert hold(run / "sinks", [str(work)]) == []


def test_a_sink_that_there_is_not_is_told_with_the_nearest_name(work: Path) -> None:
    config(work)
    said = medtl("train", "--config", work / "tiny.yaml", "--set", "train.sinks=[tensorbord]")
    assert said.code == 2
    assert "did you mean tensorboard" in said.err
