"""The manifest's contract, and what every bad row is told."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from medtl.errors import DataError
from medtl.sources.manifest import Manifest
from medtl.types import Catalogue

SALT = b"a secret"


class Vocabulary:
    kind = "binary"
    label_names = ("finding",)

    def encode(self, raw: Sequence[str]) -> tuple[float, ...]:
        if raw[0] not in ("no", "yes", ""):
            raise ValueError(f"label 'finding': {raw[0]!r} is not in the vocabulary no, yes")
        return (math.nan if not raw[0] else float(raw[0] == "yes"),)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Catalogue]:
    """Reads a table whose scans s0.png to s29.png exist."""
    for i in range(30):
        (tmp_path / f"s{i}.png").touch()

    def run(text: str | bytes, **options: object) -> Catalogue:
        (tmp_path / "manifest.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return Manifest(**options).catalogue(root=tmp_path, task=Vocabulary(), salt=SALT)

    return run


def test_rows_become_items_in_file_order(read) -> None:
    catalogue = read("path,site,patient,study,scanner,split,finding\n"
                     "s1.png,a,p1,x,ct1,train,yes\ns0.png,b,p1,x,,,\n")
    first, second = catalogue.items
    assert [item.row for item in catalogue.items] == [1, 2]
    assert (first.site, first.scanner, first.split, first.labels) == ("a", "ct1", "train", (1.0,))
    assert math.isnan(second.labels[0])
    assert second.path.name == "s0.png"


def test_ids_are_salted_and_a_patient_is_the_pair_of_site_and_patient(read, tmp_path: Path) -> None:
    text = "path,site,patient,finding\ns0.png,a,secret-name,no\ns1.png,b,secret-name,no\ns2.png,a,,no\n"
    first, second, third = read(text).items
    assert first.patient != second.patient
    assert third.patient == ""
    assert "secret" not in repr(read(text))
    shared = read(text, shared_patient_ids=True).items
    assert shared[0].patient == shared[1].patient
    other = Manifest().catalogue(root=tmp_path, task=Vocabulary(), salt=b"another").items
    assert {i.patient for i in other if i.patient}.isdisjoint({first.patient, second.patient})


def test_rows_of_one_study_share_its_id_and_rows_without_one_do_not(read) -> None:
    text = ("path,site,patient,study,finding\n"
            "s0.png,a,p,x,no\ns1.png,a,p,x,no\ns2.png,a,q,x,no\ns3.png,a,p,,no\ns4.png,a,p,,no\n")
    studies = [item.study for item in read(text).items]
    assert studies[0] == studies[1]
    assert len(set(studies)) == 4


@pytest.mark.parametrize("text", [
    b"\xef\xbb\xbfpath,site,patient,finding\r\ns0.png,a,p,yes\r\n",
    b'"path","site","patient","finding"\n"s0.png","a","p","yes"\n\n',
    b"finding, path ,extra,site,patient\nyes, s0.png ,1,a,p",
])
def test_spellings_of_the_same_table(read, text: bytes) -> None:
    (item,) = read(text).items
    assert (item.site, item.labels, item.path.name) == ("a", (1.0,), "s0.png")


def test_columns_may_have_other_names(read) -> None:
    text = "file,hospital,person,finding,published_split\ns0.png,a,p,yes,val\n"
    (item,) = read(text, path="file", site="hospital", patient="person", split="published_split").items
    assert item.split == "val"


def test_all_bad_rows_are_told_at_once_with_row_and_fix(read) -> None:
    text = """path,site,patient,split,finding
s0.png,a,p,,maybe
gone.png,a,p,,yes
s1.png,nort,p,,yes
/etc/s2.png,a,p,,yes
../s3.png,a,p,,yes
s4.png,,p,,yes
s5.png,a,p,trian,yes
s0.png,a,p,,yes
,a,p,,yes
s6.png,a,p,yes
"""
    with pytest.raises(DataError) as error:
        read(text, sites=("north", "a"))
    assert error.value.lines == (
        "manifest.csv, row 1: label 'finding': 'maybe' is not in the vocabulary no, yes; correct it, or leave it blank "
        "if unknown",
        "manifest.csv, row 2: 'gone.png' does not exist under data.root; copy it there or remove the row",
        "manifest.csv, row 3: site 'nort' is not in the card: did you mean 'north'?",
        "manifest.csv, row 4: '/etc/s2.png' is absolute; write it relative to data.root",
        "manifest.csv, row 5: '../s3.png' leads out of data.root; write a path below it",
        "manifest.csv, row 6: no site; name the hospital in column 'site'",
        "manifest.csv, row 7: split is 'trian', expected train, val, test or blank; did you mean 'train'?",
        "manifest.csv, row 8: 's0.png' is listed in row 1 already; remove one of them",
        "manifest.csv, row 9: no path; name the scan, relative to data.root",
        "manifest.csv, row 10: 4 cells, expected 5; quote cells with commas",
    )
    assert error.value.exit_code == 3


def test_at_most_ten_lines_and_how_many_more(read) -> None:
    with pytest.raises(DataError) as error:
        read("path,site,patient,finding\n" + "".join(f"no{i}.png,a,p,yes\n" for i in range(25)))
    assert len(error.value.lines) == 10
    assert error.value.lines[-1] == "and 16 more"


@pytest.mark.parametrize(("text", "message"), [
    ("", "manifest.csv: empty; expected a header"),
    ("path,site,patient,finding\n", "a header and no rows"),
    ("path;site;patient;finding\ns0.png;a;p;yes\n", "separated by semicolons; save the table with commas"),
    ("path,site,patien,findings\ns0.png,a,p,yes\n", "no column 'patient': did you mean 'patien'"),
    ("path,path,site,patient,finding\n", "rows"),
    ("path,site,patient,finding,path\ns0.png,a,p,yes,x\n", "column 'path' stands there twice"),
    (b"path,site,patient,finding\ns0.png,\xff,p,yes\n", "not UTF-8"),
    ('path,site,patient,finding\n"s0.png,a,p,yes\n', "check its quotes"),
])
def test_tables_that_cannot_be_read_say_why(read, text, message) -> None:
    with pytest.raises(DataError, match=message):
        read(text)


def test_a_missing_folder_or_table_is_named(tmp_path: Path) -> None:
    gone = "is not a folder; set it with --set data.root"
    for root, message in ((tmp_path / "gone", gone), (tmp_path, "not found in")):
        with pytest.raises(DataError, match=message):
            Manifest().catalogue(root=root, task=Vocabulary(), salt=SALT)
