"""A scan judges every series, chooses one per study, resumes, joins labels and says what looks wrong."""
from __future__ import annotations

import csv
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from medtl.errors import ConfigError, DataError
from medtl.io.identity import short_id, where
from medtl.sources.scan import Choice, Intake, scan_tree
from tests.sources.scan.trees import ct_series, ct_slice, save

SALT = bytes(range(32))


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTL_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("MEDTL_CONFIG", str(tmp_path / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def scan(tree: Path, out: Path, **more: Any) -> Intake:
    return scan_tree(tree, out=out, workers=1, salt=SALT, **more)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def hospital(tree: Path) -> Path:
    """Two patients; the first with a thin, a thick and a localizer series and a report beside them."""
    ct_series(tree / "p1" / "thick", "one", "thick", patient="P1", slices=4, spacing=5.0)
    ct_series(tree / "p1" / "thin", "one", "thin", patient="P1", slices=20, spacing=1.0, PatientSex="F",
              PatientAge="047Y")
    ct_series(tree / "p1" / "scout", "one", "scout", patient="P1", slices=1,
              ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    ct_series(tree / "p2", "two", patient="P2", StudyDate="20200101")
    save(ct_slice("one", "sr", 1, patient="P1", Modality="SR", PixelData=None), tree / "p1" / "report")
    (tree / "notes.txt").write_text("nothing to see")
    return tree


def test_a_row_per_series_and_a_row_per_study_with_the_series_chosen_and_why(tmp_path: Path) -> None:
    out = tmp_path / "out"
    intake = scan(hospital(tmp_path / "tree"), out / "catalogue.csv")
    series, studies = rows(out / "series.csv"), rows(out / "catalogue.csv")
    assert [row["row"] for row in series] == ["1", "2", "3", "4"]
    assert sorted(row["verdict"] for row in series) == ["refused", "use", "use", "use"]
    assert [row["reasons"] for row in series if row["verdict"] == "refused"] == ["localizer"]
    assert len(studies) == 2
    one = next(row for row in studies if row["series_found"] == "3")
    assert "thinnest" in one["why"]
    assert "1 mm" in one["why"]
    assert one["slices"] == "20"
    chosen = [row for row in series if row["study"] == one["study"] and row["chosen"] == "1"]
    assert [row["series"] for row in chosen] == [one["series"]]
    assert chosen[0]["spacing_k_mm"] == "1"
    assert chosen[0]["plane"] == "axial"
    assert chosen[0]["kernel"] == "B30f"
    assert (one["year"], one["day"]) == ("2019", "0")
    assert {row["sex"] for row in studies} <= {"F", ""}
    assert intake.exit_code == 0
    document = json.loads((out / "intake.json").read_text())
    assert document == intake.document
    assert document["files"]["passed_over"] == {"not_an_image": 1, "unknown_format": 1}
    assert document["series"] == {"use": 3, "repaired": 0, "refused": 1}


def test_ids_lead_back_through_the_private_file_alone(tmp_path: Path) -> None:
    tree = hospital(tmp_path / "tree")
    scan(tree, tmp_path / "out")
    one = next(row for row in rows(tmp_path / "out" / "catalogue.csv") if row["series_found"] == "3")
    assert where(one["series"]) == tree / "p1" / "thin"
    assert where(one["study"]) == tree / "p1"
    (file,) = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert file.stat().st_mode & 0o777 == 0o600


def test_names_of_files_and_another_salt_change_no_order_and_no_verdict(tmp_path: Path) -> None:
    first = scan(hospital(tmp_path / "tree"), tmp_path / "out1")
    flat = tmp_path / "flat"
    flat.mkdir()
    files = sorted(path for path in (tmp_path / "tree").rglob("*") if path.is_file())
    for number, path in enumerate(reversed(files)):
        (flat / f"x{number:04d}").write_bytes(path.read_bytes())
    second = scan(flat, tmp_path / "out2")
    assert (tmp_path / "out1" / "catalogue.csv").read_text() == (tmp_path / "out2" / "catalogue.csv").read_text()
    other = scan_tree(tmp_path / "tree", out=tmp_path / "out3", workers=1, salt=SALT[::-1])
    assert [s.year for s in other.studies] == [s.year for s in first.studies] == [s.year for s in second.studies]
    assert [s.verdict for s in other.studies] == [s.verdict for s in first.studies]
    assert not {s.study for s in other.studies} & {s.study for s in first.studies}


def test_several_processes_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtl.sources.scan import index
    from medtl.sources.scan import tree as module

    monkeypatch.setattr(index, "CHUNK", 8)
    monkeypatch.setattr(index, "FEW", 16)
    monkeypatch.setattr(module, "FEW", 16)
    tree = tmp_path / "tree"
    for number in range(12):
        ct_series(tree / f"{number:03d}", f"st{number}", patient=f"P{number // 2}", slices=4, size=4)
    alone = scan(tree, tmp_path / "out1")
    together = scan_tree(tree, out=tmp_path / "out2", workers=2, salt=SALT)
    assert alone.document == together.document
    assert (tmp_path / "out1" / "series.csv").read_text() == (tmp_path / "out2" / "series.csv").read_text()


def test_an_interrupted_scan_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medtl.sources.scan import tree as module

    tree, out = hospital(tmp_path / "tree"), tmp_path / "out"
    calls: list[str] = []
    whole = module.judge

    def stopping(job: Any) -> Any:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(job.series)
        return whole(job)

    monkeypatch.setattr(module, "judge", stopping)
    with pytest.raises(KeyboardInterrupt):
        scan(tree, out)
    journal = out / ".catalogue.partial.jsonl"
    assert journal.exists()
    assert not (out / "catalogue.csv").exists()
    with journal.open("a") as file:
        file.write('{"series": "cut he')
    changed = next(path for path in (tree / "p2").iterdir())
    again: list[str] = []

    def counting(job: Any) -> Any:
        again.append(job.series)
        return whole(job)

    monkeypatch.setattr(module, "judge", counting)
    os.utime(changed, ns=(1, 1))
    intake = scan(tree, out)
    touched = [s.series for study in intake.studies for s in study.series if study.year == 2020]
    assert set(again) | set(calls) == {each.series for each in intake.series}
    assert set(again) & set(calls) <= set(touched)
    assert intake.resumed == 4 - len(again)
    assert not journal.exists()
    fresh = scan(tree, tmp_path / "fresh")
    assert (out / "series.csv").read_text() == (tmp_path / "fresh" / "series.csv").read_text()
    assert fresh.resumed == 0


def test_labels_are_joined_on_each_key(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for number in range(6):
        ct_series(tree / str(number), f"{number}", patient=f"P{number}", slices=2)
    table = tmp_path / "labels.csv"
    keys = {"accession": ("AccessionNumber", "ACC{}"), "patient": ("patient_id", " p{} ")}
    for on, (column, form) in keys.items():
        lines = [f"{column},surname,finding"] + [f"{form.format(n)},Mueller{n},{n % 2}" for n in range(5)]
        table.write_text("\n".join(lines) + "\n")
        intake = scan(tree, tmp_path / on, labels=table, on=on)
        found = rows(tmp_path / on / "catalogue.csv")
        assert [row["finding"] for row in found].count("") == 1
        assert sorted(row["finding"] for row in found) == ["", "0", "0", "0", "1", "1"]
        assert "surname" not in found[0]
        by_study = {short_id(SALT, "study", *_uids(n)): n for n in range(6)}
        assert all(row["finding"] in ("", str(by_study[row["study"]] % 2)) for row in found)
        codes = {finding.code for finding in intake.findings}
        assert {"no_label", "columns_left_out"} <= codes
        assert intake.document["labels"] == {"finding": {"0": 3, "1": 2}}


def _uids(number: int) -> tuple[str, str]:
    from tests.sources.scan.trees import uid

    return uid(str(number)), ""


def test_label_tables_that_cannot_be_joined_are_told(tmp_path: Path) -> None:
    tree = ct_series(tmp_path / "tree", "1", patient="P1")
    table = tmp_path / "labels.csv"
    table.write_text("patient,finding\nP1,0\nP1,1\nP2,0\nP3,1\n")
    with pytest.raises(DataError, match="row 2: other labels than row 1"):
        scan(tree, tmp_path / "out", labels=table, on="patient")
    with pytest.raises(ConfigError, match="no column of accessions"):
        scan(tree, tmp_path / "out", labels=table, on="accession")
    with pytest.raises(ConfigError, match="did you mean patient"):
        scan(tree, tmp_path / "out", labels=table, on="patients")
    with pytest.raises(ConfigError, match="go together"):
        scan(tree, tmp_path / "out", labels=table)
    table.write_text("patient,finding\nQ1,0\nQ2,1\nQ3,0\nQ4,1\n")
    assert "join_failed" in {f.code for f in scan(tree, tmp_path / "out", labels=table, on="patient").findings}


def test_what_looks_wrong_is_said(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    same = np.random.default_rng(0).integers(0, 2000, (16, 16)).astype(np.uint16)
    lines = ["patient,finding"]
    for number in range(20):
        sharp = number % 2
        ct_series(tree / str(number), f"{number}", patient=f"P{number}", slices=2,
                  ConvolutionKernel="B70f" if sharp else "B30f", StationName=f"CT{sharp}",
                  **({"pixels": same} if number in (3, 8) else {}))
        lines.append(f"P{number},{sharp}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    intake = scan(tree, tmp_path / "out", labels=tmp_path / "labels.csv", on="patient")
    found = {finding.code: finding for finding in intake.findings}
    assert len(found["same_voxels_two_patients"].ids) == 2
    assert "B30f 10, B70f 10" in found["mixed_kernels"].text
    assert "0% at" in found["prevalence_by_group"].text
    assert "100% at" in found["prevalence_by_group"].text


def test_every_format_and_an_archive_are_scanned(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    made = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(5, 4, 3), np.eye(4))
    made.header.set_xyzt_units("mm")
    nib.save(made, tree / "a.nii.gz")
    Image.new("L", (9, 8), 7).save(tree / "b.png")
    series = ct_series(tmp_path / "zipped", "z", patient="P9")
    with zipfile.ZipFile(tree / "c.zip", "w") as archive:
        for path in series.iterdir():
            archive.write(path, path.name)
    intake = scan(tree, tmp_path / "out")
    assert {(each.format, each.verdict) for each in intake.series} == {
        ("nifti", "use"), ("raster", "use"), ("dicom", "use")}
    assert "patient_unknown" in {finding.code for finding in intake.findings}
    (tmp_path / "labels.csv").write_text("file,finding\na,1\nb.png,0\nc,0\nd,1\n")
    labelled = scan(tree, tmp_path / "out", labels=tmp_path / "labels.csv", on="study")
    assert [study.labels for study in labelled.studies] == [None, ("1",), ("0",)]


def test_headers_alone_and_another_rule(tmp_path: Path) -> None:
    tree = hospital(tmp_path / "tree")
    quick = scan(tree, tmp_path / "out", pixels=False, rule=Choice(thickness="thickest"))
    assert quick.document["verdicts_from"] == "headers"
    assert all(each.burned_in == each.voxels == each.content == "" for each in quick.series)
    assert {study.chosen.slices for study in quick.studies if study.chosen} == {4}


def test_nothing_readable_is_exit_3_and_nothing_at_all_is_an_error(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    with pytest.raises(DataError, match="no file"):
        scan(tree, tmp_path / "out")
    with pytest.raises(DataError, match="does not exist"):
        scan(tmp_path / "missing", tmp_path / "out")
    (tree / "notes.txt").write_text("nothing")
    assert scan(tree, tmp_path / "out").exit_code == 3
    assert (tmp_path / "out" / "series.csv").exists()


def test_scanning_again_into_the_tree_itself_finds_the_same(tmp_path: Path) -> None:
    tree = hospital(tmp_path / "tree")
    ct_series(tree / "us", "three", patient="P3", BurnedInAnnotation="YES")
    first = scan(tree, tree)
    assert len(list((tree / "thumbnails").iterdir())) == 1
    again = scan(tree, tree)
    assert [each.series for each in again.series] == [each.series for each in first.series]


def test_the_table_for_people_shows_verdicts_reasons_and_sites(tmp_path: Path) -> None:
    console = Console(width=160, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    with console.file:
        console.print(scan(hospital(tmp_path / "tree"), tmp_path / "out"))
        text = console.export_text()
    assert "2 studies, 4 series in 31 files" in text
    assert "3 use" in text
    assert "localizer" in text
    assert "SIEMENS Sensation 64" in text
