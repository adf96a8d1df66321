"""Run folders: never overwritten, one writer at a time, whole files, DONE last."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medtl.config.load import load_config
from medtl.config.sections import Config
from medtl.errors import ConfigError, DataError, RunStateError
from medtl.run import RunFolder, find_run, new_run


def config(**train: Any) -> Config:
    return load_config({
        "task": {"label": "nodule"}, "data": {"manifest": "t.csv"}, "sites": {"source": ["a"]}, "train": train
    })


def test_fresh_then_resumed_then_finished(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "one")
    assert folder.open_for_training(config()) == "fresh"
    assert folder.open_for_training(config()) == "resume"
    assert not folder.is_finished
    with pytest.raises(RunStateError, match="unfinished"):
        folder.require_finished()
    folder.finish()
    folder.require_finished()
    assert folder.open_for_training(config()) == "finished"


def test_another_config_is_shown_its_differences_and_stops(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.open_for_training(config())
    folder.finish()
    with pytest.raises(RunStateError) as caught:
        folder.open_for_training(config(epochs=30, lr=0.5))
    assert caught.value.exit_code == 3
    assert caught.value.lines[1:] == ("  train.epochs: was 20, now 30", "  train.lr: was 0.001, now 0.5")
    assert "--name" in caught.value.lines[0]


def test_a_strangers_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunStateError, match=r"not a run's folder \(it holds thesis\.txt\)"):
        RunFolder(tmp_path).open_for_training(config())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(RunStateError, match="a file of that name"):
        RunFolder(tmp_path / "thesis.txt").open_for_training(config())


def test_a_folder_that_was_only_locked_is_fresh(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "one")
    with folder.locked():
        assert folder.open_for_training(config()) == "fresh"


def test_a_damaged_config_is_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_text("config.yaml", "a: [")
    with pytest.raises(RunStateError, match="damaged"):
        folder.open_for_training(config())


def test_a_second_process_is_kept_out_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from medtl.run import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked():\n    print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunStateError, match=rf"another process \({holder.pid}\)"), RunFolder(tmp_path).locked():
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with RunFolder(tmp_path).locked():
        assert (tmp_path / ".lock").read_text().strip() == str(os.getpid())


def test_json_goes_in_whole_and_comes_out_or_is_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_json("a.json", {"sites": ["süd"]})
    assert folder.read_json("a.json") == {"sites": ["süd"]}
    with pytest.raises(ValueError):
        folder.write_json("a.json", {"auroc": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"sites": ["süd"]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    with pytest.raises(RunStateError, match="not there"):
        folder.read_json("b.json")
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(RunStateError, match="damaged"):
        folder.read_json("c.json")


def test_names(tmp_path: Path) -> None:
    assert new_run(config()).path == Path("runs/run")
    assert new_run(config(), "mine", tmp_path).path == tmp_path / "mine"
    for bad in ("../x", "a/b", "", ".hidden", "x" * 200):
        with pytest.raises(ConfigError, match="--name"):
            new_run(config(), bad)


def test_runs_are_found_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    RunFolder(Path("runs/chest_ct")).open_for_training(config())
    assert find_run("chest_ct").path == Path("runs/chest_ct")
    assert find_run("runs/chest_ct/").path == Path("runs/chest_ct")
    with pytest.raises(DataError, match=r"did you mean chest_ct\?"):
        find_run("chest_tc")
    with pytest.raises(DataError, match=r"no config\.yaml"):
        find_run("runs")
