"""Feeds sinks from ``log.jsonl``'s records and from ``metrics.json``: no other number reaches them."""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medtl import registry
from medtl.errors import ConfigError
from medtl.progress import QUIET, Progress
from medtl.training.log import EpochLog
from medtl.training.sinks.base import Scalar, Sink


class Feed:
    """All sinks of a run.

    Args:
        sinks: by name.
        progress: where a sink that fails is told of.
    """

    def __init__(self, sinks: Mapping[str, Sink], progress: Progress = QUIET) -> None:
        self.sinks = dict(sinks)
        self.progress = progress

    def watch(self, log: Path, prefix: str = "") -> Callable[[Mapping[str, Any]], None] | None:
        """What an :class:`EpochLog` calls with each record; what it holds already is sent at once.

        Args:
            log: ``log.jsonl``, of a run that may have been cut off.
            prefix: of every tag, ``baseline/`` for the baseline's.

        Returns:
            The function, or None where there is no sink.
        """
        if not self.sinks:
            return None
        for record in EpochLog(log).records():
            self.write(scalars_of(record, prefix))
        return lambda record: self.write(scalars_of(record, prefix))

    def write(self, scalars: Sequence[Scalar]) -> None:
        """Sends numbers to every sink."""
        self._each(lambda sink: sink.write(scalars))

    def finish(self, metrics: Mapping[str, Any]) -> None:
        """Sends the figures of the finished run, and closes all sinks.

        Args:
            metrics: as ``report/metrics.json`` has them.
        """
        self.write(figures_of(metrics))
        self._each(lambda sink: sink.close())

    def _each(self, act: Callable[[Sink], None]) -> None:
        for name, sink in list(self.sinks.items()):
            try:
                act(sink)
            except Exception as error:  # a tracking server that goes away must not end a run of days
                del self.sinks[name]
                self.progress.say(f"sink {name}: {type(error).__name__}; it gets nothing more from this run")


def open_feed(names: Sequence[str], run: Path, config: Mapping[str, Any], progress: Progress = QUIET) -> Feed:
    """Opens the sinks that a config names.

    Args:
        names: as ``train.sinks`` has them.
        run: the run's folder; what sinks write lies in ``sinks/NAME`` within it.
        config: as ``config.yaml`` holds it, free of absolute paths.
        progress: where a sink that fails is told of.

    Returns:
        The feed; it does nothing where no sink is named.

    Raises:
        ConfigError: no such sink, or one whose package is not installed.
    """
    sinks: dict[str, Sink] = {}
    for name in names:
        made = registry.load("sinks", name)
        try:
            sinks[name] = made(run / "sinks" / name, run.name)
        except ImportError as error:
            raise ConfigError(f"train.sinks: {name} needs a package that is not installed ({error.name}): "
                              f"pip install 'medtl[{name}]', or leave it out") from None
    feed = Feed(sinks, progress)
    told = flat(config)
    feed._each(lambda sink: sink.begin(told))
    return feed


def flat(config: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """A config as one level of words: ``train.lr`` to ``0.001``.

    Args:
        config: as ``config.yaml`` holds it.
        above: key path that it stands under.
    """
    out: dict[str, str] = {}
    for key, value in config.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            out |= flat(value, f"{name}.")
        else:
            out[name] = str(value)
    return out


def scalars_of(record: Mapping[str, Any], prefix: str = "") -> list[Scalar]:
    """The numbers of a line of ``log.jsonl``.

    Args:
        record: of one epoch of one stage.
        prefix: of every tag.
    """
    stage, step = record.get("stage"), record.get("epoch")
    if stage is None or step is None:
        return []
    found: dict[str, Any] = {f"loss/{name}": value for name, value in (record.get("losses") or {}).items()}
    found |= {f"diagnostics/{name}": value for name, value in (record.get("diagnostics") or {}).items()}
    found |= {"selection": (record.get("selection") or {}).get("value"), "seconds": record.get("seconds")}
    return [Scalar(f"{prefix}{stage}/{name}", float(value), int(step)) for name, value in found.items()
            if isinstance(value, (int, float)) and math.isfinite(value)]


def figures_of(metrics: Mapping[str, Any]) -> list[Scalar]:
    """Every figure per site with the ends of its interval, gaps and comparisons.

    Args:
        metrics: as ``report/metrics.json`` has them.
    """
    out: list[Scalar] = []

    def add(tag: str, estimate: Mapping[str, Any]) -> None:
        ends = estimate["interval"] or (None, None)
        named = ((tag, estimate["value"]), (f"{tag}_low", ends[0]), (f"{tag}_high", ends[1]))
        out.extend(Scalar(name, float(value), 0) for name, value in named if value is not None)

    for result in metrics["results"]:
        for name, estimate in result["metrics"].items():
            add(f"{result['split']}/{result['site']}/{result['model']}/{name}", estimate)
    for gap in metrics["gaps"]:
        add(f"gap/{gap['internal']} to {gap['external']}/{gap['model']}/auroc", gap)
    for compared in metrics["comparisons"]:
        add(f"adapted minus baseline/{compared['site']}/auroc", compared)
    return out
