"""Bad input to ``medtl train``: what can be set aside is, the rest is one clear message and nothing is lost."""
from __future__ import annotations

import csv
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tests.api.hospitals import Said, config, contents, medtl, pictures, tree, write_manifest

SITES = {"north": 14, "south": 10}
DATA = "{{root: data, manifest: manifest.csv, augment: none, input: {{size: 32}}, max_refused: {}}}"


def no_traceback(said: Said) -> Said:
    assert "Traceback" not in said.err
    assert "fault of medtl" not in said.err
    return said


def corrupt(work: Path, *names: str) -> None:
    for name in names:
        file = work / "data" / "scans" / f"{name}.png"
        file.write_bytes(file.read_bytes()[:120])


def test_a_corrupt_scan_is_quarantined_and_the_run_goes_on(work: Path) -> None:
    rows = pictures(work / "data", SITES)
    corrupt(work, "north-3")
    said = no_traceback(medtl("train", "--config", config(work)))
    assert said.code == 0, said
    with (work / "runs" / "tiny" / "refused.csv").open(newline="") as file:
        (refused,) = csv.DictReader(file)
    assert refused["row"] == str([row[0] for row in rows].index("scans/north-3.png") + 1)
    assert refused["site"] == "north"
    assert refused["reasons"]
    assert "north-3" not in "".join(refused.values())
    page = (work / "runs" / "tiny" / "report" / "index.html").read_text()
    assert refused["reasons"].split()[0] in page
    assert "1 scans were refused" in " ".join(said.out.split())
    with (work / "runs" / "tiny" / "predictions.csv").open(newline="") as file:
        assert refused["study"] not in {row["study"] for row in csv.DictReader(file)}


@pytest.mark.parametrize(("allowed", "bad", "code"), [("0.13", 3, 0), ("0.12", 3, 3), ("0", 1, 3), ("1", 3, 0)])
def test_max_refused_is_the_share_that_may_be_set_aside(allowed: str, bad: int, code: int, work: Path) -> None:
    pictures(work / "data", SITES)  # 3 of 24 is .125
    corrupt(work, *(f"{site}-{number}" for number, site in list(enumerate(("south", "south", "north")))[:bad]))
    said = no_traceback(medtl("train", "--config", config(work, data=DATA.format(allowed))))
    assert said.code == code, said
    if code:
        assert any(f"{bad} of 24 scans cannot be used, more than data.max_refused: {allowed} allows" in line
                   for line in said.lines)
    assert (work / "runs" / "tiny" / "DONE").exists() == (code == 0)


def test_too_many_corrupt_scans_are_ten_lines_at_most_and_mending_them_goes_on(work: Path) -> None:
    pictures(work / "data", SITES)
    kept = contents(work / "data")
    corrupt(work, *(f"north-{number}" for number in range(14)))
    said = no_traceback(medtl("train", "--config", config(work)))
    assert said.code == 3
    lines = [line for line in said.lines if not line.startswith(("reading ", "preparing "))]
    assert len(lines) <= 10
    assert lines[0].startswith("14 of 24 scans cannot be used")
    assert lines[1].startswith("row 1 (north): ")
    assert "more" in lines[-1]
    for name, content in kept.items():
        (work / "data" / name).write_bytes(content)
    assert medtl("train", "--config", "tiny.yaml").code == 0


def test_a_corrupt_dicom_series_among_good_ones_is_quarantined(work: Path) -> None:
    homes = tree(work / "tree", SITES)
    for file in homes[3].iterdir():
        file.write_bytes(file.read_bytes()[:-300])
    (work / "ours.yaml").write_text(
        "name: ours\ntitle: t\nlicence: l\nmodality: CT\nlabels: {blob: {classes: ['0', '1']}}\n"
        "sites: {north: {}, south: {}}\ndo_not_use_for: [all]\n"
        "source: {name: dicom_tree, options: {labels: labels.csv, on: accession, site_from: folder}}\n"
    )
    data = "{card: ours.yaml, root: tree, augment: none, input: {size: 32, slices: 2, window: percentiles}}"
    said = no_traceback(medtl("train", "--config", config(work, data=data)))
    assert said.code == 0, said
    with (work / "runs" / "tiny" / "refused.csv").open(newline="") as file:
        (refused,) = csv.DictReader(file)
    assert "north3" not in "".join(refused.values())
    assert str(work) not in "".join(refused.values())


def _missing_folder(work: Path, rows: list[list[str]]) -> None:
    (work / "data").rename(work / "elsewhere")


def _empty(work: Path, rows: list[list[str]]) -> None:
    (work / "data" / "manifest.csv").write_text("")


def _header_only(work: Path, rows: list[list[str]]) -> None:
    write_manifest(work / "data", [])


def _no_manifest(work: Path, rows: list[list[str]]) -> None:
    (work / "data" / "manifest.csv").unlink()


def _unknown_label(work: Path, rows: list[list[str]]) -> None:
    rows[4][3] = "maybe"
    write_manifest(work / "data", rows)


def _missing_file(work: Path, rows: list[list[str]]) -> None:
    (work / "data" / rows[5][0]).unlink()


def _one_class(work: Path, rows: list[list[str]]) -> None:
    write_manifest(work / "data", [[*row[:3], "1", *row[4:]] for row in rows])


def _one_patient(work: Path, rows: list[list[str]]) -> None:
    write_manifest(work / "data", [row for row in rows if row[1] == "north" or row[2] == "p0"])


def _no_labels(work: Path, rows: list[list[str]]) -> None:
    write_manifest(work / "data", [[*row[:3], "", *row[4:]] for row in rows])


@pytest.mark.parametrize(
    ("change", "sets", "code", "part"),
    [
        (_missing_folder, (), 3, "is not a folder; set it with --set data.root=PATH"),
        (_empty, (), 3, "manifest.csv: empty; expected a header"),
        (_header_only, (), 3, "manifest.csv: a header and no rows"),
        (_no_manifest, (), 3, "manifest.csv: not found"),
        (_unknown_label, (), 3, "manifest.csv, row 5: "),
        (_missing_file, (), 3, "row 6: 'scans/north-5.png' does not exist"),
        (_one_class, (), 3, "north: one class only in its source train part"),
        (_one_patient, (), 3, "south: "),
        (_no_labels, (), 3, "north: "),
        (None, ("sites.source=[nroth]",), 2, "sites.source: no site 'nroth': did you mean 'north'?"),
        (None, ("sites.target=[souht]",), 2, "sites.target: no site 'souht': did you mean 'south'?"),
        (None, ("task.label=blop",), 3, "no column 'blop': did you mean 'blob'?"),
        (None, ("sites.target_labels={per_class: 40}",), 3, "ask for fewer"),
        (None, ("model.weights=nothing.safetensors", f"model.sha256={64 * 'a'}"), 4, "nothing.safetensors"),
        (None, ("model.backbone=test_resnett",), 2, "test_resnet"),
        (None, ("data.card=nothing",), 2, "nothing"),
    ],
)
def test_each_mistake_is_one_clear_message(
    change: Any, sets: tuple[str, ...], code: int, part: str, work: Path
) -> None:
    rows = pictures(work / "data", SITES)
    if change is not None:
        change(work, rows)
    words = [word for one in sets for word in ("--set", one)]
    said = no_traceback(medtl("train", "--config", config(work), *words))
    assert said.code == code, said
    assert part in said.err
    assert said.out == ""
    usual = ("reading ", "preparing ", "judging ", "site  ", "north  ", "south  ", "device: ")
    told = [line for line in said.lines if not line.startswith(usual)]
    assert len(told) <= 10
    assert not (work / "runs" / "tiny" / "DONE").exists()


@pytest.mark.parametrize("after", [0, 3, 9])
def test_a_full_disk_is_one_clear_message_and_freeing_space_goes_on(
    after: int, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(work / "data", SITES)
    written = []
    whole = os.replace

    def full(source: Any, target: Any) -> None:
        if "runs" in Path(target).parts:
            written.append(target)
            if len(written) > after:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        said = no_traceback(medtl("train", "--config", config(work, epochs=2)))
    assert said.code == 3, said
    assert "the disk is full; what was finished is kept: free some space" in said.lines[-1]
    assert len(written) == after + 1
    assert not list((work / "runs").rglob("*.tmp"))
    said = no_traceback(medtl("train", "--config", "tiny.yaml"))
    assert said.code == 0, said
    assert medtl("train", "--config", "tiny.yaml", "--name", "second").code == 0
    one, other = contents(work / "runs" / "tiny"), contents(work / "runs" / "second")
    assert one.keys() == other.keys()
    assert [name for name in one if name.endswith(".safetensors") and one[name] != other[name]] == []


def test_a_disk_that_is_full_while_scans_are_prepared_says_so(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(work / "data", SITES, seed=5)
    monkeypatch.setenv("MEDTL_CACHE", str(work / "cache"))

    def full(source: Any, target: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = config(work)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        said = no_traceback(medtl("train", "--config", file))
    assert said.code == 3, said
    assert "the disk is full" in said.lines[-1]
    assert str(work) not in said.err
    assert medtl("train", "--config", file).code == 0
