"""Recommendations as their user meets them."""
from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from medtl.api.candidates import LABELLED, UNLABELLED, candidates_for
from medtl.api.variants import Variants
from medtl.config.load import load_config
from medtl.errors import ConfigError
from tests.api.hospitals import config, medtl, write_manifest

FEW = "{source: [north], target: [south], target_labels: {per_class: 4}}"


def test_the_stated_list_holds_what_the_data_can_feed(work: Path) -> None:
    unlabelled = candidates_for(Variants.of(config(work)))
    assert unlabelled[0].name == "source_only"
    named = [one.name for one in unlabelled[1:]]
    assert [name for name in named if "freeze" not in name] == ["config", *(m for m in UNLABELLED if m != "dan")]
    frozen = [{m["until"] for m in one.config.transfer.network} for one in unlabelled if "freeze" in one.name]
    assert len(frozen) == 2
    assert frozen[0] != frozen[1]
    few = candidates_for(Variants.of(config(work, sites=FEW)))
    assert set(LABELLED) <= {one.name for one in few}
    assert all(one.config.sites.split_seed == 3 for one in few)
    alone = candidates_for(Variants.of(config(work, transfer="{}")))
    assert alone[0].name == "source_only"
    assert "config" not in [one.name for one in alone]


def test_what_adapts_while_it_answers_cannot_be_chosen_by_its_answers(work: Path) -> None:
    variants = Variants.of(config(work))
    named = [one.name for one in candidates_for(variants, ("histogram", "adabn"))]
    assert named == ["source_only", "histogram", "adabn"]
    for asked in ("tent", "harmonisation"):
        with pytest.raises(ConfigError, match=r"candidates tent: .* `medtl matrix"):
            candidates_for(variants, (asked,))


@pytest.mark.slow
def test_few_labels_choose_by_cross_validation_and_the_answer_can_be_trained(work: Path) -> None:
    file = config(work, sites=FEW)
    said = medtl("recommend", "--config", file, "--minutes", "10", "--candidates", "dan", "--seeds", "2", "--jobs", "1")
    assert said.code == 0, said.err
    folder = work / "runs" / "tiny-recommend"
    told = json.loads((folder / "recommend.json").read_text())
    assert told["untried"] == []
    assert told["tried"] == 2
    assert {one["name"] for one in told["candidates"]} == {"source_only", "dan"}
    assert "cross-validation" in told["rule"]
    assert "2 candidates tried" in said.out
    hidden = {}
    for name in ("", ".fold-0", ".fold-1", ".fold-2", ".fold-3"):
        with (folder / "runs" / f"dan.seed-3{name}" / "catalogue.csv").open() as rows:
            hidden[name] = {(r["split"], r["study"]) for r in csv.DictReader(rows)
                            if r["role"] == "target" and r["hidden"] == "1"}
    folds = [hidden[name] - hidden[""] for name in hidden if name]
    assert [len(fold) for fold in folds] == [2, 2, 2, 2]
    assert len(set.union(*folds)) == 8
    assert {split for fold in folds for split, _ in fold} == {"adapt"}
    written = load_config(folder / "recommended.yaml", [f"data.root={work / 'data'}"])
    assert written.sites.hidden_fold is None
    assert written.train.baseline
    assert ("no adaptation is supported" in said.out) == (not told["supported"])
    if told["winner"] != "source_only":
        assert told["judged"]["comparisons"]
        tests = [{(r["study"], r["site"]) for r in csv.DictReader((folder / "runs" / f"{who}.seed-{seed}" /
                 "predictions.csv").read_text().splitlines()) if (r["role"], r["split"]) == ("target", "test")}
                 for who in ("dan", "source_only") for seed in (3, 4)]
        assert all(test == tests[0] for test in tests)
    assert medtl("recommend", "--config", file, "--minutes", "10", "--candidates", "dan", "--seeds", "2",
                 "--jobs", "1").code == 0


@pytest.mark.slow
def test_what_the_probe_found_of_the_source_is_said_and_the_rule_for_few_labels_is_a_config(work: Path) -> None:
    said = medtl("recommend", "--config", config(work, sites=FEW, transfer="{}"), "--minutes", "10", "--candidates",
                 "probe", "--seeds", "1", "--jobs", "1")
    assert said.code == 0, said.err
    folder = work / "runs" / "tiny-recommend"
    told = json.loads((folder / "recommend.json").read_text())
    (line,) = [line for line in told["said"] if line.startswith("probe: the source")]
    assert "probe with fit_on: target" in line
    assert "left out" in line
    plain = " ".join(said.out.split())
    assert "this run equals probe with fit_on: target" in plain
    assert "the rule for few labels: probe (8 labelled target patients" in plain
    written = load_config(folder / "few_labels.yaml", [f"data.root={work / 'data'}"])
    assert [entry["method"] for entry in written.transfer.network] == ["probe"]
    assert str(work) not in (folder / "few_labels.yaml").read_text()


def test_target_labels_choose_nothing_where_they_are_hidden(work: Path) -> None:
    rows = [line.split(",") for line in (work / "data" / "manifest.csv").read_text().splitlines()[1:]]
    orders = []
    for name in ("as-they-are", "turned"):
        file = config(work, name)
        said = medtl("recommend", "--config", file, "--minutes", "10", "--candidates", "dan", "--seeds", "1",
                     "--jobs", "1")
        assert said.code == 0, said.err
        told = json.loads((work / "runs" / f"{name}-recommend" / "recommend.json").read_text())
        orders.append([(one["name"], one["score"], one["parts"]) for one in told["candidates"]])
        write_manifest(work / "data", [[*r[:3], str(1 - int(r[3])) if r[1] == "south" else r[3], *r[4:]] for r in rows])
    assert orders[0] == orders[1]


def test_no_time_at_all_is_said(work: Path) -> None:
    said = medtl("recommend", "--config", config(work), "--minutes", "0.0001", "--candidates", "dan", "--jobs", "1")
    assert said.code == 3
    assert "no candidate was finished" in said.err
    assert "time was up" in said.err
    assert medtl("recommend", "--config", config(work), "--minutes", "0").code == 2
    assert medtl("recommend", "--config", config(work, sites="{source: [north]}", transfer="{}"),
                 "--minutes", "1").code == 2
