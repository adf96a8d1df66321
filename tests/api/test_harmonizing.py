"""Harmonisation and test-time adaptation from config to package: fitted without test scans, resumed, exported, told."""
from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medtl.data.harmonize import Harmonization
from medtl.evaluation.audit import read_audit
from medtl.export.contract import Contract
from medtl.models import store
from medtl.models.harmonize import layer_of
from medtl.predictions import read_predictions
from tests.api.hospitals import config, contents, medtl, pictures

SITES = {"north": 26, "east": 24, "south": 24, "west": 24}
FROZEN = "{network: [{method: freeze, until: all}]}"
ROLES = "{source: [north, east], target: [south]}"


def data_of(work: Path) -> None:
    """Pictures of four hospitals; the south is darker and flatter."""
    rows = pictures(work / "data", SITES)
    for row in rows:
        if row[1] == "south":
            file = work / "data" / row[0]
            Image.fromarray((np.asarray(Image.open(file)) * 0.5 + 10).astype(np.uint8)).save(file)


def harmonized_config(work: Path, method: str, *, transfer: str = FROZEN, baseline: bool = False, **more: str) -> Path:
    extra = {"sites": ROLES, **more}
    return config(
        work, method, transfer=transfer, baseline=baseline, **extra,  # type: ignore[arg-type]
        data=f"{{root: data, manifest: manifest.csv, augment: none, input: {{size: 32}}, harmonize: {method}}}",
    )


def scores(run: Path) -> dict[str, float]:
    p = read_predictions(run / "predictions.csv")
    return {f"{m}/{s}": float(x) for m, s, x in zip(p.model, p.study, p.scores[:, -1], strict=True)}


@pytest.mark.parametrize("method", ["histogram", pytest.param("site_z", marks=pytest.mark.slow), "combat"])
def test_a_run_harmonises_says_so_and_exports_what_it_did(work: Path, method: str) -> None:
    data_of(work)
    said = medtl("train", "--config", harmonized_config(work, method))
    assert said.code == 0, said.err
    run = work / "runs" / method
    told = json.loads((run / "provenance.json").read_text())
    assert told["harmonize"] == method
    assert any(note.startswith(f"harmonised ({method})") for note in told["notes"])
    assert f"harmonised ({method})" in (run / "report" / "index.html").read_text()
    if method == "combat":
        layer = layer_of(store.load(run))
        assert layer is not None
        assert layer.sites == ("north", "east", "south")
        assert layer.sites[layer.answers] == "south"
    else:
        kept = Harmonization.from_json(json.loads((run / "harmonize.json").read_text()))
        assert set(kept.scans) == ({"north", "east"} if method == "histogram" else {"north", "east", "south"})

    done = medtl("export", run, "--out", "package")
    assert done.code == 0, done.err
    contract = Contract.read(work / "package")
    site = None if method == "histogram" else "south"
    assert contract.training["harmonize"]["site"] == site
    assert "## Harmonisation" in (work / "package" / "card.md").read_text()
    with (work / "data" / "manifest.csv").open() as file:
        files = [row["path"] for row in csv.DictReader(file) if row["site"] == "south"]
    answered = medtl("predict", "package", *(work / "data" / name for name in files), "--out", "answers.csv")
    assert answered.code == 0, answered.err
    with (work / "answers.csv").open() as file:
        rows = list(csv.DictReader(file))
    known = scores(run)
    model = read_predictions(run / "predictions.csv").models[0]
    for row in rows:
        assert float(row["score_1"]) == pytest.approx(known[f"{model}/{row['study']}"], abs=2e-5)
        assert ("harmonised as a scan of south" in row["reason"]) is (site is not None)

    other = medtl("export", run, "--out", "north", "--site", "north")
    unknown = medtl("export", run, "--out", "never", "--site", "nroth")
    if site is None:
        assert other.code == 2
        assert "nothing in this run depends on the hospital" in other.err
    else:
        assert other.code == 0, other.err
        assert Contract.read(work / "north").training["harmonize"]["site"] == "north"
        assert unknown.code == 2
        assert "did you mean north?" in unknown.err
    assert not (work / "never").exists()


def test_target_labels_and_test_scans_change_nothing_that_was_fitted(work: Path) -> None:
    data_of(work)
    assert medtl("train", "--config", harmonized_config(work, "combat"), "--name", "one").code == 0
    table = work / "data" / "manifest.csv"
    lines = table.read_text().splitlines()
    flipped = [line if ",south," not in line else ",".join(
        [*(cells := line.split(","))[:3], str(1 - int(cells[3])), *cells[4:]]) for line in lines]
    assert flipped != lines
    table.write_text("\n".join(flipped) + "\n")
    assert medtl("train", "--config", harmonized_config(work, "combat"), "--name", "two").code == 0
    assert (work / "runs/one/model.safetensors").read_bytes() == (work / "runs/two/model.safetensors").read_bytes()
    assert scores(work / "runs/one") == scores(work / "runs/two")


def test_a_finished_stage_is_taken_up_with_the_same_maps(work: Path) -> None:
    data_of(work)
    file = harmonized_config(work, "combat")
    assert medtl("train", "--config", file).code == 0
    run = work / "runs" / "combat"
    before = contents(run)
    for name in ("DONE", "model.safetensors", "model.json", "predictions.csv"):
        (run / name).unlink()
    assert medtl("train", "--config", file).code == 0
    after = contents(run)
    assert all(after[name] == before[name] for name in ("model.safetensors", "predictions.csv", "log.jsonl"))


@pytest.mark.slow
def test_the_baseline_of_a_harmonised_run_is_the_same_without(work: Path) -> None:
    data_of(work)
    said = medtl("train", "--config", harmonized_config(work, "site_z", baseline=True))
    assert said.code == 0, said.err
    run = work / "runs" / "site_z"
    assert "harmonize: none" in (run / "baseline" / "config.yaml").read_text()
    assert not (run / "baseline" / "harmonize.json").exists()
    p = read_predictions(run / "predictions.csv")
    assert p.models == ("adapted", "baseline")
    kept = p.where(p.model == "baseline")
    for name in ("DONE", "predictions.csv"):
        (run / name).unlink()
    assert medtl("train", "--config", harmonized_config(work, "site_z", baseline=True)).code == 0
    again = read_predictions(run / "predictions.csv")
    np.testing.assert_array_equal(again.where(again.model == "baseline").scores, kept.scores)


def test_what_combat_cannot_stand_on_is_refused_before_training(work: Path) -> None:
    data_of(work)
    for transfer, words in (("{}", "this run's encoder moves"),
                            ("{network: [{method: freeze, until: all}], mapping: [{method: tca}]}", "own stages")):
        said = medtl("train", "--config", harmonized_config(work, "combat", transfer=transfer), "--name", words[:3])
        assert said.code == 2
        assert words in said.err


@pytest.mark.parametrize("method", [pytest.param("site_z", marks=pytest.mark.slow), "combat"])
def test_another_hospital_gets_statistics_of_its_own_scans_and_that_is_said(work: Path, method: str) -> None:
    data_of(work)
    assert medtl("train", "--config", harmonized_config(work, method)).code == 0
    (work / "data_cards").mkdir()
    (work / "data_cards" / "elsewhere.yaml").write_text(
        "name: elsewhere\ntitle: T\nwhat: W\nlicence: L\nmodality: CT\n"
        "source: {name: manifest, options: {file: west.csv}}\n"
        "labels:\n  blob: {classes: ['0', '1'], what: B}\npatients: per_site\nsites:\n  west: {what: W, studies: 24}\n"
        "do_not_use_for: [anything]\n")
    lines = (work / "data" / "manifest.csv").read_text().splitlines()
    (work / "data" / "west.csv").write_text("\n".join([lines[0], *(x for x in lines if ",west," in x)]) + "\n")
    said = medtl("evaluate", f"runs/{method}", "--card", "elsewhere", "--root", work / "data")
    assert said.code == 0, said.err
    assert f"{method} has no statistics of west" in " ".join((said.out + said.err).split())
    audit = read_audit(work / "runs" / method / "evaluations" / "elsewhere")
    assert audit is not None
    assert audit.sites == ("west",)


def test_tent_is_marked_changes_target_tests_alone_and_is_not_exported(work: Path) -> None:
    data_of(work)
    file = config(work, "tent", sites=ROLES, transfer="{}",
                  data="{root: data, manifest: manifest.csv, augment: none, input: {size: 32}}")
    assert medtl("train", "--config", file, "--set", "evaluate.adapt=tent").code == 0
    p = read_predictions(work / "runs/tent/predictions.csv")
    assert p.models == ("baseline", "tent")
    tent, plain = (p.where(p.model == name) for name in ("tent", "baseline"))
    assert set(tent.split[tent.role == "target"]) == {"test"}
    np.testing.assert_array_equal(tent.scores[tent.role == "source"], plain.scores[plain.role == "source"])
    same = (plain.role == "target") & (plain.split == "test")
    assert not np.array_equal(tent.scores[tent.role == "target"], plain.scores[same])
    report = json.loads((work / "runs/tent/report/metrics.json").read_text())
    assert any("tent against baseline" in one["site"] for one in report["comparisons"])
    done = medtl("export", "runs/tent")
    assert done.code == 0, done.err
    said = medtl("train", "--config", file, "--name", "frozen", "--set", "evaluate.adapt=tent", "--set",
                 "model.bn=frozen")
    assert said.code == 2
    assert "tent moves scale and shift of batch normalisation" in said.err


def test_an_audit_stands_beside_every_report_unless_it_is_off(work: Path) -> None:
    data_of(work)
    file = config(work, "audited", sites=ROLES, transfer="{}",
                  data="{root: data, manifest: manifest.csv, augment: none, input: {size: 32, window: none}}")
    said = medtl("train", "--config", file)
    assert said.code == 0, said.err
    audit = read_audit(work / "runs/audited/report")
    assert audit is not None
    assert {"site_readable", "window_mismatch"} <= audit.codes
    out = " ".join((said.out + said.err).split())
    assert "audit:" in out
    assert "window_mismatch: the grey values of south are those of" in out
    assert medtl("train", "--config", file, "--name", "quiet", "--set", "evaluate.audit=off").code == 0
    assert read_audit(work / "runs/quiet/report") is None
