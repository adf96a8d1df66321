"""One JSON object per epoch in ``log.jsonl``, also after a run was cut off in the middle of a line."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from medtl.atomic import write_bytes


class EpochLog:
    """The log of a run.

    Args:
        path: of ``log.jsonl``; its folder exists.
        watch: called with each record once it is written, such as for sinks.
    """

    def __init__(self, path: Path, watch: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        self.path, self.watch = path, watch

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds one line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")
        if self.watch is not None:
            self.watch(record)

    def records(self) -> list[dict[str, Any]]:
        """All complete lines; a last line that was cut off is left out."""
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def rewind(self, stage: str, epochs: int) -> None:
        """Drops a line that was cut off, and what this stage logged from epoch ``epochs`` on: it will be done again."""
        if not self.path.exists():
            return
        kept = [r for r in self.records() if r.get("stage") != stage or int(r.get("epoch", -1)) < epochs]
        text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in kept)
        if text != self.path.read_text(encoding="utf-8"):
            write_bytes(self.path, text.encode())
