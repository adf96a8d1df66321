"""``medtl evaluate`` on another card: new hospitals are scored, what was learned from is left out."""
from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.hospitals import config, contents, medtl, own_home, pictures

CARD = """
name: {name}
title: made-up pictures
licence: free
modality: OT
root: {root}
labels: {{{label}: {{classes: {classes}}}}}
sites: {{{sites}}}
do_not_use_for: [anything]
"""


def card(work: Path, name: str, root: str, sites: str, label: str = "blob", classes: str = "['0', '1']") -> str:
    (work / f"{name}.yaml").write_text(CARD.format(name=name, root=root, sites=sites, label=label, classes=classes))
    return f"{name}.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with own_home(tmp_path_factory.mktemp("judging")) as work:
        pictures(work / "data", {"north": 14, "south": 10})
        pictures(work / "new", {"east": 6, "west": 8}, seed=7)
        assert medtl("train", "--config", config(work)).code == 0
        yield work


def test_new_hospitals_are_scored_each_with_its_own_figures(project: Path) -> None:
    before = contents(project / "runs" / "tiny")
    said = medtl("evaluate", "tiny", "--card", card(project, "others", "new", "east: {}, west: {}"), "--out", "judged")
    assert said.code == 0, said
    assert contents(project / "runs" / "tiny") == before
    with (project / "judged" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    targets = [row for row in rows if row["role"] == "target"]
    assert sorted(row["site"] for row in targets) == ["east"] * 6 + ["west"] * 8
    own = json.loads((project / "runs" / "tiny" / "report" / "metrics.json").read_text())
    other = json.loads(next((project / "judged").rglob("metrics.json")).read_text())
    assert other["thresholds"] == own["thresholds"]
    assert {"east", "west"} <= {result["site"] for result in other["results"]}
    assert "left out" not in said.out


@pytest.mark.parametrize(
    ("name", "sites", "label", "classes", "code", "part"),
    [
        ("again", "north: {}, south: {}", "blob", "['0', '1']", 0, "14 studies of again are left out"),
        ("unlabelled", "east: {}, west: {}", "grade", "[a, b, c]", 2, "has no label 'blob'"),
        ("turned", "east: {}, west: {}", "blob", "['1', '0']", 2, "its classes are 1, 0, but the run's are 0, 1"),
        ("unknown", "east: {}", "blob", "['0', '1']", 3, "site 'west' is not in the card"),
    ],
)
def test_cards_that_do_not_fit_are_told(
    name: str, sites: str, label: str, classes: str, code: int, part: str, project: Path
) -> None:
    root = "data" if name == "again" else "new"
    said = medtl("evaluate", "tiny", "--card", card(project, name, root, sites, label, classes))
    assert said.code == code, said
    assert part in " ".join((said.out + said.err).split())
    assert "Traceback" not in said.err


def test_nothing_is_left_of_a_card_that_the_run_learned_from(project: Path) -> None:
    lines = (project / "data" / "manifest.csv").read_text().splitlines()
    (project / "data" / "north.csv").write_text("\n".join([lines[0], *(line for line in lines if ",north," in line)]))
    name = card(project, "north", "data", "north: {}")
    with (project / name).open("a") as file:
        file.write("source: {name: manifest, options: {file: north.csv}}\n")
    said = medtl("evaluate", "tiny", "--card", name)
    assert said.code == 3, said
    assert "the run learned from every study of it" in said.lines[-1]
    assert not (project / "runs" / "tiny" / "evaluations" / "north").exists()


def test_a_study_that_two_tables_list_is_known_by_its_files(project: Path) -> None:
    shutil.copytree(project / "data", project / "moved" / "deeper")
    table = project / "moved" / "deeper" / "manifest.csv"
    lines = table.read_text().replace(",north,", ",boreal,").replace(",south,", ",austral,").splitlines()
    table.unlink()
    (project / "moved" / "manifest.csv").write_text("\n".join([lines[0], *(f"deeper/{line}" for line in lines[1:])]))
    said = medtl("evaluate", "tiny", "--card", card(project, "renamed", "moved", "boreal: {}, austral: {}"))
    assert said.code == 0, said
    assert "14 studies of renamed are left out" in " ".join((said.out + said.err).split())
    with next((project / "runs" / "tiny").rglob("renamed/predictions.csv")).open(newline="") as file:
        assert {row["site"] for row in csv.DictReader(file) if row["role"] == "target"} == {"austral"}


def test_a_damaged_or_unfinished_run_is_told(project: Path) -> None:
    run = project / "runs" / "tiny"
    for name, part in (("DONE", "unfinished"), ("predictions.csv", "predictions.csv")):
        kept = (run / name).read_bytes()
        (run / name).unlink()
        said = medtl("evaluate", "tiny")
        (run / name).write_bytes(kept)
        assert said.code == 3, said
        assert part in said.err
    kept = (run / "predictions.csv").read_bytes()
    (run / "predictions.csv").write_bytes(kept.replace(b"0.", b"x.", 1))
    said = medtl("evaluate", "tiny")
    (run / "predictions.csv").write_bytes(kept)
    assert said.code == 3
    assert medtl("evaluate", "tiny").code == 0
