"""Sinks hold what log.jsonl and metrics.json hold: written for real, then read back."""
from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from medtl import registry
from medtl.errors import ConfigError
from medtl.progress import Progress
from medtl.training.log import EpochLog
from medtl.training.sinks._feed import Feed, figures_of, flat, open_feed, scalars_of
from medtl.training.sinks.base import Scalar

CONFIG = {"train": {"lr": 0.001, "sinks": ["tensorboard"]}, "sites": {"source": ["north"]}}
METRICS = {
    "results": [{"split": "test", "site": "south", "model": "adapted", "metrics": {
        "auroc": {"value": 0.75, "interval": [0.6, 0.85]}, "brier": {"value": None, "interval": None}}}],
    "gaps": [{"model": "adapted", "internal": "north", "external": "south", "value": 0.1, "interval": None}],
    "comparisons": [{"site": "south", "value": -0.02, "interval": [-0.1, 0.06]}],
}
FIGURES = {"test/south/adapted/auroc": 0.75, "test/south/adapted/auroc_low": 0.6, "test/south/adapted/auroc_high": 0.85,
           "gap/north to south/adapted/auroc": 0.1, "adapted minus baseline/south/auroc": -0.02,
           "adapted minus baseline/south/auroc_low": -0.1, "adapted minus baseline/south/auroc_high": 0.06}


def record(epoch: int, stage: str = "fit") -> dict[str, Any]:
    return {"stage": stage, "epoch": epoch, "losses": {"task": 0.5 / (epoch + 1), "dan": -0.25 * epoch},
            "diagnostics": {"dann.accuracy": 0.5}, "selection": {"rule": "last", "value": None}, "seconds": 1.5}


def run(folder: Path, name: str, epochs: Sequence[int]) -> Feed:
    """A run that logs some epochs, as the engine does."""
    folder.mkdir(parents=True, exist_ok=True)
    feed = open_feed([name], folder, CONFIG)
    log = EpochLog(folder / "log.jsonl", feed.watch(folder / "log.jsonl"))
    for epoch in epochs:
        log.append(record(epoch))
    return feed


def expected(epochs: Sequence[int]) -> dict[str, dict[int, float]]:
    out: dict[str, dict[int, float]] = {}
    for epoch in epochs:
        for scalar in scalars_of(record(epoch)):
            out.setdefault(scalar.tag, {})[scalar.step] = scalar.value
    return out | {tag: {0: value} for tag, value in FIGURES.items()}


def test_numbers_of_a_record_and_of_the_figures() -> None:
    assert scalars_of(record(3), "baseline/") == [
        Scalar("baseline/fit/loss/task", 0.125, 3), Scalar("baseline/fit/loss/dan", -0.75, 3),
        Scalar("baseline/fit/diagnostics/dann.accuracy", 0.5, 3), Scalar("baseline/fit/seconds", 1.5, 3)]
    assert scalars_of({"note": "no epoch"}) == []
    assert {s.tag: s.value for s in figures_of(METRICS)} == FIGURES
    assert flat(CONFIG)["train.lr"] == "0.001"


@pytest.fixture(params=["tensorboard", "mlflow"])
def sink(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return str(request.param)


def read(folder: Path, name: str) -> tuple[dict[str, dict[int, float]], str]:
    """Scalars by tag and step, and the config as one text."""
    if name == "tensorboard":
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = EventAccumulator(str(folder))
        found.Reload()
        tags = found.Tags()
        scalars = {tag: {e.step: e.value for e in found.Scalars(tag)} for tag in tags["scalars"]}
        assert all(len(found.Scalars(tag)) == len(steps) for tag, steps in scalars.items())
        return scalars, found.Tensors("config")[0].tensor_proto.string_val[0].decode()
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=folder.resolve().as_uri())
    experiment = client.get_experiment_by_name("medtl")
    assert experiment is not None
    (found_run,) = client.search_runs([experiment.experiment_id])
    assert found_run.info.status == "FINISHED"
    points = {tag: client.get_metric_history(found_run.info.run_id, tag) for tag in found_run.data.metrics}
    assert all(len({p.step for p in of_tag}) == len(of_tag) for of_tag in points.values())
    return {tag: {p.step: p.value for p in of_tag} for tag, of_tag in points.items()}, str(found_run.data.params)


def test_what_is_written_is_read_back(tmp_path: Path, sink: str) -> None:
    feed = run(tmp_path / "demo", sink, [0, 1, 2])
    feed.finish(METRICS)
    scalars, config = read(tmp_path / "demo" / "sinks" / sink, sink)
    wanted = expected([0, 1, 2])
    assert scalars.keys() == wanted.keys()
    for tag, steps in wanted.items():
        assert scalars[tag] == pytest.approx(steps), tag
    assert "train.lr" in config
    assert "0.001" in config


def test_a_run_that_resumes_gives_each_epoch_once(tmp_path: Path, sink: str) -> None:
    run(tmp_path / "demo", sink, [0, 1])  # cut off here
    feed = run(tmp_path / "demo", sink, [2])
    feed.finish(METRICS)
    scalars, _ = read(tmp_path / "demo" / "sinks" / sink, sink)
    assert scalars["fit/loss/task"] == pytest.approx(expected([0, 1, 2])["fit/loss/task"])


def test_no_host_no_user_and_no_path_is_written(tmp_path: Path, sink: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody")
    run(tmp_path / "demo", sink, [0]).finish(METRICS)
    needles = [str(tmp_path), socket.gethostname(), "somebody"]
    for path in (tmp_path / "demo" / "sinks").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for needle in needles:
            assert needle.encode() not in content, (path.name, needle)
            assert needle not in path.name


def test_a_sink_that_fails_is_told_of_once_and_left_out() -> None:
    class Down:
        calls = 0

        def begin(self, config: Mapping[str, str]) -> None: ...

        def write(self, scalars: Sequence[Scalar]) -> None:
            self.calls += 1
            raise ConnectionError("no route")

        def close(self) -> None:
            raise AssertionError("a sink that failed gets nothing more")

    class Listening(Progress):
        def __init__(self) -> None:
            self.lines: list[str] = []

        def say(self, line: str) -> None:
            self.lines.append(line)

    down, heard = Down(), Listening()
    feed = Feed({"down": down}, heard)  # type: ignore[dict-item]
    feed.write([Scalar("a", 1.0, 0)])
    feed.write([Scalar("a", 2.0, 1)])
    feed.finish(METRICS)
    assert down.calls == 1
    assert heard.lines == ["sink down: ConnectionError; it gets nothing more from this run"]


def test_no_sink_costs_nothing_and_a_missing_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = open_feed([], tmp_path, CONFIG)
    assert feed.watch(tmp_path / "log.jsonl") is None
    feed.finish(METRICS)
    assert not (tmp_path / "sinks").exists()
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(ConfigError, match=r"medtl\[tensorboard\]"):
        open_feed(["tensorboard"], tmp_path, CONFIG)


def test_sinks_are_found_by_their_place() -> None:
    assert registry.names("sinks") == ("mlflow", "tensorboard")
