"""``evaluate.folds``: as many runs of one config, each testing another part of the patients, and what all say."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medtl.atomic import write_json
from medtl.config.sections import Config, Fold
from medtl.evaluation.cross_validation import CrossValidated, cross_validate, fold_table
from medtl.evaluation.probabilities import answers_of
from medtl.predictions import by_study, read_predictions
from medtl.run import RunFolder


@dataclass(frozen=True)
class Folds:
    """All folds of one config, together.

    Attributes:
        found: figures and comparisons per site.
        file: folds.json.
    """

    found: CrossValidated
    file: Path

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        lines = [Text(f"adapted minus baseline at {one.site}: AUROC {one.estimate}: {one.verdict}")
                 for one in self.found.comparisons]
        return Group(fold_table(self.found), *lines, *(Text(f"note: {note}") for note in self.found.notes),
                     Text(f"all folds together: {self.file}"))


def folded(run: Path, config: Config, train_one: Callable[[Config, str, Path], Path]) -> Folds:
    """Trains the other folds into ``folds/`` within the run, and puts all together; finished ones are kept.

    Args:
        run: the finished run of the first fold.
        config: of that run.
        train_one: trains a config under a name in a folder and returns the run's path.

    Returns:
        What they say together, also in ``folds/folds.json``.
    """
    count = config.evaluate.folds
    folders = [run]
    for fold in range(1, count):
        once = replace(config, sites=replace(config.sites, test_fold=Fold(fold, count)),
                       evaluate=replace(config.evaluate, folds=1))
        folders.append(train_one(once, f"fold-{fold}", run / "folds"))
    answers = []
    for folder in folders:
        read = read_predictions(folder / "predictions.csv")
        answers.append(by_study(answers_of(RunFolder(folder).config_as_written(), read)[0]))
    found = cross_validate(answers, threshold=config.evaluate.threshold, bootstrap=config.evaluate.bootstrap,
                           seed=config.train.seed)
    file = run / "folds" / "folds.json"
    write_json(file, {"format": 1, "folds": count, "seed": config.train.seed, "selection": config.train.selection,
                      "bootstrap": config.evaluate.bootstrap, **found.as_json()})
    return Folds(found, file)
