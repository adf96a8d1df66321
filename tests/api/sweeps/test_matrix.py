"""The matrix as its user meets it."""
from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from medtl.api.matrix import plan
from medtl.api.variants import HARMONISED, Variants, spelt_out, words_for_folders
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


def test_every_way_of_harmonising_is_a_row_of_its_own(work: Path) -> None:
    file = config(work, transfer="{network: [{method: freeze, until: layer2}], mapping: [{method: dan}]}")
    named = spelt_out(["source_only", "harmonisation", "dan", "tent"])
    assert named == ("source_only", *HARMONISED, "dan")
    made = {p.method: p.spec.config for p in plan(Variants.of(file), 1, named)}
    asked = {name: (c.data.harmonize, c.model.bn, c.evaluate.adapt, c.data.augment) for name, c in made.items()}
    usual = asked["source_only"]
    assert usual == ("none", "joint", "none", made["dan"].data.augment)
    assert asked["dan"] == usual
    for name, place, value in (("histogram", 0, "histogram"), ("site_z", 0, "site_z"), ("combat", 0, "combat"),
                               ("adabn", 1, "adabn"), ("tent", 2, "tent"), ("strong", 3, "strong")):
        assert asked[name] == (*usual[:place], value, *usual[place + 1:])
    assert all(not c.transfer.mapping for name, c in made.items() if name != "dan")
    assert all(c.transfer.network == made["source_only"].transfer.network for c in made.values())
    with pytest.raises(ConfigError, match="expected none"):
        Variants.of(file).method("histogram:bins=3")


@pytest.mark.slow
def test_a_row_of_tent_is_of_the_answers_that_adapt(work: Path) -> None:
    file = config(work, sites="{source: [north], target: [south]}")
    said = medtl("matrix", "--config", file, "--seeds", "1", "--methods", "source_only,tent", "--jobs", "1", "--set",
                 "evaluate.bootstrap=20")
    assert said.code == 0, said.err
    runs = work / "runs" / "tiny-matrix" / "runs"
    cells = list(csv.DictReader((runs.parent / "matrix.csv").read_text().splitlines()))
    cell = next(c for c in cells if (c["method"], c["source"], c["site"]) == ("tent", "north", "south"))
    rows = [row for row in csv.DictReader((runs / "north-to-south.tent.seed-3" / "predictions.csv").read_text()
                                          .splitlines()) if (row["site"], row["split"]) == ("south", "test")]
    assert {row["model"] for row in rows} == {"baseline", "tent"}
    adapting = [row for row in rows if row["model"] == "tent"]
    area = roc_auc_score([row["label"] == "1" for row in adapting], [float(row["score_1"]) for row in adapting])
    assert float(cell["auroc"]) == pytest.approx(area, abs=1e-6)


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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_one_process_two_processes_and_ray_write_the_same_matrix(work: Path) -> None:
    pytest.importorskip("ray")
    file = config(work, sites="{source: [north], target: [south]}")
    short = ("--set", "evaluate.audit=off", "--set", "evaluate.failures=0", "--set", "evaluate.bootstrap=50")
    words = ("matrix", "--config", file, "--seeds", "1", "--methods", "source_only,dan", *short)
    told = {}
    for name, more in (("one", ("--jobs", "1")), ("two", ("--jobs", "2")), ("ray", ("--jobs", "2", "--engine", "ray"))):
        said = medtl(*words, "--name", name, *more)
        assert said.code == 0, said.err
        folder = work / "runs" / name
        runs = {run.name: (run / "predictions.csv").read_bytes() for run in (folder / "runs").iterdir()}
        assert len(runs) == 4  # both ways, two methods
        told[name] = ((folder / "matrix.csv").read_bytes(), json.loads((folder / "matrix.json").read_text())["cells"],
                      runs)
    assert told["one"] == told["two"] == told["ray"]
