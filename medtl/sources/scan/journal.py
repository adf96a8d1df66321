"""What is done of a scan, on disk as it is done, so that an interrupted scan goes on where it stopped."""
from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import IO

from medtl.io.identity import short_id
from medtl.sources.scan.judge import Judged
from medtl.sources.scan.record import SeriesRow

VERSION = 2


class Journal:
    """An append-only file of judged series; it holds no more than the tables that are made of it.

    Args:
        path: of the file; removed by :meth:`finish`.
        salt: another salt makes another scan.
        pixels: verdicts from headers do not stand for verdicts from pixels.
        resume: whether to take over what is there.
    """

    def __init__(self, path: Path, *, salt: bytes, pixels: bool, resume: bool) -> None:
        self._path = path
        self._head = {"version": VERSION, "salt": short_id(salt, "journal"), "pixels": pixels}
        self._done = self._read() if resume else {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open("a" if self._done else "w", encoding="utf-8")
        if not self._done:
            self._write(self._head)
        else:
            self._file.write("\n")  # the last line may have been cut

    def __len__(self) -> int:
        return len(self._done)

    def judged(self, series: str, mark: int) -> tuple[Judged, ...] | None:
        """What was found of a series whose files have not changed since."""
        known = self._done.get(series)
        return known[1] if known is not None and known[0] == mark else None

    def note(self, series: str, mark: int, judged: Iterable[Judged]) -> None:
        """Keeps what was found of a series."""
        rows = [{"row": asdict(each.row), "picture": None if each.picture is None
                 else base64.b64encode(each.picture).decode("ascii")} for each in judged]
        self._write({"series": series, "mark": mark, "rows": rows})

    def close(self) -> None:
        """Leaves the file for the next time."""
        self._file.close()

    def finish(self) -> None:
        """Removes the file: its rows are in the tables now."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _write(self, value: object) -> None:
        self._file.write(json.dumps(value) + "\n")
        self._file.flush()  # survives this process; a power failure costs a few series

    def _read(self) -> dict[str, tuple[int, tuple[Judged, ...]]]:
        found: dict[str, tuple[int, tuple[Judged, ...]]] = {}
        try:
            with self._path.open(encoding="utf-8") as lines:
                if json.loads(next(lines, "null")) != self._head:
                    return {}
                for line in lines:
                    try:
                        entry = json.loads(line)
                        rows = tuple(Judged(SeriesRow.from_json(each["row"]), None if each["picture"] is None
                                            else base64.b64decode(each["picture"])) for each in entry["rows"])
                        found[entry["series"]] = (int(entry["mark"]), rows)
                    except (ValueError, KeyError, TypeError):
                        continue
        except (OSError, ValueError):
            return {}
        return found
