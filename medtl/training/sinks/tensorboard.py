"""Event files that TensorBoard reads; written record by record, so that no host name stands in the file's name."""
from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medtl.training.sinks.base import Scalar

FILE = "events.out.tfevents.medtl"


class TensorBoard:
    """Writes scalars, and the config as text; look with ``tensorboard --logdir runs``.

    Args:
        folder: emptied first: a resumed run gives everything again.
        run: the run's name; not written.
    """

    def __init__(self, folder: Path, run: str) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._path = folder / FILE
        self._write([Event(wall_time=time.time(), file_version="brain.Event:2")])

    def begin(self, config: Mapping[str, str]) -> None:
        """Notes the config as a table."""
        from tensorboard.plugins.text.metadata import create_summary_metadata
        from tensorboard.util.tensor_util import make_tensor_proto

        rows = ["| key | value |", "|---|---|", *(f"| {key} | {value} |" for key, value in config.items())]
        told = make_tensor_proto("\n".join(rows))
        about = create_summary_metadata(display_name="config", description="")
        self._write([_event("config", 0, tensor=told, metadata=about)])

    def write(self, scalars: Sequence[Scalar]) -> None:
        """Adds numbers."""
        self._write([_event(scalar.tag, scalar.step, simple_value=scalar.value) for scalar in scalars])

    def close(self) -> None:
        """Nothing is open between writes."""

    def _write(self, events: Sequence[Any]) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self._path.open("ab") as file:
            records = RecordWriter(file)
            for event in events:
                records.write(event.SerializeToString())


def _event(tag: str, step: int, **value: Any) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Event(wall_time=time.time(), step=step, summary=Summary(value=[Summary.Value(tag=tag, **value)]))
