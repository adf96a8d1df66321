"""What a report prints is what an independent script finds in predictions.csv; a wrong or a new figure is found."""
from __future__ import annotations

import ast
import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from medtl.evaluation.report import write_report
from medtl.predictions import Predictions
from tests.evaluation.report import recomputing
from tests.evaluation.report.recomputing.ledger import GIVEN, Place, leaves, map_to

PredictionsOf = Callable[..., Predictions]
RunOf = Callable[..., Path]
SOURCES = sorted(Path(recomputing.__file__).parent.glob("*.py"))


def checked(folder: Path) -> recomputing.Recomputed:
    return recomputing.Recomputed(folder / "report", folder / "predictions.csv")


def with_settings(folder: Path, bootstrap: int, more: str = "") -> Path:
    config = folder / "config.yaml"
    written = config.read_text().replace("bootstrap: 100", f"bootstrap: {bootstrap}{more}")
    config.write_text(written.replace(", threshold: youden", "") if "threshold:" in more else written)
    return folder


def with_traits(folder: Path) -> Path:
    """Sex and age of every study, some unknown, as training writes what headers say."""
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        keys = dict.fromkeys((row["site"], row["study"]) for row in csv.DictReader(file))
    lines = [f"{site},{study},{('F', 'M', '')[k % 3]},{('40-49', '60-69')[k % 2]}" for k, (site, study) in
             enumerate(keys)]
    (folder / "traits.csv").write_text("site,study,sex,age\n" + "\n".join(lines) + "\n")
    return folder


def with_oracle(folder: Path, predictions: Predictions) -> Path:
    """Logits of four epochs on the target's test studies, and what rules of selection said of them."""
    test = np.flatnonzero((predictions.role == "target") & (predictions.split == "test")
                          & (predictions.model == "adapted"))
    columns = (predictions.study, predictions.patient, predictions.site, predictions.role, predictions.split)
    lines = [",".join(str(column[i]) for column in columns) for i in test]
    (folder / "catalogue.csv").write_text("study,patient,site,role,split\n" + "\n".join(lines) + "\n")
    assert predictions.logits is not None
    noise = np.random.default_rng(3).normal(size=(4, len(test), predictions.logits.shape[1]))
    logits = predictions.logits[test] + noise * np.array([3.0, 1.0, 0.2, 1.5])[:, None, None]
    (folder / "stages" / "00-fit").mkdir(parents=True)
    save_file({"rows": np.arange(len(test)), "logits": logits.astype(np.float32)},
              folder / "stages" / "00-fit" / "oracle.safetensors")
    rules = [{"source_validation": 0.5 - 0.1 * e, "dev": (0.4, 0.1, 0.2, 0.3)[e], "effective_sample_size": 20.5 + e}
             for e in range(4)]
    (folder / "log.jsonl").write_text("".join(json.dumps({
        "stage": "fit", "epoch": e, "losses": {"task": 0.5},
        "selection": {"rule": "source_validation", "value": rules[e]["source_validation"], "values": rules[e]},
    }) + "\n" for e in range(4)))
    return folder


def of_numbers(n: int = 40) -> Predictions:
    """A regression at two hospitals, two studies a patient."""
    rng = np.random.default_rng(2)
    places = [("north", "source", "val"), ("north", "source", "test"), ("south", "target", "test")]
    rows = [(place, i, model) for place in places for i in range(n) for model in ("adapted", "baseline")]
    truth = {(place, i): rng.normal(50, 10) for place in places for i in range(n)}
    off = {"adapted": 3.0, "baseline": 5.0}
    text = {name: np.array([row[0][k] for row in rows]) for k, name in enumerate(("site", "role", "split"))}
    study = np.array([f"{row[0][2]}{row[1]}" for row in rows])
    return Predictions(
        **text, study=study, patient=np.array([f"{row[0][2]}p{row[1] // 2}" for row in rows]),
        scanner=np.full(len(rows), ""), model=np.array([row[2] for row in rows]), kind="regression", classes=(),
        labels=np.array([[np.nan if row[1] == 7 else truth[row[0], row[1]]] for row in rows]),
        scores=np.array([[truth[row[0], row[1]] + 1 + rng.normal(0, off[row[2]])] for row in rows]),
    )


def test_the_script_shares_nothing_with_what_it_checks() -> None:
    assert len(SOURCES) > 10
    for source in SOURCES:
        tree = ast.parse(source.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
        assert {name.split(".")[0] for name in names} <= {
            "__future__", "collections", "csv", "html", "itertools", "json", "math", "numpy", "pathlib", "re",
            "safetensors", "scipy", "sklearn", "sys", "typing", "warnings", "zlib"}, source.name
        assert all(node.level <= 1 for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), source.name


@pytest.mark.parametrize(("kind", "options", "more"), [
    ("binary", {}, ""),
    pytest.param("binary", {"one_class": "west", "unknown": 0.1, "nameless": True}, "", marks=pytest.mark.slow),
    pytest.param("binary", {"n": 140}, ", calibration: platt, sensitivity: 0.8", marks=pytest.mark.slow),
    pytest.param("binary", {"n": 60}, ", calibration: isotonic, threshold: 0.4", marks=pytest.mark.slow),
    pytest.param("multiclass", {"n": 40}, ", calibration: temperature", marks=pytest.mark.slow),
    pytest.param("multilabel", {"n": 40, "unknown": 0.1}, ", calibration: platt", marks=pytest.mark.slow),
])
def test_every_figure_is_found_again(
    tmp_path: Path, kind: str, options: dict[str, object], more: str, predictions_of: PredictionsOf, run_of: RunOf
) -> None:
    predictions = predictions_of(kind, **{"n": 44, **options})
    folder = with_oracle(with_traits(run_of(tmp_path / "demo", predictions)), predictions)
    write_report(with_settings(folder, 400, more))
    recomputed = checked(folder)
    assert recomputed.all() == []
    assert recomputed.checked > 3000


def test_every_figure_of_a_regression_is_found_again(tmp_path: Path, run_of: RunOf) -> None:
    folder = with_settings(run_of(tmp_path / "demo", of_numbers()), 400)
    write_report(folder)
    recomputed = checked(folder)
    assert recomputed.all() == []
    assert recomputed.checked > 200


def spoil(told: Any, place: Place) -> None:
    """Puts something far off in the place of a figure."""
    for key in place[:-1]:
        told = told[key]
    value = told[place[-1]]
    if isinstance(value, bool):
        told[place[-1]] = not value
    elif value is None:
        told[place[-1]] = [0.111, 0.222] if place[-1] == "interval" else 0.333
    else:
        told[place[-1]] = value + 1 if isinstance(value, int) else 3 * abs(value) + 9


def of_every_kind(told: dict[str, Any]) -> list[Place]:
    """The last figure of each kind: entries of a list are of one kind, and so are metrics of one name."""
    kinds: dict[Place, Place] = {}
    for place in leaves(told):
        if not any(map_to(place, given) for given in GIVEN):
            kinds[tuple("*" if isinstance(key, int) else key for key in place)] = place
    return list(kinds.values())


def test_a_wrong_figure_of_any_kind_and_a_new_one_are_found(
    tmp_path: Path, predictions_of: PredictionsOf, run_of: RunOf
) -> None:
    predictions = predictions_of(n=40)
    folder = with_oracle(with_traits(run_of(tmp_path / "demo", predictions)), predictions)
    write_report(folder)
    recomputed = checked(folder)
    ledger = recomputed.ledger
    spoilt = of_every_kind(ledger.told)
    assert len(spoilt) > 80
    for place in spoilt:
        spoil(ledger.told, place)
    ledger.told["new"] = 0.5
    ledger.told["results"][0]["metrics"]["f_beta"] = {"metric": "f_beta", "value": 0.4, "interval": None}
    ledger.told["probabilities"]["sets"][0]["width"] = 1.25
    recomputed.figures()
    named = {line.split(":")[0] for line in ledger.wrong}
    unseen = [place for place in spoilt if place not in ledger.aside and " ".join(map(str, place[:-1])) not in named
              and not any(line.startswith(" ".join(map(str, place))) for line in named)]
    assert unseen == []
    assert {("new",), ("probabilities", "sets", 0, "width")} <= set(ledger.unaccounted())
    assert any("f_beta" in line for line in ledger.wrong)


def test_a_wrong_number_in_a_table_a_line_or_a_sentence_is_found(
    tmp_path: Path, predictions_of: PredictionsOf, run_of: RunOf
) -> None:
    folder = with_traits(run_of(tmp_path / "demo", predictions_of(n=40)))
    write_report(folder)
    told = json.loads((folder / "report" / "metrics.json").read_text())

    def printed(of: Path) -> list[str]:
        recomputed = checked(of)
        recomputed.prints()
        return recomputed.ledger.wrong

    def spoilt(name: str, old: str, new: str) -> list[str]:
        other = tmp_path / "spoilt"
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(folder, other)
        text = (other / "report" / name).read_text()
        assert old in text, old
        (other / "report" / name).write_text(text.replace(old, new, 1))
        return printed(other)

    assert printed(folder) == []
    wanted = ("south", "test", "adapted")
    south = next(r for r in told["results"] if (r["site"], r["split"], r["model"]) == wanted)
    value = south["metrics"]["auroc"]["value"]
    assert spoilt("results.csv", f"{value:.9g}", f"{value + 1e-6:.9g}")
    marked = ('data-site="south" data-role="target" data-split="test" data-model="adapted" data-part="" '
              'data-metric="auroc">')
    assert spoilt("index.html", f"{marked}{value:.3f}", f"{marked}{value + 0.002:.3f}")
    assert spoilt("index.html", 'data-line="roc adapted"', 'data-line="roc baseline"')
    assert spoilt("index.html", 'data-line="decision adapted"', 'data-line="decision baseline"')
    benefit = told["subgroups"]["groups"][1]["metrics"]["brier"]["value"]
    marked = 'data-told="subgroups/groups/1/metrics/brier">'
    assert spoilt("index.html", f"{marked}{benefit:.3f}", f"{marked}{benefit + 0.002:.3f}")
    marked = 'data-told="probabilities/treatments/0/brier_parts">'
    assert spoilt("index.html", marked, f"{marked}0.987, ")
    assert spoilt("index.html", f"AUROC of the adapted model {value:.3f}", "AUROC of the adapted model 0.99431")
    section = '<section id="results">'
    assert spoilt("index.html", section, f"{section}<table><tr><td>0.123</td></tr></table>")
    assert spoilt("report.md", f"{value:.3f} [", "0.99431 [")


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
