"""The matrix as its user meets it."""
from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from medtl.api.matrix import plan
from medtl.api.variants import Variants, words_for_folders
from medtl.errors import ConfigError
from tests.api.hospitals import config, medtl

THREE = "{source: [north, east], target: [south]}"


def test_the_plan_is_every_pair_and_every_site_left_out(work: Path) -> None:
    file = config(work, sites=THREE, transfer="{network: [{method: layerwise_lr}], mapping: [{method: dan}]}")
    planned = plan(Variants.of(file), 2, ("source_only", "config", "dann", "freeze:until=layer2"))
    pairs = {(p.sources, p.target) for p in planned}
    sites = ("north", "east", "south")
    assert pairs == {((a,), b) for a in sites for b in sites if a != b} | {
        (tuple(s for s in sites if s != t), t) for t in sites}
    assert len(planned) == len(pairs) * 2 * 4 == len({p.spec.name for p in planned})
    for p in planned:
        transfer = p.spec.config.transfer
        named = {f: [e["method"] for e in getattr(transfer, f)] for f in ("network", "mapping", "adversarial")}
        assert (p.spec.config.sites.source, p.spec.config.sites.target) == (p.sources, (p.target,))
        assert p.spec.config.train.seed == p.seed
        assert not p.spec.config.train.baseline
        assert named == {
            "source_only": {"network": ["layerwise_lr"], "mapping": [], "adversarial": []},
            "config": {"network": ["layerwise_lr"], "mapping": ["dan"], "adversarial": []},
            "dann": {"network": ["layerwise_lr"], "mapping": [], "adversarial": ["dann"]},
            "freeze:until=layer2": {"network": ["freeze"], "mapping": [], "adversarial": []},
        }[p.method]


def test_all_methods_train_the_same_network(work: Path) -> None:
    """A penalty on a frozen front needs an adaptation layer, so what it is compared with has it too."""
    file = work / "c.yaml"
    text = config(work, transfer="{network: [{method: freeze, until: layer2}]}").read_text()
    file.write_text(text.replace(", adaptation: 8", ""))
    widths = {p.method: p.spec.config.model.adaptation for p in plan(Variants.of(file), 1, ("source_only", "dan"))}
    assert widths == {"source_only": 256, "dan": 256}
    assert {p.spec.config.model.adaptation for p in plan(Variants.of(file), 1, ("source_only",))} == {None}


def test_names_of_sites_become_folders_apart() -> None:
    words = words_for_folders(["St. Mary's", "St_ Mary's", "Süd/2", "", "a" * 40, "a" * 39])
    assert len(set(words.values())) == 6
    assert all(word and all(c.isascii() and (c.isalnum() or c in "_-") for c in word) for word in words.values())


def test_mistakes_are_said_before_anything_is_trained(work: Path) -> None:
    file = config(work, sites="{source: [north]}", transfer="{}")
    with pytest.raises(ConfigError, match="expected at least two"):
        plan(Variants.of(file), 1, ("source_only",))
    said = medtl("matrix", "--config", config(work), "--methods", "source_only,dannn")
    assert said.code == 2
    assert "did you mean dann?" in said.err
    assert not (work / "runs").exists()


def test_from_the_command_line_and_again(work: Path) -> None:
    file = config(work, sites="{source: [north], target: [south]}")
    words = ("matrix", "--config", file, "--seeds", "2", "--methods", "source_only,dan", "--jobs", "1")
    said = medtl(*words)
    assert said.code == 0, said.err
    folder = work / "runs" / "tiny-matrix"
    rows = list(csv.DictReader((folder / "matrix.csv").read_text().splitlines()))
    assert {(r["method"], r["source"], r["site"]) for r in rows} == {
        (m, a, b) for m in ("source_only", "dan") for a in ("north", "south") for b in ("north", "south")}
    assert (folder / "runs" / "north-to-south.dan.seed-3" / "report" / "index.html").is_file()
    assert not (folder / "runs" / "north-to-south.dan.seed-3" / "baseline").exists()
    assert "AUROC, dan" in said.out
    before = {p: p.stat().st_mtime_ns for p in (folder / "runs").rglob("*") if p.is_file()}
    figures = json.loads((folder / "matrix.json").read_text())["cells"]
    assert medtl(*words).code == 0
    assert {p: p.stat().st_mtime_ns for p in (folder / "runs").rglob("*") if p.is_file()} == before
    assert json.loads((folder / "matrix.json").read_text())["cells"] == figures
