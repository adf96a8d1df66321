"""Failures: lines on stderr and a code; tracebacks only in a private file, or where they are asked for."""
from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medtl.cli import app
from medtl.cli.failure import guarded
from medtl.errors import ConfigError, DataError, IntegrityError, MedtlError, RunStateError, WeightsError


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def run(words: list[str]) -> int:
        raise error

    monkeypatch.setattr(app, "run", run)
    return guarded([])


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError, 2), (DataError, 3), (RunStateError, 3), (WeightsError, 4), (IntegrityError, 5), (MedtlError, 1)],
)
def test_errors_are_their_lines_and_their_code(
    error: type[MedtlError], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(monkeypatch, error("first", "second")) == code
    shown = capsys.readouterr()
    assert shown.err == "first\nsecond\n"
    assert shown.out == ""


def test_a_bug_is_one_line_and_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEDTL_STATE", str(tmp_path))
    assert failing(monkeypatch, RuntimeError("tensor\nof wrong shape")) == 1
    error = capsys.readouterr().err
    (saved,) = (tmp_path / "faults").iterdir()
    assert error.count("\n") == 1
    assert "RuntimeError: tensor of wrong shape" in error
    assert str(saved) in error
    assert "Traceback" not in error
    assert "Traceback" in saved.read_text()
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MEDTL_DEBUG", "1")
    assert failing(monkeypatch, ConfigError("wrong")) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_bug_is_told_even_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDTL_STATE", str(tmp_path / "file" / "below"))
    assert failing(monkeypatch, RuntimeError("x")) == 1
    assert "MEDTL_DEBUG=1" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 3), (errno.EDQUOT, 3), (errno.EIO, 1)])
def test_a_full_disk_is_told_wherever_it_strikes(
    number: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(monkeypatch, OSError(number, os.strerror(number))) == code
    assert ("the disk is full" in capsys.readouterr().err) == (code == 3)


def test_ctrl_c_exits_130_and_says_how_to_go_on(tmp_path: Path) -> None:
    """A real interrupt, in a command that waits: it reads a config from a pipe that nobody fills."""
    pipe = tmp_path / "config.yaml"
    os.mkfifo(pipe)
    script = (
        "import pathlib, medtl.config.locate as locate; locate._find = lambda *a: pathlib.Path(a[1]);"
        "from medtl.cli import main; import medtl.config.load; print('ready', flush=True); main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, "train", "--config", str(pipe)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error == "interrupted: nothing that was finished is lost; run the same command again to resume\n"
