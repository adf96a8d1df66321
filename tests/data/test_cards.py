"""Cards say every mistake at once, and hold against their files."""
from __future__ import annotations

from pathlib import Path

import pytest

from medtl.data.cards import check_card, load_card
from medtl.data.policy import SplitPolicy
from medtl.errors import ConfigError
from medtl.places import shipped_folder
from medtl.sources.manifest import Manifest

CARD = """\
name: tiny
title: A tiny set
licence: CC0
modality: CT
root: .
source: {options: {file: table.csv, patient: person}}
labels: {finding: {classes: ["no", "yes"], what: made up}}
sites:
  north:
    scanners: [one, two]
    studies: 4
    patients: 3
    classes: {finding: {"no": 2, "yes": 1}}
    prevalence: {finding: 0.333}
    split: {policy: blocks, blocks: 4, guard: 2}
  south: {studies: 1}
do_not_use_for: [anything]
"""
TABLE = """\
path,site,person,study,scanner,finding
0.png,north,p,x,one,no
1.png,north,p,x,one,no
2.png,north,q,y,two,no
3.png,north,r,z,two,yes
4.png,north,r,w,two,
5.png,south,p,v,,yes
"""


@pytest.fixture
def card_file(tmp_path: Path) -> Path:
    for i in range(6):
        (tmp_path / f"{i}.png").touch()
    (tmp_path / "table.csv").write_text(TABLE)
    (tmp_path / "tiny.yaml").write_text(CARD)
    return tmp_path / "tiny.yaml"


def test_a_card_gives_its_source_policies_and_vocabulary(card_file: Path) -> None:
    card = load_card(card_file)
    assert card.default_root == card_file.parent.resolve()
    assert card.policies["north"] == SplitPolicy("blocks", blocks=4, guard=2)
    assert card.classes_of(["finding"]) == ("no", "yes")
    assert card.build_source() == Manifest(file="table.csv", patient="person", sites=("north", "south"))


def test_counts_that_hold_are_silent(card_file: Path) -> None:
    assert check_card(load_card(card_file)) == []


def test_every_count_that_drifts_is_told(card_file: Path) -> None:
    table = TABLE.replace("2.png,north,q,y,two,no", "2.png,north,p,y,six,yes").replace("5.png,south", "5.png,west")
    (card_file.parent / "table.csv").write_text(table)
    assert [drift.line for drift in check_card(load_card(card_file))] == [
        "sites.south: the card states this site, found no study of it",
        "sites.west: the card states nothing, found 1 studies",
        "sites.north.patients: the card states 3, found 2",
        "sites.north.scanners: the card states one, two, found one, six, two",
        "sites.north.classes.finding.no: the card states 2, found 1",
        "sites.north.classes.finding.yes: the card states 1, found 2",
        "sites.north.prevalence.finding: the card states 0.333, found 0.667",
    ]


def test_mistakes_in_a_card_are_all_told_with_line_and_nearest_name(card_file: Path) -> None:
    text = CARD.replace("licence:", "license:").replace("guard: 2", "gaurd: 2").replace('"yes": 1', '"maybe": 1')
    card_file.write_text(text.replace("file: table.csv", "fil: table.csv").replace("modality: CT\n", ""))
    with pytest.raises(ConfigError) as error:
        load_card(card_file)
    lines = [line.removeprefix(f"{card_file}") for line in error.value.lines]
    assert lines == [
        ": licence: missing; is it license?",
        ": modality: missing; every card states it",
        ":3: license: unknown key; did you mean licence?",
        ":5: source.options.fil: manifest has no such option; did you mean file?",
        ":12: sites.north.classes.finding.maybe: no such class; expected no or yes",
        ":14: sites.north.split.gaurd: unknown key; did you mean guard?",
    ]
    assert error.value.exit_code == 2


def test_an_unknown_label_is_told_with_the_nearest(card_file: Path) -> None:
    with pytest.raises(ConfigError, match="no label 'findings'; did you mean finding"):
        load_card(card_file).check_labels(["findings"])


def test_without_a_root_the_user_is_asked(card_file: Path) -> None:
    card_file.write_text(CARD.replace("root: .\n", ""))
    with pytest.raises(ConfigError, match="does not say where its scans are"):
        check_card(load_card(card_file))


@pytest.mark.parametrize("path", sorted(shipped_folder("data_cards").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_card_is_valid_and_honest(path: Path) -> None:
    card = load_card(path)
    assert card.name == path.stem
    assert card.licence
    assert card.citation
    assert card.obtain
    assert card.known_shifts
    assert card.do_not_use_for
    assert card.simulated == path.stem.startswith("simulated")
    for site in card.sites.values():
        for label, counts in site.classes.items():
            assert sum(counts.values()) == site.studies
            assert site.prevalence[label] == pytest.approx(list(counts.values())[-1] / site.studies, abs=0.0005)


@pytest.mark.slow
def test_the_simulated_card_states_what_is_drawn() -> None:
    from medtl.sources.simulated import Simulated
    from medtl.sources.simulated.scanner import HOSPITALS
    from medtl.sources.simulated.study import patient_of, stream
    from medtl.sources.simulated.thorax import random_thorax

    card = load_card("simulated_chest_ct")
    for site, hospital in HOSPITALS.items():
        stated = card.sites[site]
        patients, nodules = set(), 0
        for index in range(Simulated().studies_per_site):
            patient, examination = patient_of(index)
            thorax = random_thorax(stream(0, site, "patient", patient), hospital.prevalence, hospital.nodules)
            if examination == 2:
                thorax = thorax.followed_up(stream(0, site, "study", index))
            patients.add(patient)
            nodules += bool(thorax.nodules)
        assert (stated.studies, stated.patients, stated.classes["nodule"]["1"]) == (
            Simulated().studies_per_site,
            len(patients),
            nodules,
        )
