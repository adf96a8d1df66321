"""The reader of a package: parity for scans read anew, refusals as rows, no trust in an altered package."""
from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from medtl.errors import DataError, IntegrityError
from medtl.export.predictor import Predictor, write_answers
from medtl.io.identity import where


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_scans_read_anew_give_the_runs_own_scores_under_the_runs_own_ids(trained: Any) -> None:
    expected = {row["study"]: float(row["score_1"]) for row in _rows(trained.run / "predictions.csv")}
    answers = Predictor.open(trained.package).predict(trained.scans)
    assert len(answers) == len(trained.scans)
    found: dict[str, list[float]] = {}
    for answer, path in zip(answers, trained.scans, strict=True):
        assert answer.scores is not None
        assert sum(answer.scores) == pytest.approx(1)
        assert "SECRET" not in answer.reason
        assert where(answer.study) is not None
        assert answer.study not in path.name
        found.setdefault(answer.study, []).append(answer.scores[1])
    compared = expected.keys() & found.keys()
    assert compared == expected.keys()
    assert any(len(found[study]) == 2 for study in compared)  # one study of two scans
    for study in compared:
        assert np.mean(found[study]) == pytest.approx(expected[study], abs=1e-5)


@pytest.mark.parametrize(
    "name", ["SHA256SUMS", "card.md", "card.xml", "contract.json", "model.onnx", "reference/reference.safetensors"])
def test_one_altered_byte_anywhere_is_refused_by_name(trained: Any, tmp_path: Path, name: str) -> None:
    shutil.copytree(trained.package, tmp_path / "p")
    content = bytearray((tmp_path / "p" / name).read_bytes())
    for position in (0, len(content) // 2, len(content) - 1):
        altered = bytearray(content)
        altered[position] ^= 1
        (tmp_path / "p" / name).write_bytes(altered)
        said = "altered|missing" if name == "SHA256SUMS" else f"p/{name}: altered"
        with pytest.raises(IntegrityError, match=said) as caught:
            Predictor.open(tmp_path / "p")
        assert caught.value.exit_code == 5


def test_missing_added_and_linked_files_are_named(trained: Any, tmp_path: Path) -> None:
    package = tmp_path / "p"
    shutil.copytree(trained.package, package)
    (package / "reference" / "extra.txt").write_text("x")
    with pytest.raises(IntegrityError, match=r"p/reference/extra\.txt: not part of the package"):
        Predictor.open(package)
    (package / "reference" / "extra.txt").unlink()
    (package / "card.md").rename(tmp_path / "card.md")
    with pytest.raises(IntegrityError, match=r"p/card\.md: missing"):
        Predictor.open(package)
    (package / "card.md").symlink_to(tmp_path / "card.md")
    with pytest.raises(IntegrityError, match=r"p/card\.md: altered"):
        Predictor.open(package)
    (package / "SHA256SUMS").unlink()
    with pytest.raises(IntegrityError, match="SHA256SUMS is missing"):
        Predictor.open(package)
    with pytest.raises(DataError, match="no such folder"):
        Predictor.open(tmp_path / "nowhere")


def test_what_cannot_be_read_is_a_row_with_its_reason(trained: Any, tmp_path: Path) -> None:
    broken, empty = tmp_path / "PATIENT^NAME.nii.gz", tmp_path / "empty"
    broken.write_bytes(trained.scans[0].read_bytes()[:300])
    empty.mkdir()
    (tmp_path / "notes.txt").write_text("nothing")
    predictor = Predictor.open(trained.package)
    answers = predictor.predict([broken, trained.scans[1], empty, tmp_path / "notes.txt"])
    assert [answer.verdict for answer in answers] == ["refused", answers[1].verdict, "refused", "refused"]
    assert answers[1].scores is not None
    for answer in (answers[0], answers[2], answers[3]):
        assert answer.scores is None
        assert answer.reason
        assert "PATIENT" not in answer.reason
        assert str(tmp_path) not in answer.reason
    write_answers(tmp_path / "out.csv", answers)
    rows = _rows(tmp_path / "out.csv")
    assert list(rows[0]) == ["study", "score_0", "score_1", "verdict", "reason"]
    assert rows[0]["score_1"] == ""
    assert float(rows[1]["score_1"]) == pytest.approx(answers[1].scores[1], rel=1e-8)
    with pytest.raises(DataError, match="does not exist"):
        predictor.predict([tmp_path / "gone.nii"])


def test_a_folder_of_images_is_one_row_per_image(trained: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for number in range(2):
        Image.fromarray(rng.integers(0, 255, (40, 50), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    answers = Predictor.open(trained.package).predict([tmp_path])
    assert len({answer.study for answer in answers}) == 2
    assert all(answer.scores is not None for answer in answers)


def _ct(folder: Path, name: str, seed: int) -> None:
    """A CT series of four slices that names its patient wherever it can."""
    rng, study, series = np.random.default_rng(seed), generate_uid(), generate_uid()
    folder.mkdir(parents=True)
    for number in range(4):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
        ds.PatientName = ds.PatientID = ds.AccessionNumber = ds.SeriesDescription = name
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, series
        ds.Modality, ds.ImageType, ds.InstanceNumber = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], number + 1
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 2.0 * number], [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = [1, 1], 2
        ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 40, 44, 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, 0, "HU"
        ds.PixelData = rng.normal(-600, 200, (40, 44)).astype("<i2").tobytes()
        ds.save_as(folder / f"{name}-{number}.dcm", enforce_file_format=True)


def test_a_folder_of_dicom_studies_is_one_row_per_study(trained: Any, tmp_path: Path) -> None:
    for seed, name in enumerate(("DOE^JANE", "ROE^RICHARD")):
        _ct(tmp_path / "tree" / name, name, seed)
    predictor = Predictor.open(trained.package)
    tree = predictor.predict([tmp_path / "tree"])
    each = predictor.predict([tmp_path / "tree" / "DOE^JANE", tmp_path / "tree" / "ROE^RICHARD"])
    assert len(tree) == 2
    assert {(row.study, row.scores) for row in tree} == {(row.study, row.scores) for row in each}
    assert [row.verdict for row in each] == ["use", "use"]
    write_answers(tmp_path / "out.csv", tree)
    text = (tmp_path / "out.csv").read_text()
    assert "DOE" not in text
    assert "ROE" not in text
    assert {where(row.study) for row in tree} == {tmp_path / "tree" / "DOE^JANE", tmp_path / "tree" / "ROE^RICHARD"}


def test_the_reader_imports_no_trainer() -> None:
    code = (
        "import sys, medtl.export.predictor\n"
        "bad = [m for m in sys.modules if m.startswith(('medtl.training', 'medtl.methods', 'medtl.evaluation', "
        "'medtl.models', 'medtl.api')) or m in ('torch', 'onnx', 'timm')]\n"
        "print(bad); sys.exit(bool(bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
