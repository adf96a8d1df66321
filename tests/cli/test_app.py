"""The command line as its user meets it: exit codes, streams, did you mean, and no traceback."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from medtl.cli.failure import guarded


def run(*words: str) -> int:
    return guarded(list(words))


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["-h"]):
        assert run(*words) == 0
        shown = capsys.readouterr().out
        for command in ("train", "evaluate", "export", "predict", "compare", "scan", "check", "init", "list", "methods",
                        "schema", "where", "cache"):
            assert f"\n  {command} " in shown
            assert run(command, "-h") == 0
            capsys.readouterr()


def test_an_unknown_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("trian") == 2
    assert capsys.readouterr().err == "medtl trian: no such command; did you mean `medtl train`?\n"
    assert run("xyzzy") == 2
    assert "expected one of train, evaluate" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["train"], ["train", "--confg", "x"], ["cache", "shrink"], ["evaluate"], ["scan"]])
def test_wrong_usage_exits_2_without_a_traceback(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    assert "Usage: medtl" in shown.err


def test_five_mistakes_are_five_lines_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "five.yaml"
    path.write_text(
        "task: {label: x}\ndata: {manifest: t.csv, max_refused: 7}\nsites: {source: [a], target: [a]}\n"
        "model: {pooling: maen}\ntrain: {epochs: many, sed: 1}\n"
    )
    assert run("train", "--config", str(path)) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [line.split(": ")[:2] for line in shown.err.splitlines()] == [
        [f"{path}:2", "data.max_refused"], [f"{path}:3", "sites.target"], [f"{path}:4", "model.pooling"],
        [f"{path}:5", "train.epochs"], [f"{path}:5", "train.sed"],
    ]
    assert not (tmp_path / "runs").exists()


def test_an_unknown_config_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--config", "chest_tc.yaml") == 2
    error = capsys.readouterr().err
    assert "did you mean chest_ct?" in error
    assert "covid_ct" in error


def test_runs_that_are_not_there_exit_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in ("evaluate", "export"):
        assert run(verb, "chest_ct") == 3
        assert "no such run" in capsys.readouterr().err


def test_list_prints_names_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("methods", "backbones", "sources", "metrics", "configs", "cards", "exports", "tasks"):
        assert run("list", kind, "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert all(entry["name"] for entry in found)
        assert run("list", kind) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == [entry["name"] for entry in found]
    assert run("list", "method") == 2
    assert "did you mean methods?" in capsys.readouterr().err


def test_methods_shows_options_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("methods", "dan") == 0
    shown = capsys.readouterr().out
    assert "weight: a number of 0 or more; default 1.0" in shown
    assert "mapping: [{method: dan}]" in shown
    assert run("methods", "dna") == 2
    assert "did you mean" in capsys.readouterr().err


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "medtl config"


def test_where_tells_only_what_it_saw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from medtl.io.identity import remember, start_project

    monkeypatch.chdir(tmp_path)
    start_project(tmp_path)
    remember("0123456789ab", tmp_path / "scan.dcm")
    assert run("where", "0123456789ab") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'scan.dcm'}\n"
    assert run("where", "ba9876543210") == 3
    assert run("where", "nonsense") == 2


def test_cache_is_measured_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEDTL_CACHE", str(tmp_path / "cache"))
    assert run("cache", "size") == 0
    assert "0 files, 0.0 MB" in capsys.readouterr().out
    (tmp_path / "cache" / "deep").mkdir(parents=True)
    (tmp_path / "cache" / "deep" / "x.npy").write_bytes(b"x" * 2_000_000)
    assert run("cache", "size") == 0
    assert "1 files, 2.0 MB" in capsys.readouterr().out
    assert run("cache", "clear") == 0
    assert not (tmp_path / "cache").exists()
    assert run("cache", "clear") == 0


def test_the_console_script_and_the_module_are_the_same() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "medtl", "--version"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0
    assert ended.stdout.startswith("medtl ")


def test_a_closed_pipe_is_no_error() -> None:
    """`true` ends at once, so that whatever is printed has no reader."""
    script = f"{sys.executable} -m medtl list methods | true; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == "0\n"
    assert ended.stderr == ""
