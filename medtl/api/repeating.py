"""``evaluate.repeats``: the same run again with other seeds and splits, and what all of them say together."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medtl.atomic import write_json
from medtl.config.sections import Config
from medtl.evaluation.compare_runs import ComparisonReport, compare_runs
from medtl.evaluation.comparison_table import render_comparison
from medtl.evaluation.contenders import Answers
from medtl.evaluation.pooling import PooledRow, pooled_rows, pooled_table
from medtl.predictions import by_study, read_predictions
from medtl.run import RunFolder


@dataclass(frozen=True)
class Repeats:
    """Several seeds of one config, together.

    Attributes:
        rows: figures per site over patients and seeds.
        comparison: adapted against baseline over the seeds, or None where there is one model only.
        file: repeats.json.
    """

    rows: tuple[PooledRow, ...]
    comparison: ComparisonReport | None
    file: Path

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        parts = [pooled_table(self.rows)] + ([] if self.comparison is None else [render_comparison(self.comparison)])
        return Group(*parts, Text(f"all seeds together: {self.file}"))


def repeated(run: Path, config: Config, train_one: Callable[[Config, str, Path], Path]) -> Repeats:
    """Trains the other seeds into ``repeats/`` within the run, and pools them; finished ones are kept.

    Args:
        run: the finished run of the config's own seed.
        config: of that run; the other seeds follow on its own.
        train_one: trains a config under a name in a folder and returns the run's path.

    Returns:
        What they say together, also in ``repeats/repeats.json``.
    """
    folders = [run]
    for seed in range(config.train.seed + 1, config.train.seed + config.evaluate.repeats):
        once = replace(config, train=replace(config.train, seed=seed), evaluate=replace(config.evaluate, repeats=1))
        folders.append(train_one(once, f"seed-{seed}", run / "repeats"))
    answers = [_answers(folder) for folder in folders]
    rows = pooled_rows(answers, bootstrap=config.evaluate.bootstrap)
    comparison = None
    if _two_models(answers):
        comparison = compare_runs(answers, bootstrap=config.evaluate.bootstrap)
    file = run / "repeats" / "repeats.json"
    write_json(file, {
        "format": 1, "seeds": [one.seed for one in answers], "selection": config.train.selection,
        "bootstrap": config.evaluate.bootstrap, "results": [row.as_json() for row in rows],
        "comparison": None if comparison is None else comparison.as_json(),
    })
    return Repeats(rows, comparison, file)


def _answers(folder: Path) -> Answers:
    config = RunFolder(folder).config_as_written()
    config["evaluate"] = {**config["evaluate"], "repeats": 1}
    return Answers(folder.name, config, by_study(read_predictions(folder / "predictions.csv")))


def _two_models(answers: Sequence[Answers]) -> bool:
    return all(len(one.predictions.models) == 2 and one.predictions.kind != "regression" for one in answers)
