"""``export`` and ``predict``: a run's model as a package for others, and a package's answers to scans."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medtl.progress import QUIET, Progress
from medtl.run import RunFolder


@dataclass(frozen=True)
class Predicted:
    """Answers on disk.

    Attributes:
        path: the CSV.
        answered: scans with a score.
        refused: scans without one, with reasons.
    """

    path: Path
    answered: int
    refused: int

    def __str__(self) -> str:
        refused = f", {self.refused} refused with their reasons" if self.refused else ""
        return f"{self.path}: {self.answered} studies scored{refused}"


def export(
    run: str | Path, *, out: str | Path | None = None, site: str | None = None, progress: Progress | None = None
) -> Path:
    """Writes a finished run's model as a package and checks that it answers as the run did.

    Args:
        run: a finished run's folder.
        out: the package's folder; ``export/`` within the run if None.
        site: the hospital that it answers for, where the run harmonises by hospital; its one target if None.
        progress: where to report to.

    Returns:
        The package's folder.

    Raises:
        RunStateError: the run is unfinished.
        ConfigError: a site that the run does not have, or none where it must be said.
        IntegrityError: the exported network does not answer as the run did; no package is left behind.
    """
    from medtl.export.package import export_run

    RunFolder(Path(run)).require_finished()
    return export_run(Path(run), None if out is None else Path(out), site=site, progress=progress or QUIET)


def predict(
    package: str | Path, scans: Sequence[str | Path], out: str | Path, *, progress: Progress | None = None
) -> Predicted:
    """Scores scans with a package, by the same intake and preparation as in training.

    Args:
        package: a folder that :func:`export` wrote.
        scans: DICOM folders or files, NIfTI or image files.
        out: the CSV to write: study, scores, verdict, reason.
        progress: where to report to.

    Returns:
        Where the answers are, and how many.

    Raises:
        IntegrityError: the package was altered.
        DataError: a path that does not exist.
    """
    from medtl.export.predictor import Predictor, write_answers

    out = Path(out)
    answers = Predictor.open(Path(package)).predict([Path(scan) for scan in scans], progress=progress or QUIET)
    write_answers(out, answers)
    refused = sum(answer.verdict == "refused" for answer in answers)
    return Predicted(out, len(answers) - refused, refused)
