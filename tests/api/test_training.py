"""``medtl train`` end to end: blind to what it may not see, resumable, and every kind of roles and labels."""
from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as read_tensors

import medtl as package
from tests.api.hospitals import config, contents, medtl, own_home, pictures, tree, write_manifest

SITES = {"north": 14, "south": 10}
WHOLE = "{network: [{method: freeze, until: layer1}], instances: [{method: density_ratio}], mapping: [{method: dan}]}"


class Trained:
    """A run of each kind over the same pictures, trained when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, kind: str) -> Path:
        """Trains one, from its own copy of the project at its own place; returns its run folder."""
        with own_home(self.folder / kind, salt="cd" if kind == "salted" else "ab") as work:
            if not (work / "runs").exists():
                rows = pictures(work / "data", SITES)
                if kind == "shuffled":
                    south = [row for row in rows if row[1] == "south"]
                    labels = [row[3] for row in south]
                    random.Random(1).shuffle(labels)
                    assert labels != [row[3] for row in south]
                    for row, label in zip(south, labels, strict=True):
                        row[3] = label
                    write_manifest(work / "data", rows)
                if kind == "renamed":
                    for number, row in enumerate(rows):
                        telling = f"scans/{'healthy_a' if row[3] == '0' else 'sick_z'}_{99 - number}.png"
                        (work / "data" / row[0]).rename(work / "data" / telling)
                        row[0] = telling
                    write_manifest(work / "data", rows)
                said = medtl("train", "--config", config(work, transfer=WHOLE, epochs=2, baseline=True))
                assert said.code == 0, said
            return work / "runs" / "tiny"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("blind"))


def predictions(run: Path, *without: str) -> list[dict[str, str]]:
    with (run / "predictions.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in without} for row in csv.DictReader(file)]


def untimed(run: Path) -> list[dict[str, object]]:
    logs = [line for name in ("log.jsonl", "baseline/log.jsonl") for line in (run / name).read_text().splitlines()]
    return [{k: v for k, v in json.loads(line).items() if not k.endswith("seconds")} for line in logs]


def metrics(run: Path) -> dict[str, object]:
    """All that metrics.json states but the digest of predictions.csv, which holds ids."""
    stated = json.loads((run / "report" / "metrics.json").read_text())
    assert stated.pop("predictions")["file"] == "predictions.csv"
    return dict(stated)


def test_shuffled_target_labels_change_no_weight_no_choice_and_no_score(trained: Trained) -> None:
    base, shuffled = trained.run("base"), trained.run("shuffled")
    before, after = contents(base), contents(shuffled)
    assert before.keys() == after.keys()
    exact = [name for name in before if "/" in name and "report/" not in name] + [
        "model.safetensors", "model.json", "data.json", "input.json", "config.yaml", "catalogue.csv", "refused.csv"]
    exact = [name for name in exact if not name.endswith(("log.jsonl", "provenance.json", "split.json"))]
    exact = [name for name in exact if not name.endswith("predictions.csv")]
    exact = [name for name in exact if not name.startswith("thumbnails/")]  # of answers that the labels call wrong
    assert sum(name.endswith(".safetensors") for name in exact) >= 6
    assert {"stages/00-fit/done.json", "stages/weights.json", "stages/00-fit/oracle.safetensors"} <= set(exact)
    assert [name for name in exact if before[name] != after[name]] == []
    assert untimed(base) == untimed(shuffled)
    assert predictions(base, "label") == predictions(shuffled, "label")
    moved = [one["role"] for one, other in zip(predictions(base), predictions(shuffled), strict=True) if one != other]
    assert moved
    assert set(moved) == {"target"}
    assert metrics(base)["thresholds"] == metrics(shuffled)["thresholds"]
    assert metrics(base) != metrics(shuffled)


@pytest.mark.parametrize("kind", ["renamed", "salted"])
def test_names_of_files_and_the_salt_change_ids_only(kind: str, trained: Trained) -> None:
    base, other = trained.run("base"), trained.run(kind)
    before, after = contents(base), contents(other)
    assert before.keys() == after.keys()
    tensors = [name for name in before if name.endswith(".safetensors")]
    named = ("oracle.safetensors", "features.safetensors")  # their metadata names studies
    assert [name for name in tensors if not name.endswith(named) and before[name] != after[name]] == []
    for name in tensors:
        one, two = read_tensors(before[name]), read_tensors(after[name])
        assert all(np.array_equal(one[key], two[key]) for key in one)
    assert untimed(base) == untimed(other)
    ids = {row["study"] for row in predictions(base)}
    assert not ids & {row["study"] for row in predictions(other)}
    assert predictions(base, "study", "patient") == predictions(other, "study", "patient")
    assert metrics(base) == metrics(other)
    for name in ("split.json", "stages/weights.json", "stages/00-fit/done.json", "config.yaml", "data.json"):
        assert before[name] == after[name], name


def test_a_finished_run_says_so_and_another_config_is_shown_its_differences(trained: Trained) -> None:
    work = trained.run("base").parents[1]
    with own_home(work.parent):
        before = {name: content for name, content in contents(work / "runs" / "tiny").items() if "report/" not in name}
        said = medtl("train", "--config", "tiny.yaml")
        assert said.code == 0, said
        assert "runs/tiny is finished already: nothing to do" in said.out
        assert "Test studies per site" in said.out
        other = medtl("train", "--config", "tiny.yaml", "--set", "train.lr=0.5", "--set", "train.epochs=9")
        assert other.code == 3
        assert other.lines[1:] == ["  train.epochs: was 2, now 9", "  train.lr: was 0.001, now 0.5"]
        assert "runs/tiny: holds a run of another config" in other.lines[0]
        after = {name: content for name, content in contents(work / "runs" / "tiny").items() if "report/" not in name}
        assert before == after


def test_the_python_api_finds_the_same_run(trained: Trained) -> None:
    run = trained.run("base")
    with own_home(run.parents[2]):
        result = package.train("tiny.yaml")
        assert result.path == Path("runs/tiny")
        assert (result.path / "report" / "index.html").is_file()
        assert result.evaluated.predictions == Path("runs/tiny/predictions.csv")


def test_ctrl_c_in_the_middle_of_training_then_the_same_command_gives_the_same_bits(
    work: Path, trained: Trained
) -> None:
    pictures(work / "data", SITES)
    config(work, transfer=WHOLE, epochs=2, baseline=True)
    script = (  # slow steps, so that the interrupt meets one; a shell's background jobs start with interrupts ignored
        "import signal, sys, time; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from medtl.training.fit import _Loop; step = _Loop._step\n"
        "def slow(*a, **k):\n    print('step', flush=True); time.sleep(0.3); return step(*a, **k)\n"
        "_Loop._step = slow\nfrom medtl.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, "train", "--config", "tiny.yaml"], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])},
    )
    assert process.stdout is not None
    steps = next(number for number, line in enumerate(process.stdout) if line == "step\n" and number == 2)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert steps == 2
    assert error.splitlines()[-1].startswith("interrupted: nothing that was finished is lost")
    assert "Traceback" not in error
    assert not (work / "runs" / "tiny" / "DONE").exists()
    assert (work / "runs" / "tiny" / "stages" / "00-fit" / "state.json").exists()
    said = medtl("train", "--config", "tiny.yaml")
    assert said.code == 0, said
    assert "runs/tiny: unfinished; resuming" in said.lines
    assert any(line.startswith("training, stage fit, from epoch 2 of 2: 2/2, ") for line in said.lines), said.err
    reference, resumed = contents(trained.run("base")), contents(work / "runs" / "tiny")
    assert reference.keys() == resumed.keys()
    assert [name for name in reference if name.endswith(".safetensors") and reference[name] != resumed[name]] == []
    assert predictions(trained.run("base")) == predictions(work / "runs" / "tiny")
    assert untimed(trained.run("base")) == untimed(work / "runs" / "tiny")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Four sites of pictures, trained on in many ways."""
    with own_home(tmp_path_factory.mktemp("many")) as work:
        pictures(work / "data", {"north": 14, "east": 14, "south": 10, "west": 10})
        yield work


@pytest.mark.parametrize(
    ("task", "sites", "transfer", "names"),
    [
        ("{label: blob}", "{source: [north, east], target: [south, west]}", "{adversarial: [{method: dann}]}",
         ["score_0", "score_1"]),
        ("{label: grade, classes: [a, b, c]}", "{source: [north, east], target: [south]}", "{mapping: [{method: dan}]}",
         ["score_a", "score_b", "score_c"]),
        ("{labels: [left, right]}", "{source: [north, east], target: [south]}", "{mapping: [{method: dan}]}",
         ["score_left", "score_right"]),
        ("{label: blob}", "{source: [north], target: [south], target_labels: {per_class: 2}}", "{}",
         ["score_0", "score_1"]),
        ("{label: blob}", "{source: [north], target: [south], target_labels: all}", "{mapping: [{method: dan}]}",
         ["score_0", "score_1"]),
    ],
    ids=["many_sites", "multiclass", "multilabel", "few_target_labels", "all_target_labels"],
)
def test_roles_and_tasks_of_every_kind_train(
    task: str, sites: str, transfer: str, names: list[str], many: Path, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    said = medtl("train", "--config", config(many, name, task=task, sites=sites, transfer=transfer, baseline=True))
    assert said.code == 0, said
    rows = predictions(many / "runs" / name)
    assert [key for key in rows[0] if key.startswith("score_")] == names
    assert {row["model"] for row in rows} == {"adapted", "baseline"}
    scores = np.array([[float(row[key]) for key in names] for row in rows])
    assert ((scores >= 0) & (scores <= 1)).all()
    if "label:" in task:
        assert np.allclose(scores.sum(axis=1), 1)
    wanted = {word.strip(" []{}") for word in sites.partition("target_labels")[0].replace(":", ",").split(",")}
    assert {row["site"] for row in rows} == wanted & {"north", "east", "south", "west"}
    with (many / "runs" / name / "catalogue.csv").open(newline="") as file:
        seen = [row for row in csv.DictReader(file) if row["role"] == "target" and row["hidden"] == "0"]
    expected = {"few_target_labels": 4, "all_target_labels": 5}.get(name, 0)
    assert len(seen) == expected
    assert {row["split"] for row in seen} <= {"adapt"}


def test_dicom_of_one_hospital_trains_without_a_target(work: Path) -> None:
    tree(work / "tree", {"north": 14})
    (work / "ours.yaml").write_text(
        "name: ours\ntitle: t\nlicence: l\nmodality: CT\nlabels: {blob: {classes: ['0', '1']}}\n"
        "sites: {north: {studies: 14}}\ndo_not_use_for: [all]\n"
        "source: {name: dicom_tree, options: {labels: labels.csv, on: accession, site_from: folder}}\n"
    )
    file = config(work, data="{card: ours.yaml, root: tree, augment: none, input: {size: 32, slices: 2}}",
                  sites="{source: [north]}", transfer="{network: [{method: freeze, until: layer1}]}", baseline=True)
    said = medtl("train", "--config", file)
    assert said.code == 0, said
    rows = predictions(work / "runs" / "tiny")
    assert {(row["role"], row["split"]) for row in rows} == {("source", "val"), ("source", "test")}
    assert "north" in said.out


def test_sites_that_are_hashes_of_headers_are_split_and_trained_alike_under_any_salt(tmp_path: Path) -> None:
    found = {}
    for salt in ("ab", "cd"):
        with own_home(tmp_path / salt, salt=salt) as work:
            tree(work / "tree", {"north": 12, "south": 12})
            (work / "ours.yaml").write_text(
                "name: ours\ntitle: t\nlicence: l\nmodality: CT\nlabels: {blob: {classes: ['0', '1']}}\n"
                "sites: {}\ndo_not_use_for: [all]\n"
                "source: {name: dicom_tree, options: {labels: labels.csv, on: accession}}\n"
            )
            data = "{card: ours.yaml, root: tree, augment: light, input: {size: 32, slices: 2, window: percentiles}}"
            assert medtl("scan", "tree", "--out", "found", "--headers-only", "--workers", "1").code == 0
            hashes = ", ".join(json.loads((work / "found" / "intake.json").read_text())["sites"])
            said = medtl("train", "--config", config(work, data=data, sites=f"{{source: [{hashes}]}}", transfer="{}"))
            assert said.code == 0, said
            run = work / "runs" / "tiny"
            with (run / "catalogue.csv").open(newline="") as file:
                parts = [(row["row"], row["role"], row["split"]) for row in csv.DictReader(file)]
            scores = sorted((row["split"], row["label"], row["score_1"]) for row in predictions(run))
            sites = {row["site"] for row in predictions(run)}
            figures = json.dumps(metrics(run))
            for place, site in enumerate(hashes.split(", ")):
                figures = figures.replace(site, f"site {place}")
            found[salt] = (parts, scores, (run / "model.safetensors").read_bytes(), json.loads(figures), sites)
    assert found["ab"][:4] == found["cd"][:4]
    assert not found["ab"][4] & found["cd"][4]
