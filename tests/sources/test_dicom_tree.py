"""A tree of scans becomes a catalogue: labels joined, sites named, one path per study that a reader finds it under."""
from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from medtl.data.cards import check_card, load_card
from medtl.errors import ConfigError, DataError
from medtl.io.identity import project_salt
from medtl.io.read import read_chosen
from medtl.sources.dicom_tree import DicomTree
from medtl.sources.scan import scan_tree
from medtl.types import Catalogue
from tests.sources.scan.trees import ct_series

SALT = b"another secret"


class Vocabulary:
    kind = "binary"
    label_names = ("finding",)

    def encode(self, raw: Sequence[str]) -> tuple[float, ...]:
        if raw[0] not in ("", "0", "1"):
            raise ValueError(f"{raw[0]!r} is not in the vocabulary 0, 1")
        return (float(raw[0]) if raw[0] else math.nan,)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDTL_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("MEDTL_CONFIG", str(tmp_path / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def catalogue(source: DicomTree, root: Path, salt: bytes = SALT) -> Catalogue:
    return source.catalogue(root=root, task=Vocabulary(), salt=salt)


def hospitals(tree: Path) -> Path:
    for number in range(6):
        site = ("east", "west")[number % 2]
        home = tree / site / f"study{number}"
        ct_series(home / "thin", f"{number}", "thin", patient=f"P{number // 2}", slices=14, spacing=1.0,
                  InstitutionName=site)
        ct_series(home / "thick", f"{number}", "thick", patient=f"P{number // 2}", slices=3, InstitutionName=site)
    lines = ["accession,finding"] + [f"ACC{n},{n % 2}" for n in range(5)]
    (tree / "labels.csv").write_text("\n".join(lines))
    return tree


def test_one_item_per_study_with_its_chosen_series_and_label(tmp_path: Path) -> None:
    tree = hospitals(tmp_path / "tree")
    found = catalogue(DicomTree(labels="labels.csv", on="accession"), tree)
    assert len(found.items) == 6
    assert [item.row for item in found.items] == list(range(1, 7))
    for item in found.items:
        assert item.path.name == "thin"
        number = int(item.path.parent.name[-1])
        assert item.labels == (float(number % 2),) or (number == 5 and math.isnan(item.labels[0]))
        series, _ = read_chosen(item.path)
        assert series.shape == (16, 16, 14)
        assert item.scanner.startswith("SIEMENS Sensation 64")
    assert len({item.site for item in found.items}) == 2
    assert len({item.patient for item in found.items}) == 6  # the same id at another site is another patient
    shared = catalogue(DicomTree(patients_shared=True), tree)
    assert len({item.patient for item in shared.items}) == 3


def test_sites_are_named_by_the_user_or_by_folders(tmp_path: Path) -> None:
    tree = hospitals(tmp_path / "tree")
    hashed = sorted({item.site for item in catalogue(DicomTree(), tree).items})
    named = catalogue(DicomTree(site_names={hashed[0]: "A", hashed[1]: "B"}), tree)
    assert {item.site for item in named.items} == {"A", "B"}
    folders = catalogue(DicomTree(site_from="folder"), tree)
    assert all(item.path.parent.parent.name == item.site for item in folders.items)
    with pytest.raises(DataError, match="site_names: no study of 'nowhere'"):
        catalogue(DicomTree(site_names={"nowhere": "A"}), tree)


def test_the_salt_changes_ids_and_nothing_else(tmp_path: Path) -> None:
    tree = hospitals(tmp_path / "tree")
    one, two = catalogue(DicomTree(), tree, b"one"), catalogue(DicomTree(), tree, b"two")
    assert [item.path for item in one.items] == [item.path for item in two.items]
    assert [item.site for item in one.items] == [item.site for item in two.items]
    assert not {item.study for item in one.items} & {item.study for item in two.items}


def test_a_study_alone_in_its_folder_is_found_and_mixed_folders_are_told(tmp_path: Path) -> None:
    for number in range(2):
        ct_series(tmp_path / "tree" / f"{number}", f"{number}", "a", patient="P", slices=14, spacing=1.0)
        for path in ct_series(tmp_path / "more", f"{number}", "b", patient="P", slices=3).iterdir():
            path.rename(tmp_path / "tree" / f"{number}" / f"b{path.name}")
    found = catalogue(DicomTree(), tmp_path / "tree")
    assert sorted(item.path.name for item in found.items) == ["0", "1"]
    assert all(read_chosen(item.path)[0].shape == (16, 16, 14) for item in found.items)
    with pytest.raises(DataError, match=r"2 studies lie in folders .* or per series"):
        catalogue(DicomTree(thickness="thickest"), tmp_path / "tree")
    for path in list((tmp_path / "tree" / "1").iterdir()):
        path.rename(tmp_path / "tree" / "0" / f"x{path.name}")
    with pytest.raises(DataError, match="one folder per study"):
        catalogue(DicomTree(), tmp_path / "tree")


def test_bad_labels_and_empty_trees_are_told(tmp_path: Path) -> None:
    tree = hospitals(tmp_path / "tree")
    (tree / "labels.csv").write_text("accession,finding\nACC0,maybe\nACC1,0\nACC2,0\n")
    with pytest.raises(DataError, match="'maybe' is not in the vocabulary"):
        catalogue(DicomTree(labels="labels.csv", on="accession"), tree)
    (tree / "labels.csv").write_text("accession,nothing\nACC0,1\nACC1,1\n")
    with pytest.raises(ConfigError, match="no column 'finding'"):
        catalogue(DicomTree(labels="labels.csv", on="accession"), tree)
    with pytest.raises(DataError, match="not a folder"):
        catalogue(DicomTree(), tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no image"):
        catalogue(DicomTree(), tmp_path / "empty")


def test_the_proposed_card_holds_against_the_files_and_drift_is_told(tmp_path: Path) -> None:
    tree = hospitals(tmp_path / "tree")
    out = tmp_path / "work"
    scan_tree(tree, out=out, labels=tree / "labels.csv", on="accession", workers=1, salt=project_salt())
    card = load_card(out / "card.yaml")
    assert card.modality == "CT"
    assert set(card.labels) == {"finding"}
    assert check_card(card, tree) == []
    for path in sorted((tree / "east" / "study0").rglob("im*")):
        path.unlink()
    drifts = {drift.what for drift in check_card(card, tree)}
    assert {"studies", "classes.finding.0"} <= drifts


def test_every_trait_of_a_subgroup_is_read_from_headers(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    radiograph = {"Modality": "DX", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1", "KVP": 90,
                  "ConvolutionKernel": None, "SliceThickness": None, "ImageOrientationPatient": None,
                  "ImagePositionPatient": None, "ImageType": ["ORIGINAL", "PRIMARY"], "slices": 1,
                  "Manufacturer": "ACME"}
    told = {"0": "PA", "1": "AP", "2": "LATERAL", "3": "", "4": "MRS DOE STANDING"}
    for number, view in told.items():
        ct_series(tree / number, number, patient=f"P{number}", ViewPosition=view, PatientSex="F", PatientAge="047Y",
                  AccessionNumber=number, **radiograph)
    ct_series(tree / "ct", "5", patient="P5", slices=12, spacing=1.0, AccessionNumber="5")
    (tree / "labels.csv").write_text("accession,finding\n" + "".join(f"{n},{n % 2}\n" for n in range(6)))
    found = catalogue(DicomTree(labels="labels.csv", on="accession"), tree)
    traits = {item.path.relative_to(tree).parts[0]: dict(item.traits) for item in found.items}
    assert {name: each.get("view") for name, each in traits.items()} == {
        "0": "PA", "1": "AP", "2": "lateral", "3": None, "4": None, "ct": None}
    assert traits["0"] == {"sex": "F", "age": "40-49", "manufacturer": "ACME", "view": "PA"}
    assert traits["ct"] == {"manufacturer": "SIEMENS", "kernel": "B30f", "slice_thickness": "above 3 mm"}
    scan_tree(tree, out=tmp_path / "out", workers=1, salt=SALT)
    assert "DOE" not in (tmp_path / "out" / "series.csv").read_text()
