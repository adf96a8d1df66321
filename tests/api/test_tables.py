"""``medtl scan`` and ``medtl check`` through the real command: tables, labels, JSON, Croissant and exit codes."""
from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest

from tests.api.hospitals import medtl, tree, write_manifest
from tests.api.hospitals import pictures as write_pictures

SCAN = ("scan", "tree", "--out", "found/catalogue.csv", "--workers", "1")

CARD = """
name: ours
title: made-up pictures
licence: free
modality: OT
source: {name: manifest, options: {file: manifest.csv}}
root: data
labels: {blob: {classes: ["0", "1"]}}
sites:
  north: {studies: 6, patients: 6, classes: {blob: {"0": 3, "1": 3}}}
  south: {studies: 4, prevalence: {blob: 0.5}}
do_not_use_for: [anything]
"""


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_tree_becomes_a_catalogue_with_labels_and_a_card_that_holds(work: Path) -> None:
    tree(work / "tree", {"north": 4, "south": 2})
    said = medtl(*SCAN, "--labels", "tree/labels.csv", "--on", "accession", "--label", "blob")
    assert said.code == 0, said
    assert "6 studies, 6 series" in said.out
    found = rows(work / "found" / "catalogue.csv")
    assert len(found) == 6
    assert sorted(row["blob"] for row in found) == ["0", "0", "0", "1", "1", "1"]
    assert len(rows(work / "found" / "series.csv")) == 6
    (work / "tree" / "catalogue.csv").write_bytes((work / "found" / "catalogue.csv").read_bytes())
    checked = medtl("check", "found/card.yaml", "--root", "tree", "--croissant", "croissant.json")
    assert checked.code == 0, checked
    document = json.loads((work / "croissant.json").read_text())
    digest = hashlib.sha256((work / "tree" / "catalogue.csv").read_bytes()).hexdigest()
    assert document["distribution"][0]["sha256"] == digest
    assert "blob" in {field["name"] for field in document["recordSet"][0]["field"]}


@pytest.mark.parametrize("headers", [(), ("--headers-only",)])
def test_json_is_all_that_stands_on_stdout(headers: tuple[str, ...], work: Path) -> None:
    tree(work / "tree", {"north": 2})
    said = medtl(*SCAN, "--json", *headers)
    assert said.code == 0
    document = json.loads(said.out)
    assert document["studies"] == 2
    assert document["verdicts_from"] == ("headers" if headers else "pixels")
    assert document["series"] == {"use": 2, "repaired": 0, "refused": 0}
    assert document == json.loads((work / "found" / "intake.json").read_text())


def test_damaged_pixels_are_seen_unless_only_headers_are_read(work: Path) -> None:
    for home in tree(work / "tree", {"north": 1}):
        for file in home.iterdir():
            file.write_bytes(file.read_bytes()[:-200])
    said = medtl(*SCAN, "--json")
    assert said.code == 3
    assert json.loads(said.out)["series"]["refused"] == 1
    assert "no series can be read" in said.lines[-1]
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("--labels", "tree/labels.csv"), 2, "--labels and --on go together"),
        (("--labels", "tree/labels.csv", "--on", "acession"), 2, "did you mean accession?"),
        (("--labels", "tree/labels.csv", "--on", "accession", "--label", "blub"), 2, "no column 'blub'"),
        (("--labels", "tree/nothing.csv", "--on", "accession"), 3, "not found"),
        (("--workers", "0"), 2, "--workers"),
    ],
)
def test_mistakes_in_the_labels_are_one_line(words: tuple[str, ...], code: int, part: str, work: Path) -> None:
    tree(work / "tree", {"north": 1})
    said = medtl(*SCAN, *words)
    assert said.code == code, said
    assert part in said.err
    assert said.out == ""
    assert not (work / "found" / "catalogue.csv").exists()


def test_a_missing_or_empty_folder_is_one_line(work: Path) -> None:
    for name, what in (("tree", "does not exist"), ("empty", "holds no file")):
        (work / "empty").mkdir(exist_ok=True)
        said = medtl("scan", name, "--out", "found")
        assert (said.code, len(said.lines)) == (3, said.err.count("\n"))
        assert what in said.lines[-1]


def test_a_card_is_held_against_its_files_before_anything_is_written(work: Path) -> None:
    table = write_pictures(work / "data", {"north": 6, "south": 4})
    (work / "ours.yaml").write_text(CARD)
    said = medtl("check", "ours.yaml", "--croissant", "ours.json")
    assert said.code == 0, said
    assert "every count of its 2 sites was found" in said.out
    document = json.loads((work / "ours.json").read_text())
    assert document["name"] == "ours"
    assert str(work) not in (work / "ours.json").read_text()
    (work / "ours.json").unlink()
    write_manifest(work / "data", table[1:])
    said = medtl("check", "ours.yaml", "--croissant", "ours.json")
    assert said.code == 3
    assert "sites.north.studies: the card states 6, found 5" in said.lines
    assert not (work / "ours.json").exists()


def test_a_tree_without_a_table_cannot_be_croissant(work: Path) -> None:
    tree(work / "tree", {"north": 2})
    assert medtl(*SCAN).code == 0
    said = medtl("check", "found/card.yaml", "--root", "tree", "--croissant", "ours.json")
    assert said.code == 3
    assert "Croissant describes a table" in said.err
