"""Fifty identifying values over headers, private tags, names and pixels appear in nothing that a scan writes."""
from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from pydicom.dataset import Dataset
from rich.console import Console

from medtl.progress import Lines
from medtl.sources.scan import scan_tree
from medtl.sources.scan import tree as module
from tests.sources.scan.trees import ct_slice, save

TEXTS = {
    "PatientName": "Quastenflosser^Zebedee^Ignaz", "PatientID": "PID77310442", "OtherPatientIDs": "OPI5520981",
    "OtherPatientNames": "Schnabeltier^Ottilie", "PatientBirthName": "Nacktmull", "PatientMotherBirthName": "Wombatina",
    "PatientAddress": "Dachsbau 17 Hinterwald", "PatientTelephoneNumbers": "+49-761-9988776",
    "MilitaryRank": "Obergefreiterxy", "BranchOfService": "Gebirgsjaegerxy", "EthnicGroup": "Ethnoplant",
    "Occupation": "Glasblaeserxy", "AdditionalPatientHistory": "fiel vom Apfelbaumxy",
    "PatientComments": "Kommentarxy7",
    "PatientReligiousPreference": "Pastafarxy", "RegionOfResidence": "Kleinkleckersdorf",
    "CountryOfResidence": "Absurdistanxy", "MedicalRecordLocator": "MRL4471190",
    "InsurancePlanIdentification": "AOK99127",
    "InstitutionName": "Klinikum Wolkenkuckucksheim", "InstitutionAddress": "Nebelweg 3",
    "InstitutionalDepartmentName": "Radiologieplantxy", "ReferringPhysicianName": "Eisenbarth^Leopoldine",
    "PhysiciansOfRecord": "Sauerbruchxy^Karl", "PerformingPhysicianName": "Roentgenxy^Willi",
    "OperatorsName": "Bedienerxy^Uwe", "RequestingPhysician": "Hausarztxy^Ilse", "StationName": "STATIONXY42",
    "StudyDescription": "Thorax von Zacharias", "SeriesDescription": "Serie fuer Zacharina",
    "ProtocolName": "ProtokollZachari", "AdmittingDiagnosesDescription": "Verdachtxy", "AccessionNumber": "AKZ8814207",
    "StudyID": "SID66102", "DeviceSerialNumber": "SN90017744", "PatientBirthDate": "19380417",
    "StudyTime": "142733", "PerformedProcedureStepID": "PPS31177", "ImageComments": "Bildkommentarxy",
    "BodyPartExamined": "PLANTEDPART", "ContrastBolusAgent": "Kontrastxy", "IssuerOfPatientID": "Ausstellerxy",
    "ManufacturerModelName": "Scanner of Quastenflosser", "ConvolutionKernel": "PID77310442",
    "SoftwareVersions": "SoftNacktmull", "StudyDate": "20170823",
}
"""Value by keyword; names count part by part."""

OTHERS = ("PRIVATEXY881", "NESTEDXY882", "Ordnerxy883", "Dateixy884", "Zipxy885", "Innenxy886", "Descripxy887",
          "Pngxy888", "Labelxy889", "Sequencexy890", "Rasterxy891", "Exifxy892")


def needles() -> Iterator[str]:
    for text in (*TEXTS.values(), *OTHERS):
        yield from (part for part in (text, *text.split("^")) if len(part) > 3)
    yield from ("1938-04-17", "2017-08-23", "142733", "079Y")


def planted(number: int, pixels: np.ndarray | None = None) -> Dataset:
    d = ct_slice("planted", "s", number, patient="x", pixels=pixels, **TEXTS)
    d.PatientAge = "079Y"
    block = d.private_block(0x0011, "PRIVATEXY881", create=True)
    block.add_new(1, "LO", "PRIVATEXY881")
    inner = Dataset()
    inner.PatientComments = "NESTEDXY882"
    block.add_new(2, "SQ", [inner])
    step = Dataset()
    step.ScheduledProcedureStepDescription = "Sequencexy890"
    d.RequestAttributesSequence = [step]
    return d


def plant(tree: Path) -> Path:
    folder = tree / "Ordnerxy883"
    for number in range(3):
        save(planted(number), folder / f"Dateixy884_{number}.dcm")
    burned = Image.new("L", (256, 256), 40)
    ImageDraw.Draw(burned).text((4, 4), "Quastenflosser", fill=255, font=ImageFont.load_default(18))
    capture = ct_slice("planted", "sc", 9, patient="x", pixels=np.asarray(burned).astype(np.uint16), **TEXTS)
    capture.Modality, capture.SOPClassUID = "DX", "1.2.840.10008.5.1.4.1.1.1.1"
    save(capture, folder / "Dateixy884_sc.dcm")
    packed = save(ct_slice("zipped", "z", 1, patient="x", **TEXTS), tree.parent / "z" / "one")
    with zipfile.ZipFile(tree / "Zipxy885.zip", "w") as archive:
        archive.write(packed, "Innenxy886/Innenxy886.dcm")
        archive.comment = b"Zipxy885"
    made = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(5, 4, 3), np.eye(4))
    made.header["descrip"] = b"Descripxy887"
    nib.save(made, tree / "Descripxy887.nii.gz")
    text = PngInfo()
    text.add_text("Comment", "Pngxy888")
    burned.save(tree / "Rasterxy891.png", pnginfo=text)
    exif = Image.Exif()
    exif[0x010E] = "Exifxy892"
    burned.save(tree / "Rasterxy891.jpg", exif=exif)
    (tree / "Dateixy884.txt").write_text("Kommentarxy7")
    broken = save(ct_slice("planted", "broken", 1, patient="x", **TEXTS), folder / "Dateixy884_broken.dcm")
    broken.write_bytes(broken.read_bytes()[:-100])
    (tree / "Dateixy884_cut.dcm").write_bytes(broken.read_bytes()[:900])
    return tree


def held(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        yield path, path.read_bytes() if path.is_file() else b""


def leaks(text: bytes) -> list[str]:
    folded = text.lower().replace(b"\0", b"")  # UTF-16 too
    return [needle for needle in needles() if needle.lower().encode() in folded]


def test_fifty_values_appear_in_nothing_but_the_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(TEXTS) + len(OTHERS) >= 50
    monkeypatch.setenv("MEDTL_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("MEDTL_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    tree, out = plant(tmp_path / "tree"), tmp_path / "out"
    assert leaks((tree / "Ordnerxy883" / "Dateixy884_0.dcm").read_bytes())  # the search finds what is there
    table = tmp_path / "Labelxy889.csv"
    rows = [f"AKZ8814207,{n % 2},Labelxy889" if n == 0 else f"OTHER{n},{n % 2},x{n}" for n in range(6)]
    table.write_text("\n".join(["accession,finding,remark", *rows]))
    said = io.StringIO()
    journals: list[bytes] = []
    whole = module.judge

    def watching(job: object) -> object:
        journals.extend(path.read_bytes() for path in out.glob(".*.jsonl"))
        return whole(job)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "judge", watching)
    with redirect_stdout(said), redirect_stderr(said):
        intake = scan_tree(tree, out=out, labels=table, on="accession", workers=1, progress=Lines(said, every=0.0))
        console = Console(file=said, width=200)
        console.print(intake)
        print(intake.document, repr(intake))
    assert "likely" in {each.burned_in for each in intake.series}
    assert {"use", "refused"} <= {each.verdict for each in intake.series}
    assert intake.document["labels"] == {"finding": {"0": 2}}
    assert "redacted" in {each.model for each in intake.series}
    assert "redacted" in {each.kernel for each in intake.series}
    assert leaks(said.getvalue().encode()) == []
    assert len(said.getvalue()) > 500
    assert journals
    assert [leaks(content) for content in journals if leaks(content)] == []
    written = [path for path, _ in held(out) if path.is_file()]
    assert {"catalogue.csv", "series.csv", "intake.json", "card.yaml"} <= {path.name for path in written}
    for path, content in held(out):
        assert leaks(content) == [], path.name
        assert leaks(path.name.encode()) == [], path.name
    private = [path for path, content in held(tmp_path / "state") if leaks(content)]
    assert [path.name for path in private] == ["where.jsonl"]
    assert not list((tmp_path / "temporary").iterdir())


def test_thumbnails_show_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTL_STATE", str(tmp_path / "state"))
    intake = scan_tree(plant(tmp_path / "tree"), out=tmp_path / "out", workers=1, salt=b"x" * 32)
    flagged = [each.series for each in intake.series if each.burned_in in ("likely", "stated", "possible")]
    pictures = sorted((tmp_path / "out" / "thumbnails").iterdir())
    assert sorted(path.stem for path in pictures) == sorted(flagged)
    for path in pictures:
        pixels = np.asarray(Image.open(path))
        assert pixels.max() - pixels.min() <= 40  # the plain ground, and nothing of the white letters
