"""``medtl init`` starts projects that work as they stand."""
from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medtl.cli.failure import guarded
from medtl.config.load import load_config
from medtl.errors import ConfigError
from medtl.scaffold import SITES, STUDIES_PER_SITE, scaffold


@pytest.mark.parametrize("with_card", [True, False])
def test_what_it_writes_is_read_without_a_mistake(with_card: bool, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "project"
    said = scaffold(folder, with_card=with_card)
    config = load_config(folder / "first.yaml")
    assert config.sites.source + config.sites.target == SITES
    assert len((folder / "first.yaml").read_text().splitlines()) == 10
    assert (folder / "data_card.yaml").exists() == with_card
    assert ("medtl check data_card.yaml" in said) == with_card
    with open(folder / "manifest.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(SITES) * STUDIES_PER_SITE
    assert len({(row["site"], row["patient"]) for row in rows}) == len(rows)
    for row in rows:
        pixels = np.asarray(Image.open(folder / row["path"]))
        assert pixels.dtype == np.uint8
        assert pixels.shape == (64, 64)


def test_it_is_the_same_every_time_and_leaves_others_alone(tmp_path: Path) -> None:
    scaffold(tmp_path / "a")
    scaffold(tmp_path / "b")
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file() and ".medtl" not in path.parts:
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
    with pytest.raises(ConfigError, match="not empty"):
        scaffold(tmp_path / "a")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="not empty"):
        scaffold(tmp_path / "file")


def test_its_card_agrees_with_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaffold(tmp_path / "a")
    monkeypatch.chdir(tmp_path / "a")
    assert guarded(["check", "data_card.yaml"]) == 0
    manifest = Path("manifest.csv")
    manifest.write_text(manifest.read_text().replace("p07,scanner_1,1", "p07,scanner_1,0"))
    assert guarded(["check", "data_card.yaml"]) == 3


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["--manifest"]], ids=["card", "manifest"])
def test_its_own_commands_work_unedited(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command that init names, in its order, offline; then once more: finished runs say so."""
    monkeypatch.chdir(tmp_path)
    assert guarded(["init", "project", *words]) == 0
    steps = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert steps[0] == ["cd", "project"]
    monkeypatch.chdir(tmp_path / "project")
    for step in steps[1:]:
        assert step[0] == "medtl"
        assert guarded(step[1:]) == 0, capsys.readouterr().err
    run = Path("runs/first")
    assert (run / "DONE").is_file()
    assert (run / "report" / "index.html").stat().st_size > 10_000
    assert json.loads((run / "report" / "metrics.json").read_text())
    for path in run.rglob("*"):
        if path.is_file():
            assert str(tmp_path).encode() not in path.read_bytes(), path
    capsys.readouterr()
    assert guarded(["train", "--config", "first.yaml"]) == 0
    assert "finished" in capsys.readouterr().out
    assert guarded(["train", "--config", "first.yaml", "--set", "train.epochs=6"]) == 3
    assert "train.epochs: was 5, now 6" in capsys.readouterr().err
    assert guarded(["predict", "runs/first/export", "scans", "--out", "answers.csv"]) == 0
    with open("answers.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(SITES) * STUDIES_PER_SITE
