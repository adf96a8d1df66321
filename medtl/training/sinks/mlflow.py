"""An MLflow run: in a store of files within the run's folder, or on the server that MLFLOW_TRACKING_URI names."""
from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from medtl.atomic import write_text
from medtl.training.sinks.base import Scalar

EXPERIMENT = "medtl"
BATCH = 500
"""Metrics of one request; a server takes 1,000 at most."""
LONGEST = 500
"""Letters of a parameter's value that every server takes."""
NO_PLACE = "mlflow-artifacts:/"
"""Where artifacts would go, of which there are none: a folder's absolute path would stand there otherwise."""


class MLflow:
    """Logs scalars as metrics and the config as parameters; see ``mlflow ui --backend-store-uri RUN/sinks/mlflow``.

    Where a run resumes, the MLflow run is gone on with, by the id that the folder keeps, and what is there already is
    not sent again.

    Args:
        folder: of the store, or of the id.
        run: the run's name.
    """

    def __init__(self, folder: Path, run: str) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow.tracking import MlflowClient

        uri = os.environ.get("MLFLOW_TRACKING_URI", "")
        folder.mkdir(parents=True, exist_ok=True)
        self._client = MlflowClient(tracking_uri=uri or folder.resolve().as_uri())
        self._run, self._sent = self._open(folder, run)

    def _open(self, folder: Path, run: str) -> tuple[str, set[tuple[str, int]]]:
        kept = folder / "run_id"
        if kept.is_file():
            found = kept.read_text(encoding="utf-8").strip()
            tags = self._client.get_run(found).data.metrics
            sent = {(tag, point.step) for tag in tags for point in self._client.get_metric_history(found, tag)}
            return found, sent
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        number = experiment.experiment_id if experiment else self._client.create_experiment(
            EXPERIMENT, artifact_location=NO_PLACE)
        made: str = self._client.create_run(number, run_name=run).info.run_id
        write_text(kept, made + "\n")
        return made, set()

    def begin(self, config: Mapping[str, str]) -> None:
        """Notes the config, where it is not noted yet."""
        from mlflow.entities import Param

        there = self._client.get_run(self._run).data.params
        new = [Param(_named(key), value[:LONGEST]) for key, value in config.items() if _named(key) not in there]
        for start in range(0, len(new), 100):
            self._client.log_batch(self._run, params=new[start:start + 100])

    def write(self, scalars: Sequence[Scalar]) -> None:
        """Adds the numbers that were not sent before."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        new = [Metric(_named(s.tag), s.value, now, s.step) for s in scalars
               if (_named(s.tag), s.step) not in self._sent]
        self._sent |= {(metric.key, metric.step) for metric in new}
        for start in range(0, len(new), BATCH):
            self._client.log_batch(self._run, metrics=new[start:start + BATCH])

    def close(self) -> None:
        """Marks the run as finished."""
        self._client.set_terminated(self._run)


def _named(tag: str) -> str:
    """A tag without the letters that MLflow refuses."""
    return "".join(letter if letter.isalnum() or letter in "_-./ " else "_" for letter in tag)
