"""One run, one folder: what is in it, whether it is finished, and who may write to it.

A folder is fresh (nothing in it), unfinished (a config, no ``DONE``) or finished. It is never overwritten: the same
config resumes or is told that it is done; another one is shown the differences and stops.
"""
from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from medtl.atomic import write_json, write_text
from medtl.config.document import read_document
from medtl.config.dump import differences, dump_config, resolved
from medtl.config.sections import Config
from medtl.errors import ConfigError, DataError, RunStateError
from medtl.types import nearest

if sys.platform != "win32":
    import fcntl

Opening: TypeAlias = Literal["fresh", "resume", "finished"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")
_SHOWN_DIFFERENCES = 12


@dataclass(frozen=True)
class RunFolder:
    """A run's folder. Making one touches nothing on disk.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def is_finished(self) -> bool:
        """Whether ``DONE`` was written, which is last."""
        return (self.path / "DONE").is_file()

    @property
    def baseline(self) -> RunFolder:
        """The source-only run that this one is compared with."""
        return RunFolder(self.path / "baseline")

    def open_for_training(self, config: Config) -> Opening:
        """Makes the folder ready for a config, and says what is to be done.

        Args:
            config: what is to be trained, with every default.

        Returns:
            "fresh": the folder is new and holds ``config.yaml``; "resume": it was begun with this config;
            "finished": there is nothing left to do.

        Raises:
            RunStateError: it holds a run of another config, or is no run's folder.
        """
        if not (self.path / "config.yaml").is_file():
            if stray := self._strays():
                raise RunStateError(
                    f"{self.path}: not a run's folder (it holds {stray[0]}); choose another one with --name or --out"
                )
            self.write_text("config.yaml", dump_config(config))
            return "fresh"
        if changed := differences(self.config_as_written(), resolved(config)):
            more = len(changed) - _SHOWN_DIFFERENCES
            raise RunStateError(
                f"{self.path}: holds a run of another config; give this one its own --name, or undo what differs:",
                *(f"  {line}" for line in changed[:_SHOWN_DIFFERENCES]),
                *([f"  and {more} more"] if more > 0 else []),
            )
        return "finished" if self.is_finished else "resume"

    def _strays(self) -> list[str]:
        if not self.path.exists():
            return []
        if not self.path.is_dir():
            return ["a file of that name"]
        return [entry.name for entry in sorted(self.path.iterdir()) if not entry.name.startswith(".")]

    def config_as_written(self) -> dict[str, Any]:
        """The run's full config as plain data.

        Raises:
            RunStateError: there is none, or it cannot be read.
        """
        path = self.path / "config.yaml"
        if not path.is_file():
            raise RunStateError(f"{self.path}: not a run's folder (it has no config.yaml)")
        document = read_document(path)
        if document.mistakes or not document.data:
            raise RunStateError(f"{path}: damaged; it was written by medtl and should not be edited")
        return document.data

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes out of the folder; a lock dies with its process, however that ends.

        Raises:
            RunStateError: another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / ".lock", "a+", encoding="ascii") as lock:
            if sys.platform != "win32":
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    lock.seek(0)
                    who = lock.read().strip() or "unknown"
                    raise RunStateError(
                        f"{self.path}: another process ({who}) is writing to this run; wait for it, or use --name"
                    ) from error
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def write_text(self, name: str, text: str) -> Path:
        """Writes a file of the run whole; returns its path."""
        write_text(self.path / name, text)
        return self.path / name

    def write_json(self, name: str, value: Any) -> Path:
        """Writes a JSON file of the run whole; returns its path. NaN is not JSON and raises ValueError."""
        write_json(self.path / name, value)
        return self.path / name

    def read_json(self, name: str) -> Any:
        """What a JSON file of the run holds.

        Raises:
            RunStateError: there is no such file, or it is damaged.
        """
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunStateError(f"{path}: not there; the run is unfinished: train it again to resume") from error
        except (ValueError, OSError) as error:
            raise RunStateError(f"{path}: damaged: {error}") from error

    def same_data(self, digest: str) -> None:
        """Notes the data of a new run; stops a resumed one whose data have changed since it began.

        Args:
            digest: of scans, splits and visible labels.

        Raises:
            RunStateError: they have changed.
        """
        if not (self.path / "data.json").is_file():
            self.write_json("data.json", {"digest": digest})
        elif self.read_json("data.json")["digest"] != digest:
            raise RunStateError(
                f"{self.path}: its scans, splits or visible labels have changed since this run began; start a new one "
                "with --name, or put the data back"
            )

    def finish(self) -> None:
        """Writes ``DONE``: everything else is in place."""
        self.write_text("DONE", "finished\n")

    def require_finished(self) -> None:
        """Raises RunStateError unless the run is finished."""
        if not self.is_finished:
            self.config_as_written()
            raise RunStateError(f"{self.path}: this run is unfinished; `medtl train` it again to resume")


def new_run(config: Config, name: str | None = None, out: Path | None = None) -> RunFolder:
    """Where a config's run goes: ``runs/NAME``.

    Args:
        config: names the run by its file's stem, unless ``name`` does.
        name: a single folder name.
        out: the folder of runs; ``./runs`` if None.

    Raises:
        ConfigError: the name cannot be a folder's.
    """
    chosen = name if name is not None else config.stem
    if not _NAME.fullmatch(chosen):
        raise ConfigError(
            f"--name {chosen!r}: expected letters, digits, spaces and . _ - (a single folder name of 100 at most)"
        )
    return RunFolder((out or Path("runs")) / chosen)


def find_run(name: str | Path, out: Path | None = None) -> RunFolder:
    """The run that a user names, by its path or by its name in the folder of runs.

    Raises:
        DataError: there is none; the nearest name is in the message.
    """
    runs = out or Path("runs")
    for path in (Path(name), runs / name):
        if (path / "config.yaml").is_file():
            return RunFolder(path)
    if Path(name).exists():
        raise DataError(f"{name}: not a run's folder (it has no config.yaml)")
    known = sorted(path.parent.name for path in runs.glob("*/config.yaml"))
    hint = nearest(str(name), known)
    raise DataError(
        f"{name}: no such run" + (f"; did you mean {hint}?" if hint else ".")
        + (f" In {runs}: {', '.join(known[:10])}" if known else f" {runs}/ holds no runs yet")
    )
