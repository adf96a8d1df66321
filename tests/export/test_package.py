"""Export: what a package holds, what it never holds, and that nothing is left where parity does not hold."""
from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from medtl.errors import DataError, IntegrityError, RunStateError
from medtl.export.package import export_run
from medtl.models import store

FILES = ["SHA256SUMS", "card.md", "card.xml", "contract.json", "model.onnx", "reference/reference.safetensors"]


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _copy(trained: Any, tmp_path: Path) -> Path:
    shutil.copytree(trained.run, tmp_path / "run", ignore=shutil.ignore_patterns("export"))
    return tmp_path / "run"


def test_a_package_holds_these_files_and_no_other(trained: Any) -> None:
    assert trained.package == trained.run / "export"
    assert _files(trained.package) == FILES
    assert not [path for path in trained.run.iterdir() if path.name.startswith(".export")]


def test_no_name_path_or_identifier_enters_a_package(trained: Any) -> None:
    for name in FILES:
        content = (trained.package / name).read_bytes()
        for secret in (b"SECRET", str(trained.run).encode(), b"/medtl/", b"site-packages", f"{Path.home()}/".encode()):
            assert secret not in content, (name, secret)


def test_the_contract_says_what_a_reader_needs(trained: Any) -> None:
    contract = json.loads((trained.package / "contract.json").read_text())
    assert contract["input"]["shape"] == ["batch", 2, 1, 32, 32]
    assert contract["input"]["preprocess"]["window"] == "percentiles"
    assert contract["output"] == {"name": "logits", "shape": ["batch", 2], "activation": "softmax"}
    assert contract["task"] == {"kind": "binary", "labels": ["nodule"], "scores": ["0", "1"]}
    assert contract["model"]["branch"] == "target"
    assert contract["training"]["source"] == ["north"]
    assert contract["training"]["methods"] == ["dan"]
    assert contract["training"]["selection"] == "source_validation"
    assert contract["simulated"] is False
    assert "Youden" in contract["thresholds"]["rule"]
    assert contract["results"] == json.loads((trained.run / "report/metrics.json").read_text())
    with (trained.run / "predictions.csv").open() as file:
        scored = len(list(csv.DictReader(file)))
    assert contract["parity"]["studies"] == contract["parity"]["of"] == scored
    assert contract["parity"]["largest_difference"] < 1e-5


def test_the_card_names_sites_limits_and_figures(trained: Any) -> None:
    card = (trained.package / "card.md").read_text()
    for words in ("not a medical device", "| south | target |", "north", "Selection: source_validation", "nodule"):
        assert words in card
    assert "imulated" not in card


def test_of_real_scans_the_reference_holds_drawn_patterns_and_the_runs_own_logits(trained: Any) -> None:
    reference = load_file(trained.package / "reference/reference.safetensors")
    with torch.inference_mode():
        expected = store.load(trained.run)(torch.from_numpy(reference["image"])).numpy()
    np.testing.assert_allclose(reference["logits"], expected, atol=1e-5)
    assert reference["image"].min() >= 0
    assert reference["image"].max() <= 1


def test_of_simulated_scans_the_reference_holds_studies_and_an_old_package_is_replaced(
    trained: Any, tmp_path: Path
) -> None:
    run, out = _copy(trained, tmp_path), tmp_path / "package"
    provenance = json.loads((run / "provenance.json").read_text())
    (run / "provenance.json").write_text(json.dumps({**provenance, "simulated": True}))
    shutil.copytree(trained.package, out)
    (out / "stale").write_text("x")
    assert export_run(run, out) == out
    assert _files(out) == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["package", "run"]
    assert "Simulated data" in (out / "card.md").read_text()
    assert json.loads((out / "contract.json").read_text())["simulated"] is True
    assert (out / "model.onnx").read_bytes() == (trained.package / "model.onnx").read_bytes()  # equal runs, equal bytes
    patterns, studies = (load_file(p / "reference/reference.safetensors")["image"] for p in (trained.package, out))
    assert studies.shape == patterns.shape
    assert not np.array_equal(studies, patterns)


def test_where_parity_does_not_hold_nothing_is_left(trained: Any, tmp_path: Path) -> None:
    run = _copy(trained, tmp_path)
    model = store.load(run)
    with torch.no_grad():
        model.head.bias += torch.tensor([0.01, 0.0])
    store.save(model, run)
    with pytest.raises(IntegrityError, match="does not give the run's own scores") as caught:
        export_run(run)
    assert caught.value.exit_code == 5
    assert not (run / "export").exists()
    assert not [path for path in run.iterdir() if path.name.startswith(".export")]


def test_a_folder_that_is_no_package_is_not_replaced(trained: Any, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match="not a package"):
        export_run(trained.run, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_unfinished_runs_and_scans_that_are_gone(trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _copy(trained, tmp_path)
    monkeypatch.setenv("MEDTL_STATE", str(tmp_path / "elsewhere"))
    with pytest.raises(DataError, match="not on this machine"):
        export_run(run)
    (run / "DONE").unlink()
    with pytest.raises(RunStateError, match="unfinished"):
        export_run(run)
    assert not (run / "export").exists()
