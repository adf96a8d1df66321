"""From a hospital's DICOM to answers by others: what was trained is what the package says, and nobody is named."""
from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from tests.api.hospitals import Said, config, contents, hold, medtl, own_home, picture
from tests.sources.scan.trees import ct_slice, save

STUDIES = {"Wolkenklinik": 14, "Nebelspital": 10}
PLANTED = {
    "PatientName": "Quastenflosser{}^Zebedee", "PatientID": "PID7731{:04d}", "OtherPatientIDs": "OPI5520{:04d}",
    "PatientBirthDate": "19380417", "PatientAddress": "Dachsbau {} Hinterwald", "AccessionNumber": "AKZ88{:04d}",
    "PatientTelephoneNumbers": "+49-761-99{:04d}", "StudyID": "SID66{:04d}", "PatientComments": "Kommentarxy{}",
    "ReferringPhysicianName": "Eisenbarth{}^Leopoldine", "OperatorsName": "Bedienerxy{}",
    "DeviceSerialNumber": "SN900{}",    "StationName": "STATIONXY42", "StudyDescription": "Thorax von Zacharias{}",
    "SeriesDescription": "Serie Zacharina{}", "ProtocolName": "Protokollxy{}",
    "ImageComments": "Bildkommentarxy{}", "InstitutionAddress": "Nebelweg {}",
    "StudyDate": "20170823", "StudyTime": "142733.771903",
}


@dataclass(frozen=True)
class Whole:
    """A planted tree, and everything that was made of it.

    Attributes:
        work: the working directory.
        homes: a folder per study.
        needles: what must not be found.
        said: what each command said.
    """

    work: Path
    homes: tuple[Path, ...]
    needles: tuple[str, ...]
    said: dict[str, Said]


def plant(root: Path) -> tuple[list[Path], list[str]]:
    """Studies of two hospitals with identifiers wherever DICOM and file systems have room for them."""
    rng = np.random.default_rng(0)
    homes, needles, labels, total = [], ["PRIVATXY", "Ordnerxy", "Dateixy"], ["accession,blob"], 0
    for site, count in STUDIES.items():
        needles.append(site)
        for number in range(count):
            total += 1
            values = {key: text.format(total) for key, text in PLANTED.items()}
            home = root / f"{site}_Ordnerxy" / f"Ordnerxy_Quastenflosser{total}"
            pixels = picture(rng, number % 2).astype(np.uint16) * 8
            for place in range(3):
                slice_ = ct_slice(f"{site[0]}{number}", "s", place, patient="x", pixels=pixels, InstitutionName=site,
                                  **values)
                block = slice_.private_block(0x0011, "PRIVATXY", create=True)
                block.add_new(1, "LO", f"PRIVATXY{total}")
                save(slice_, home / f"Dateixy_{place}.dcm")
                needles += [slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.SOPInstanceUID]
            homes.append(home)
            labels.append(f"{values['AccessionNumber']},{number % 2}")
            needles += [part for text in values.values() for part in text.split("^")]
    (root / "labels.csv").write_text("\n".join(labels) + "\n")
    return homes, list(dict.fromkeys(needles))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Scan, check, train, evaluate, export, predict, each as a command."""
    with own_home(tmp_path_factory.mktemp("whole")) as work:
        homes, needles = plant(work / "tree")
        said = {"scan": medtl("scan", "tree", "--out", "tree/catalogue.csv", "--labels", "tree/labels.csv",
                              "--on", "accession", "--workers", "1")}
        sites = list(json.loads((work / "tree" / "intake.json").read_text())["sites"])
        assert len(sites) == 2
        by_size = sorted(sites, key=lambda site: -(work / "tree" / "catalogue.csv").read_text().count(site))
        (work / "card.yaml").write_bytes((work / "tree" / "card.yaml").read_bytes())
        data = "{card: card.yaml, root: tree, augment: light, input: {size: 32, slices: 2, window: percentiles}}"
        config(work, data=data, sites=f"{{source: [{by_size[0]}], target: [{by_size[1]}]}}", baseline=True)
        said["check"] = medtl("check", "card.yaml", "--root", "tree", "--croissant", "croissant.json")
        said["train"] = medtl("train", "--config", "tiny.yaml")
        said["export"] = medtl("export", "tiny", "--out", "package")
        said["evaluate"] = medtl("evaluate", "tiny", "--out", "evaluated")
        said["elsewhere"] = medtl("evaluate", "tiny", "--card", "card.yaml", "--root", "tree")
        scans = [home.relative_to(work) for home in homes]
        said["predict"] = medtl("predict", "package", *scans, "--out", "answers.csv")
        assert [(verb, one.code, one.err) for verb, one in said.items() if one.code] == []
        yield Whole(work, tuple(homes), tuple(needles), said)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_no_planted_identifier_and_no_absolute_path_is_in_anything_written_or_said(whole: Whole) -> None:
    assert len(whole.needles) > 400
    one = next(whole.homes[0].iterdir())
    assert len([n for n in whole.needles if n.encode() in one.read_bytes()]) > 15  # the search finds what is there
    paths = [str(whole.work), str(whole.work.parent)]
    for made in ("runs", "package", "evaluated"):
        assert len(contents(whole.work / made)) >= 2
        assert hold(whole.work / made, [*whole.needles, *paths]) == []
    for file in ("answers.csv", "croissant.json", "tree/catalogue.csv", "tree/series.csv", "tree/intake.json"):
        text = (whole.work / file).read_text().lower()
        assert [n for n in (*whole.needles, *paths) if n.lower() in text] == [], file
    for verb, said in whole.said.items():
        text = (said.out + said.err).lower()
        assert text
        assert [n for n in (*whole.needles, *paths) if n.lower() in text] == [], verb


def test_the_id_of_a_study_leads_back_here_and_nowhere_else(whole: Whole, tmp_path: Path) -> None:
    study = rows(whole.work / "runs" / "tiny" / "catalogue.csv")[0]["study"]
    with own_home(whole.work.parent):
        said = medtl("where", study)
    assert said.code == 0
    assert Path(said.out.strip()) in {*whole.homes}
    with own_home(tmp_path):
        assert medtl("where", study).code == 3


def test_a_package_answers_scans_read_anew_as_the_run_did(whole: Whole) -> None:
    answers = rows(whole.work / "answers.csv")
    assert len(answers) == len(whole.homes)
    assert {row["verdict"] for row in answers} == {"use"}
    said = {row["study"]: float(row["score_1"]) for row in answers}
    own = [row for row in rows(whole.work / "runs" / "tiny" / "predictions.csv") if row["model"] == "adapted"]
    assert len(own) == 6 + 10
    assert len({row["score_1"] for row in own}) > 10
    for row in own:
        assert said[row["study"]] == pytest.approx(float(row["score_1"]), abs=1e-5)


def test_an_answer_does_not_hang_on_the_names_of_files(whole: Whole, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    for number, file in enumerate(sorted(whole.homes[0].iterdir(), reverse=True)):
        save(dcmread(file), home / f"{number}")
    with own_home(whole.work.parent):
        assert medtl("predict", "package", home, tmp_path / "none", "--out", tmp_path / "a.csv").code == 3
        assert medtl("predict", "package", home, whole.homes[0], "--out", tmp_path / "a.csv").code == 0
    first, second = rows(tmp_path / "a.csv")
    assert first["score_1"] == second["score_1"]


def test_a_package_altered_by_one_byte_is_refused(whole: Whole, tmp_path: Path) -> None:
    package = whole.work / "package"
    names = [path.relative_to(package) for path in sorted(package.rglob("*")) if path.is_file()]
    assert {"model.onnx", "contract.json", "card.md", "SHA256SUMS"} <= {name.as_posix() for name in names}
    with own_home(whole.work.parent):
        for number, name in enumerate(names):
            file = package / name
            kept = file.read_bytes()
            at = (number * 7919) % len(kept)
            try:
                file.write_bytes(kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1:])
                said = medtl("predict", "package", whole.homes[0], "--out", tmp_path / "answers.csv")
            finally:
                file.write_bytes(kept)
            assert said.code == 5, (name, said)
            assert "Traceback" not in said.err
            assert not (tmp_path / "answers.csv").exists()
        assert medtl("predict", "package", whole.homes[0], "--out", tmp_path / "answers.csv").code == 0


def test_evaluate_gives_every_figure_of_the_run_again(whole: Whole) -> None:
    stated = (whole.work / "runs" / "tiny" / "report" / "metrics.json").read_bytes()
    metrics = list((whole.work / "evaluated").rglob("metrics.json"))
    assert [path.read_bytes() for path in metrics] == [stated]
    with own_home(whole.work.parent):
        before = contents(whole.work / "runs" / "tiny")
        said = medtl("evaluate", "tiny")
        assert said.code == 0
        assert contents(whole.work / "runs" / "tiny") == before
    table = whole.said["train"].out.split("trained:")[0]
    assert said.out.startswith(table)


def test_evaluate_on_another_card_goes_into_evaluations(whole: Whole) -> None:
    made = whole.work / "runs" / "tiny" / "evaluations" / "card"
    answers = rows(made / "predictions.csv")
    targets = [row for row in answers if row["role"] == "target" and row["model"] == "adapted"]
    assert len(targets) == 10  # the source's 14 took part in training
    assert {row["split"] for row in targets} == {"test"}
    own = {row["study"]: row["score_1"] for row in rows(whole.work / "runs" / "tiny" / "predictions.csv")
           if row["model"] == "adapted"}
    assert all(float(row["score_1"]) == pytest.approx(float(own[row["study"]]), abs=1e-6)
               for row in targets if row["study"] in own)
    assert json.loads(next(made.rglob("metrics.json")).read_text())
    said = " ".join(whole.said["elsewhere"].out.split())
    assert "14 studies of my_scans are left out: they were the run's source" in said
    assert "may have seen the images of 5 studies" in said
    with own_home(whole.work.parent):
        assert medtl("evaluate", "tiny", "--card", "nothing.yaml").code == 2
        assert medtl("evaluate", "tiny", "--root", "tree").code == 2
