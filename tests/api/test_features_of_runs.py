"""``rank``, ``cluster`` and ``transferable``, and a probe's run, as their user meets them."""
from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.hospitals import config, medtl, own_home, pictures

SITES = {"north": 28, "east": 28, "south": 40}
ROLES = "{source: [north, east], target: [south], target_labels: {per_class: 5}}"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with own_home(tmp_path_factory.mktemp("features")) as folder:
        pictures(folder / "data", SITES)
        yield folder


@pytest.fixture(scope="module")
def run(work: Path) -> Path:
    file = config(work, "plain", sites=ROLES, transfer="{network: [{method: freeze, until: layer1}]}")
    said = medtl("train", "--config", file)
    assert said.code == 0, said
    return work / "runs" / "plain"


def test_layers_and_sites_are_ranked_without_training(work: Path) -> None:
    out = work / "rank.json"
    said = medtl("rank", "--config", config(work, "ranked", sites=ROLES), "--draws", "20", "--out", out)
    assert said.code == 0, said
    assert "Source sites" in said.out
    told = json.loads(out.read_text())
    assert told["labels"] == "visible target labels"
    probes = [layer["probe"]["value"] for layer in told["layers"]]
    assert probes == sorted(probes, reverse=True)
    assert len({layer["layer"] for layer in told["layers"]}) == len(told["layers"]) >= 3
    for layer in told["layers"]:
        for name in ("logme", "h_score", "transrate"):
            assert layer[name]["low"] <= layer[name]["value"] <= layer[name]["high"]
    assert {site["site"] for site in told["sites"]} == {"north", "east"}
    assert all(0 <= site["distance"]["value"] <= 2 and site["away"] is not None for site in told["sites"])
    assert not (work / "runs" / "ranked").exists()
    said = medtl("rank", "--config", config(work, "blind"), "--draws", "0", "--out", out)
    assert said.code == 0, said
    told = json.loads(out.read_text())
    assert told["labels"] == "the source's training labels"
    assert all(site["leep"] is None for site in told["sites"])


def test_groups_are_shown_beside_what_is_known(run: Path) -> None:
    said = medtl("cluster", run, "--least", "5", "--root", run.parents[1] / "data")
    assert said.code == 0, said
    told = json.loads((run / "groups" / "groups.json").read_text())
    assert set(told["agreement"]["k-means"]) == {"site", "blob"}
    assert sum(group["n"] for group in told["groups"]) == told["scans"]
    page = (run / "groups" / "groups.html").read_text()
    shown = sorted((run / "groups").glob("group-*.png"))
    assert shown
    assert all(f'src="{picture.name}"' in page for picture in shown)
    with (run / "groups" / "groups.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == told["scans"]
    assert not any("scans/" in text for text in (page, (run / "groups" / "groups.csv").read_text()))


def test_fronts_are_kept_and_the_rest_learned_anew(run: Path) -> None:
    said = medtl("transferable", run, "--cuts", "1", "--root", run.parents[1] / "data")
    assert said.code == 0, said
    told = json.loads((run / "transferable" / "transferable.json").read_text())
    cuts = {(cut["front"], cut["until"]) for cut in told["cuts"]}
    assert {front for front, _ in cuts} == {"run", "start"}
    assert ("run", "") in cuts
    assert all(0 <= cut["share"] <= 1 for cut in told["cuts"])
    assert {(cut["site"], cut["role"]) for cut in told["cuts"]} == {
        ("north", "source"), ("east", "source"), ("south", "target")
    }


@pytest.mark.slow
def test_a_probe_tells_what_it_chose_and_is_exported(work: Path) -> None:
    file = config(work, "probed", sites=ROLES, transfer="{network: [{method: probe}]}")
    said = medtl("train", "--config", file)
    assert said.code == 0, said
    assert "probe: rbf" in said.err
    assert "fit_on: target" in said.err  # the config without the source is named
    told = json.loads(next((work / "runs" / "probed" / "stages").glob("*-probe/probe.json")).read_text())
    assert [row["fit_on"] for row in told["source"]] == ["target", "both"]
    assert told["candidates"][0]["layers"] == told["layers"] or len(told["layers"]) == 1
    exported = medtl("export", work / "runs" / "probed")
    assert exported.code == 0, exported
    changed = medtl("transferable", work / "runs" / "probed", "--root", work / "data")
    assert changed.code == 2
    assert "changed the network's shape" in changed.err
