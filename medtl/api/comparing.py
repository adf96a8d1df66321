"""``compare``: finished runs against each other on the same studies, with verdicts in words."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtl.atomic import write_json, write_text
from medtl.errors import ConfigError
from medtl.evaluation.compare_runs import ComparisonReport, compare_runs
from medtl.evaluation.comparison_table import comparison_csv, render_comparison
from medtl.evaluation.contenders import Answers
from medtl.evaluation.verdicts import DIRECTIONS, Direction, Rule
from medtl.predictions import by_study, read_predictions
from medtl.progress import QUIET, Progress, doing
from medtl.run import RunFolder


@dataclass(frozen=True)
class Comparisons:
    """Comparisons, and where they were written.

    Attributes:
        report: rows, rule and notes.
        files: compare.json and compare.csv, or nothing.
    """

    report: ComparisonReport
    files: tuple[Path, ...] = ()

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        return Group(render_comparison(self.report), *(Text(f"written: {file}") for file in self.files))


def compare(
    runs: Sequence[Path], *, metrics: Sequence[str] = ("auroc",), margin: float | None = None,
    direction: Direction = "either", against: str | None = None, bootstrap: int = 2000, out: Path | None = None,
    progress: Progress | None = None,
) -> Comparisons:
    """Compares finished runs on the target test studies that they share.

    Runs whose configs differ in the seed alone are one method. One method is compared with its own baseline; several
    with the first one, or with the one that ``against`` names.

    Args:
        runs: folders of finished runs of one data card.
        metrics: registry names.
        margin: a gap below which two count as equivalent, above 0; fixed before the numbers are seen.
        direction: either, gain or loss; fixed before the numbers are seen.
        against: a run of the method to compare with.
        bootstrap: draws of patients.
        out: a folder for compare.json and compare.csv.
        progress: where to report to.

    Returns:
        Verdicts on every target site, method and metric.

    Raises:
        ConfigError: a margin or direction that is none, or a metric that is not registered.
        RunStateError: an unfinished run.
        DataError: runs of different data, tasks or studies.
    """
    if not runs:
        raise ConfigError("compare: name at least one run")
    if margin is not None and not margin > 0:
        raise ConfigError(f"--margin {margin:g}: expected a number above 0")
    if direction not in DIRECTIONS:
        raise ConfigError(f"--direction {direction}: expected {', '.join(DIRECTIONS)}")
    rule = Rule(margin, direction)
    answers = [_answers(RunFolder(run), runs) for run in runs]
    with doing(progress or QUIET, "comparing"):
        report = compare_runs(
            answers, metrics=metrics, rule=rule, against=_named(against, answers), bootstrap=bootstrap
        )
    files: tuple[Path, ...] = ()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        files = (out / "compare.json", out / "compare.csv")
        write_json(files[0], report.as_json())
        write_text(files[1], comparison_csv(report))
    return Comparisons(report, files)


def _answers(run: RunFolder, runs: Sequence[Path]) -> Answers:
    run.require_finished()
    name = run.path.resolve().name
    if sum(other.resolve().name == name for other in runs) > 1:
        name = "/".join(run.path.resolve().parts[-2:])
    return Answers(name, run.config_as_written(), by_study(read_predictions(run.path / "predictions.csv")))


def _named(against: str | None, answers: Sequence[Answers]) -> str | None:
    if against is None or against in [run.name for run in answers]:
        return against
    stem = Path(against).name
    return stem if stem in [run.name for run in answers] else against
