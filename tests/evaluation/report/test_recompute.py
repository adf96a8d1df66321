"""What a report prints is what an independent script finds in predictions.csv, and a wrong figure is found."""
from __future__ import annotations

import ast
import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from medtl.evaluation.report import write_report
from medtl.predictions import Predictions
from tests.evaluation.report import recompute

PredictionsOf = Callable[..., Predictions]
RunOf = Callable[..., Path]


def checked(folder: Path) -> recompute.Recomputed:
    return recompute.Recomputed(folder / "report", folder / "predictions.csv")


def test_the_script_shares_nothing_with_what_it_checks() -> None:
    tree = ast.parse(Path(recompute.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(name.split(".")[0] in ("medtl", "tests") for name in names)


@pytest.mark.parametrize(("kind", "options"), [
    ("binary", {}),
    pytest.param("binary", {"one_class": "west", "unknown": 0.1, "nameless": True}, marks=pytest.mark.slow),
    pytest.param("multiclass", {"n": 40}, marks=pytest.mark.slow),
    pytest.param("multilabel", {"n": 40, "unknown": 0.1}, marks=pytest.mark.slow),
])
def test_every_figure_is_found_again(
    tmp_path: Path, kind: str, options: dict[str, object], predictions_of: PredictionsOf, run_of: RunOf
) -> None:
    folder = run_of(tmp_path / "demo", predictions_of(kind, **{"n": 50, **options}))
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("bootstrap: 100", "bootstrap: 1000"))
    write_report(folder)
    recomputed = checked(folder)
    assert recomputed.all() == []
    assert recomputed.checked > 1000


def test_a_wrong_figure_is_found_wherever_it_stands(
    tmp_path: Path, predictions_of: PredictionsOf, run_of: RunOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recompute, "REPLICATES", 20)
    folder = run_of(tmp_path / "demo", predictions_of(n=40))
    write_report(folder)
    right = checked(folder).all()
    report = folder / "report"
    told = json.loads((report / "metrics.json").read_text())
    wanted = ("south", "test", "adapted")
    south = next(r for r in told["results"] if (r["site"], r["split"], r["model"]) == wanted)
    value = south["metrics"]["auroc"]["value"]

    def spoilt(name: str, old: str, new: str) -> list[str]:
        other = tmp_path / f"spoilt-{name}"
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(folder, other)
        text = (other / "report" / name).read_text()
        assert old in text
        (other / "report" / name).write_text(text.replace(old, new, 1))
        return [line for line in checked(other).all() if line not in right]

    assert spoilt("metrics.json", f"{value}", f"{value + 1e-6}")
    assert spoilt("results.csv", f"{value:.9g}", f"{value + 1e-6:.9g}")
    marked = ('data-site="south" data-role="target" data-split="test" data-model="adapted" data-part="" '
              'data-metric="auroc">')
    assert spoilt("index.html", f"{marked}{value:.3f}", f"{marked}{value + 0.002:.3f}")
    assert spoilt("index.html", 'data-line="roc adapted"', 'data-line="roc baseline"')
    threshold = next(t for t in told["thresholds"] if t["model"] == "adapted")["values"]["nodule"]
    assert spoilt("metrics.json", f"{threshold}", f"{threshold * 1.001}")


def test_results_csv_has_a_row_for_each_figure(tmp_path: Path, predictions_of: PredictionsOf, run_of: RunOf) -> None:
    folder = run_of(tmp_path / "demo", predictions_of("multilabel", n=20))
    written = write_report(folder)
    with (folder / "report" / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    figures = [row for row in rows if row["what"] == "figure"]
    report = written.report
    results = (*report.results, *report.further)
    wanted = sum(len(r.estimates) + sum(len(part.estimates) for part in r.parts) for r in results)
    assert len(figures) == wanted
    assert {row["what"] for row in rows} == {"figure", "threshold", "gap", "comparison"}
    assert all(row["value"] or row["reason"] for row in rows)
