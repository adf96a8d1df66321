"""The reader of a package: scans in, an answer or a refusal out for each. It knows nothing of training."""
from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medtl.atomic import write_text
from medtl.data.transforms import Preprocess
from medtl.data.windows import UnitError
from medtl.errors import DataError
from medtl.export.calibration import read_map
from medtl.export.contract import Contract
from medtl.export.integrity import verify_sums
from medtl.export.reference import check_reference
from medtl.export.session import Session
from medtl.io.dicom import index_study
from medtl.io.digest import digest
from medtl.io.identity import noted_paths, project_salt, remember_all, short_id
from medtl.io.read import Choice, candidate, choose_candidate, read_scan, sniff
from medtl.io.reasons import Reason
from medtl.io.series import Scanner, Series
from medtl.progress import Progress, each

NETWORK = "model.onnx"


@dataclass(frozen=True)
class Row:
    """What the package says of one study.

    Attributes:
        study: salted short id, the one of the run's tables where this project knows the scan; ``medtl where`` leads
            back.
        scores: one per name of the contract's scores, or None when the scan was refused.
        verdict: ``use``, ``repaired`` or ``refused``.
        reason: why, without identifiers: which series was taken, what was repaired, or why there is no answer.
    """

    study: str
    scores: tuple[float, ...] | None
    verdict: str
    reason: str


class Answers(list[Row]):
    """Rows, in the order asked.

    Args:
        names: of the scores.
        values: whether they are a regression's predicted values.
    """

    def __init__(self, names: Sequence[str], values: bool = False) -> None:
        super().__init__()
        self.names = tuple(names)
        self.columns = ("predicted",) if values else tuple(f"score_{name}" for name in names)


@dataclass(frozen=True)
class _Study:
    """One examination found below a path: its series judged from headers, and how to read each."""

    path: Path
    key: tuple[str, ...]
    headers: tuple[Series, ...]
    load: tuple[Callable[[], Series], ...]


class Predictor:
    """An opened package.

    Args:
        contract: of the package.
        session: its network.
    """

    def __init__(self, contract: Contract, session: Session) -> None:
        self.contract = contract
        self._session = session
        self._preprocess = Preprocess.from_contract(contract.preprocess)
        self._choice = Choice(**contract.series)
        self._calibrate = read_map(contract.calibration)
        site = (contract.training.get("harmonize") or {}).get("site")
        self._harmonized = f"harmonised as a scan of {site}" if site else ""

    @classmethod
    def open(cls, package: Path) -> Predictor:
        """Opens a package after checking every file of it, and that its network answers here as where it was trained.

        Args:
            package: a folder that ``medtl export`` wrote.

        Raises:
            DataError: no such folder.
            IntegrityError: a file was altered, is missing or was added; or the network answers differently.
        """
        if not package.is_dir():
            raise DataError(f"{package}: no such folder; expected a package that `medtl export` wrote")
        verify_sums(package)
        contract = Contract.read(package)
        session = Session(package / NETWORK, contract.activation)
        check_reference(package, session)
        return cls(contract, session)

    def predict(self, paths: Sequence[Path], progress: Progress | None = None) -> Answers:
        """Scores scans, in the order given; what cannot be scored becomes a row with its reason.

        Args:
            paths: DICOM folders, files or archives, NIfTI files, images. Of a folder, each DICOM study and each NIfTI
                or image file in it is one row.
            progress: where to report to.

        Returns:
            At least one row per path.

        Raises:
            DataError: a path that does not exist.
        """
        missing = [f"{path}: does not exist; check the path" for path in paths if not path.exists()]
        if missing or not paths:
            raise DataError(*(missing[:10] or ["no scans were given: name files or folders"]))
        salt = project_salt()
        known = {str(place): name for name, places in noted_paths().items() for place in places}
        answers, noted = Answers(self.contract.scores, self.contract.kind == "regression"), []
        for path in each(progress, "predicting", paths):
            for study in _studies(path):
                name = known.get(os.path.abspath(study.path)) or short_id(salt, *study.key)
                answers.append(self._answer(study, name))
                noted.append((name, study.path))
        remember_all(noted)
        return answers

    def scores(self, array: NDArray[np.float32]) -> tuple[float, ...]:
        """Scores of one prepared scan, calibrated where the contract says so.

        Args:
            array: float32 in [0, 1], (slices, channels, height, width).
        """
        scores = self._session.scores(array[None])
        return tuple(float(score) for score in (scores if self._calibrate is None else self._calibrate(scores))[0])

    def _answer(self, study: _Study, name: str) -> Row:
        series, why = self._read(study)
        if series.volume is None:
            return Row(name, None, "refused", _reason(series) or why)
        try:
            array = self._preprocess(series.volume)
        except UnitError as error:
            return Row(name, None, "refused", f"not_hounsfield: {' '.join(error.lines)}")
        said = _reason(series) if series.verdict == "repaired" else ""
        told = (said, why, self._harmonized)
        return Row(name, self.scores(array), series.verdict, "; ".join(part for part in told if part))

    def _read(self, study: _Study) -> tuple[Series, str]:
        """The series that stands for the study; the next best where its pixels turn out to be unreadable."""
        judged = list(study.headers)
        while True:
            at, why = choose_candidate([candidate(each) for each in judged], self._choice)
            if at is None:
                return max(judged, key=lambda each: (each.shape is not None, each.instances)), why
            judged[at] = study.load[at]()
            if judged[at].verdict != "refused":
                return judged[at], why


def write_answers(path: Path, answers: Answers) -> None:
    """Writes ``study,score_<name>…,verdict,reason`` (of a regression ``study,predicted,verdict,reason``), whole or not
    at all; numbers to 9 significant digits.

    Args:
        path: the CSV.
        answers: of :meth:`Predictor.predict`.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["study", *answers.columns, "verdict", "reason"])
    for row in answers:
        cells = [""] * len(answers.names) if row.scores is None else [f"{score:.9g}" for score in row.scores]
        writer.writerow([row.study, *cells, row.verdict, row.reason])
    write_text(path, out.getvalue())


def _reason(series: Series) -> str:
    codes = ", ".join(reason.code for reason in series.reasons if reason.effect != "note")
    details = "; ".join(dict.fromkeys(series.details))
    return f"{codes}: {details}" if codes and details else codes or details


def _studies(path: Path) -> Iterator[_Study]:
    """The examinations below a path: DICOM by study, NIfTI and images by file; one refused one if there is nothing."""
    images = list(_images(path))
    dicom = [] if path.is_file() and images else index_study(path)
    groups: dict[str, list[int]] = {}
    for number, plan in enumerate(dicom):
        groups.setdefault(plan.header.identity.study_uid or "", []).append(number)
    if images and all(plan.header.shape is None for plan in dicom):
        groups = {}  # notes beside images
    for uid, numbers in groups.items():
        plans = [dicom[number] for number in numbers]
        key = ("dicom", uid) if uid else ("file", digest(path))
        files = [file for plan in plans for file in plan.header.files]
        place = path if len(groups) == 1 or not files else Path(os.path.commonpath(files))
        yield _Study(place, key, tuple(plan.header for plan in plans), tuple(plan.load for plan in plans))
    for image in images:
        series = read_scan(image)
        loads = tuple((lambda one=one: one) for one in series)
        yield _Study(image, ("file", digest(image)), tuple(series), loads)
    if not groups and not images:
        empty = Series("refused", (Reason.EMPTY,), None, Scanner(), None, (), details=(Reason.EMPTY.meaning,))
        yield _Study(path, ("file", digest(path)), (empty,), (lambda: empty,))


def _images(path: Path) -> Iterator[Path]:
    if path.is_file():
        if sniff(path) in ("nifti", "raster"):
            yield path
        return
    for folder, folders, names in os.walk(path, followlinks=False):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            if file.is_file() and sniff(file) in ("nifti", "raster"):
                yield file
