"""Configs: every mistake at once, each with its place, what was found, what was expected and what was meant."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from medtl.config.load import load_config
from medtl.config.sections import PerClass, Total
from medtl.errors import ConfigError


def minimal(**sections: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "task": {"label": "nodule"}, "data": {"manifest": "table.csv"}, "sites": {"source": ["a"], "target": ["b"]}
    }
    return {**base, **sections}


def mistakes(source: Any, overrides: Any = ()) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(source, overrides)
    assert caught.value.exit_code == 2
    return caught.value.lines


FIVE = """\
task: {label: nodule}
data:
  manifest: table.csv
  input: {window: lnug}
sites: {source: [north], target: [north]}
modle: {}
train:
  epochs: 0
transfer:
  mapping: [{method: dna}]
"""


def test_five_mistakes_are_five_lines_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "five.yaml"
    path.write_text(FIVE)
    assert mistakes(path) == (
        f"{path}:4: data.input.window: found 'lnug', expected 'lung', 'soft_tissue', 'bone', 'percentiles' or 'none'; "
        "did you mean lung?",
        f"{path}:5: sites.target: north is also in source; expected each site in one role",
        f"{path}:6: modle: unknown key; did you mean model?",
        f"{path}:8: train.epochs: found 0, expected a whole number above 0",
        f"{path}:10: transfer.mapping.0.method: found 'dna', expected a method of the family mapping; "
        "did you mean dan?",
    )


def test_a_config_is_complete_and_typed() -> None:
    config = load_config(minimal(sites={"source": ["a"], "target": ["b"], "target_labels": {"per_class": 8}}))
    assert config.sites.source == ("a",)
    assert config.sites.target_labels == PerClass(8)
    assert config.train.epochs == 20
    assert config.transfer.mapping == ()
    total = load_config(minimal(), {"sites.target_labels": {"total": 32}})
    assert total.sites.target_labels == Total(32)


def test_an_empty_block_means_its_defaults(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "task: {label: x}\ndata: {manifest: t.csv}\nsites: {source: [a]}\ntransfer:\ntrain:\n"
    )
    assert load_config(path).transfer.mapping == ()
    path.write_text("task: {label: x}\ndata: {manifest: t.csv}\nsites: {source: [a]}\ntransfer:\n  mapping:\n")
    assert load_config(path).transfer.mapping == ()


def test_method_options_come_back_with_every_default() -> None:
    config = load_config(minimal(transfer={"mapping": [{"method": "dan", "weight": 2}]}))
    (entry,) = config.transfer.mapping
    assert entry["method"] == "dan"
    assert entry["weight"] == 2.0
    assert entry["kernel_weights"] == "uniform"


def test_overrides_reach_lists_append_and_are_cited() -> None:
    config = load_config(
        minimal(transfer={"mapping": [{"method": "dan"}]}),
        ["transfer.mapping.0.weight=0.5", "sites.source.1=c", "train.lr=1e-2", "model.bn=split"],
    )
    assert config.transfer.mapping[0]["weight"] == 0.5
    assert config.sites.source == ("a", "c")
    assert config.train.lr == 0.01
    assert config.model.bn == "split"
    lines = mistakes(minimal(), ["train.epohs=3", "train.lr=fast", "sites.source.7=x", "nonsense", "model.bn.x=1"])
    assert "--set train.epohs=3: train.epohs: unknown key; did you mean epochs?" in lines
    assert {line.split(":")[0] for line in lines} == {
        "--set train.epohs=3", "--set train.lr=fast", "--set sites.source.7=x", "--set nonsense", "--set model.bn.x=1"
    }


def test_relative_paths_belong_to_their_file_and_overrides_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "project" / "mine.yaml"
    path.write_text("task: {label: x}\ndata: {manifest: t.csv, root: scans}\nsites: {source: [a]}\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = load_config(path)
    assert config.data.root == tmp_path / "project" / "scans"
    assert config.stem == "mine"
    assert config.folder == tmp_path / "project"
    assert load_config(path, ["data.root=scans"]).data.root == tmp_path / "elsewhere" / "scans"


CASES: list[tuple[dict[str, Any], str]] = [
    ({"task": {}}, r"task: found no label, expected label: COLUMN"),
    ({"task": {"label": "a", "labels": ["a", "b"]}}, r"task\.labels: found label and labels"),
    ({"task": {"labels": ["a", "b"], "classes": ["x", "y"]}}, r"task\.classes: found classes beside labels"),
    ({"task": {"labels": ["a", "a"]}}, r"task\.labels: a stands more than once"),
    ({"task": {"label": "a", "name": "clasification"}}, r"task\.name: .*did you mean classification\?"),
    ({"task": {"label": "a", "classes": ["x", "y"], "class_weights": [1.0, 2.0, 3.0]}}, r"3 weights for 2 classes"),
    ({"task": {"label": "a", "classes": [0, "b"]}}, r'task\.classes\.0: found 0, expected text \(in quotes: "0"\)'),
    ({"task": "classification"}, r"task: found 'classification', expected a mapping with name"),
    ({"data": {}}, r"data: found neither card nor manifest"),
    ({"data": {"card": "simulated_chest_tc"}}, r"data\.card: found 'simulated_chest_tc', expected a data card"),
    ({"data": {"manifest": "t", "max_refused": 1.5}}, r"max_refused: found 1.5, expected a number from 0 to 1"),
    ({"data": {"manifest": "t", "input": {"size": "128"}}}, r"size: found '128', expected a whole number from 16"),
    ({"data": {"manifest": "t", "input": {"size": 1000000}}}, r"size: found 1000000, expected a whole number from 16"),
    ({"data": {"manifest": "t", "epochs": 3}}, r"data\.epochs: unknown key; did you mean train\.epochs\?"),
    ({"sites": {}}, r"sites: found no source site"),
    ({"sites": {"source": "north"}}, r"sites\.source: found 'north', expected a list of texts such as \[north\]"),
    ({"sites": {"source": ["a"], "target_labels": "all"}}, r"target_labels: found 'all', but there is no target site"),
    ({"sites": {"source": ["a"], "transductive": True}}, r"transductive: found true, but there is no target site"),
    ({"sites": {"source": ["a"], "target": ["b"], "target_labels": {"per_class": 0}}},
     r"sites\.target_labels: found \{per_class: 0\}, expected 'none', 'all', \{per_class: a whole number above 0\} or"),
    ({"model": {"backbone": "efficientnet_lit0"}}, r"model\.backbone: .*did you mean efficientnet_lite0\?"),
    ({"model": {"weights": "w.safetensors"}}, r"model\.weights: found a file without its digest, expected sha256"),
    ({"model": {"weights": "imagnet"}}, r"model\.weights: found 'imagnet', .*did you mean imagenet\?"),
    ({"model": {"weights": "w.safetensors", "sha256": "abc"}}, r"model\.sha256: found 'abc', expected 64 digits"),
    ({"model": {"sha256": "0" * 64}}, r"model\.sha256: found a digest, but weights names no file"),
    ({"train": {"lr": float("inf")}}, r"train\.lr: found inf, expected a number above 0"),
    ({"train": {"baseline": "no"}}, r"train\.baseline: found 'no', expected true or false"),
    ({"train": {"epochs": True}}, r"train\.epochs: found true, expected a whole number"),
    ({"evaluate": {"threshold": 2}}, r"evaluate\.threshold: found 2, expected 'youden' or a number from 0 to 1"),
    ({"origin": "x"}, r"origin: unknown key"),
    ({"transfer": {"mapping": ["dan"]}}, r"transfer\.mapping\.0: found 'dan', expected \{method: NAME"),
    ({"transfer": {"mapping": [{"method": "dann"}]}}, r"dann is a method of the family adversarial; move it to"),
    ({"transfer": {"mapping": [{"method": "source_only"}]}}, r"source_only is what an empty transfer block means"),
    ({"transfer": {"mapping": [{"method": "dan", "wieght": 1}]}}, r"mapping\.0\.wieght: dan has no such option; did"),
    ({"transfer": {"mapping": [{"method": "dan", "weight": "much"}]}}, r"mapping\.0\.weight: found 'much', expected a"),
    ({"sites": {"source": ["a"]}, "transfer": {"mapping": [{"method": "dan"}]}}, r"dan needs scans of a target, but"),
    ({"transfer": {"maping": []}}, r"transfer\.maping: unknown key; did you mean mapping\?"),
]


@pytest.mark.parametrize(("sections", "expected"), CASES, ids=[pattern[:50] for _, pattern in CASES])
def test_one_mistake_is_one_line(sections: dict[str, Any], expected: str) -> None:
    (line,) = mistakes(minimal(**sections))
    assert re.search(expected, line), line
    assert line.startswith("config: ")


def test_a_line_never_breaks_and_never_grows_without_bound() -> None:
    (line,) = mistakes(minimal(train={"epochs": "x" * 10_000 + "\n"}))
    assert "\n" not in line
    assert len(line) < 200


def test_several_mistakes_about_methods_are_told_together() -> None:
    lines = mistakes(minimal(transfer={"mapping": [{"method": "dan", "weight": -1}, {"method": "nope"}]}))
    assert len(lines) == 2
