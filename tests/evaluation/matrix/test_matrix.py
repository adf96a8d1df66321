"""A matrix: every figure equals one recomputed by other means, and what failed is said where it is missing."""
from __future__ import annotations

import csv
import io
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medtl.evaluation.matrix import Matrix, PairedRun, evaluate_matrix, write_matrix
from medtl.evaluation.matrix.figures import OTHERS
from medtl.evaluation.matrix.heat import difference_colour, ink_on, level_colour
from medtl.evaluation.matrix.written import as_csv, render
from medtl.predictions import Predictions

SITES = ("north", "east", "south")
METHODS = ("source_only", "dan")
PATIENTS = 160
SHIFT = {"north": 0.0, "east": 0.3, "south": 1.0}


def table(sources: tuple[str, ...], target: str, method: str, seed: int) -> Predictions:
    """A model that is good at home, worse away, worst at south, and better by dan; tested on half of the patients."""
    columns: dict[str, list[object]] = {name: [] for name in ("study", "patient", "site", "role", "label", "score")}
    for site in (*sources, target):
        tested = np.random.default_rng([seed, SITES.index(site)]).permutation(PATIENTS)[: PATIENTS // 2]
        noise = np.random.default_rng([seed, SITES.index(site), len(sources), METHODS.index(method)])
        away = site == target
        for patient in sorted(tested.tolist()):
            label = patient % 2
            skill = 0.9 - (0.6 * SHIFT[site] + 0.1 if away else 0.0) + (0.9 if away and method == "dan" else 0.0)
            score = 1 / (1 + np.exp(-(skill * (2 * label - 1) + noise.normal())))
            for name, value in zip(columns, (f"{site}{patient}", f"p{patient}", site, "target" if away else "source",
                                             label, score), strict=True):
                columns[name].append(value)
    n = len(columns["study"])
    score = np.array(columns["score"], dtype=float)
    return Predictions(
        study=np.array(columns["study"]), patient=np.array(columns["patient"]), site=np.array(columns["site"]),
        scanner=np.array([""] * n), role=np.array(columns["role"]), split=np.array(["test"] * n),
        model=np.array(["baseline"] * n), kind="binary", classes=("0", "1"),
        labels=np.array(columns["label"], dtype=np.int64)[:, None], scores=np.stack([1 - score, score], axis=1),
    )


def all_runs(seeds: int = 3) -> list[PairedRun]:
    pairs = [((a,), b) for a, b in itertools.permutations(SITES, 2)]
    pairs += [(tuple(s for s in SITES if s != t), t) for t in SITES]
    return [PairedRun(sources, target, method, seed, table(sources, target, method, seed))
            for seed in range(seeds) for sources, target in pairs for method in METHODS]


@pytest.fixture(scope="module")
def runs() -> list[PairedRun]:
    return all_runs()


@pytest.fixture(scope="module")
def matrix(runs: list[PairedRun]) -> Matrix:
    return evaluate_matrix(runs, sites=SITES, methods=METHODS, bootstrap=400)


def auroc(run: PairedRun, site: str) -> float:
    assert run.predictions is not None
    rows = run.predictions.where(run.predictions.site == site)
    return float(roc_auc_score(rows.labels[:, 0], rows.scores[:, 1]))


def test_each_cell_is_the_mean_over_seeds_of_what_scikit_learn_says(runs: list[PairedRun], matrix: Matrix) -> None:
    seen = 0
    for cell in matrix.cells:
        if cell.place == "home":
            behind = [r for r in runs if r.sources == (cell.source,) and r.method == cell.method]
        else:
            behind = [r for r in runs if r.target == cell.site and r.method == cell.method and
                      (len(r.sources) > 1 if cell.source == OTHERS else r.sources == (cell.source,))]
        by_seed = {seed: np.mean([auroc(r, cell.site) for r in behind if r.seed == seed]) for seed in range(3)}
        assert dict(cell.seeds) == pytest.approx(by_seed, abs=1e-12)
        assert cell.estimate.value == pytest.approx(np.mean(list(by_seed.values())), abs=1e-12)
        assert cell.estimate.interval is not None
        assert cell.estimate.interval.low < cell.estimate.value < cell.estimate.interval.high
        seen += 1
    assert seen == len(METHODS) * (3 * 3 + 3)


def test_summaries_are_means_over_cells_and_name_the_worst_site(runs: list[PairedRun], matrix: Matrix) -> None:
    for summary in matrix.summaries:
        wanted = [r for r in runs if r.method == summary.method and (len(r.sources) > 1) == (summary.place == "others")]
        external = np.mean([auroc(r, r.target) for r in wanted])
        internal = np.mean([np.mean([auroc(r, s) for s in r.sources]) for r in wanted])
        assert summary.external.value == pytest.approx(external, abs=1e-12)
        assert summary.internal.value == pytest.approx(internal, abs=1e-12)
        assert summary.gap.value == pytest.approx(internal - external, abs=1e-12)
        by_site = {site: np.mean([auroc(r, site) for r in wanted if r.target == site]) for site in SITES}
        assert summary.worst == min(by_site, key=lambda site: by_site[site]) == "south"
        assert summary.worst_estimate.value == pytest.approx(by_site["south"], abs=1e-12)
        assert summary.worst_share is not None
        assert summary.worst_share > 0.5


def test_the_planted_gain_is_found_and_is_the_paired_difference(matrix: Matrix) -> None:
    away = [cell for cell in matrix.cells if cell.method == "dan" and cell.place != "home"]
    for cell in away:
        other = matrix.cell("source_only", cell.source, cell.site)
        assert cell.against is not None
        assert other is not None
        assert cell.against.value == pytest.approx(cell.estimate.value - other.estimate.value, abs=1e-12)  # type: ignore[operator]
    (pairs,) = [s for s in matrix.summaries if (s.method, s.place) == ("dan", "pair")]
    assert pairs.against is not None
    assert pairs.against.interval is not None
    assert pairs.against.interval.low > 0
    assert all(cell.against is None for cell in matrix.cells if cell.method == "source_only" or cell.place == "home")


def test_the_same_patient_is_drawn_with_every_seed(runs: list[PairedRun]) -> None:
    """A method compared with itself differs by nothing in every draw, in whichever order runs come."""
    twin = [replace(run, method="dan") for run in runs if run.method == "source_only"]
    matrix = evaluate_matrix([*[r for r in runs if r.method == "source_only"], *reversed(twin)], sites=SITES,
                             methods=METHODS, bootstrap=200)
    for cell in matrix.cells:
        if cell.against is not None:
            assert cell.against.value == 0.0
            assert cell.verdict is not None
            assert cell.verdict.word == "inconclusive"


def test_a_failed_run_is_named_and_its_cell_has_the_other_seeds(runs: list[PairedRun]) -> None:
    def lost(run: PairedRun) -> bool:
        whole = (run.sources, run.target, run.method) == (("east",), "north", "dan")
        return whole or (run.sources, run.target, run.method, run.seed) == (("north",), "south", "dan", 1)

    broken = [replace(r, predictions=None, reason="out of memory") if lost(r) else r for r in runs]
    matrix = evaluate_matrix(broken, sites=SITES, methods=METHODS, bootstrap=100)
    assert len(matrix.failures) == 4
    assert matrix.failures[-1][1] == "out of memory"
    cell, gone = matrix.cell("dan", "north", "south"), matrix.cell("dan", "east", "north")
    assert cell is not None
    assert gone is not None
    assert [seed for seed, _ in cell.seeds] == [0, 2]
    assert gone.estimate.value is None
    assert "out of memory" in gone.estimate.reason
    (pairs,) = [s for s in matrix.summaries if (s.method, s.place) == ("dan", "pair")]
    assert pairs.cells == (4, 6)
    page = render(matrix, "m", [])
    assert "4 runs failed" in page
    assert "over 4 of 6 cells" in page


def test_one_seed_says_that_training_again_is_not_covered(runs: list[PairedRun]) -> None:
    matrix = evaluate_matrix([r for r in runs if r.seed == 0], sites=SITES, methods=METHODS, bootstrap=100)
    assert any("one seed" in note for note in matrix.notes)


def test_files_hold_every_cell_and_the_page_stands_alone(matrix: Matrix, tmp_path: Path) -> None:
    written = write_matrix(matrix, tmp_path, title="hospitals <b>", told=[("Data", "made & up")])
    rows = list(csv.DictReader(io.StringIO(as_csv(matrix))))
    assert len(rows) == len(matrix.cells)
    for row, cell in zip(rows, matrix.cells, strict=True):
        assert float(row["auroc"]) == pytest.approx(cell.estimate.value, rel=1e-8)
    told = json.loads((tmp_path / "matrix.json").read_text())
    assert told["summaries"][0]["gap"]["value"] == matrix.summaries[0].gap.value
    page = written.page.read_text()
    assert "hospitals &lt;b&gt;" in page
    assert "made &amp; up" in page
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    for cell in matrix.cells:
        assert f"{cell.estimate.value:.3f}" in page


def test_every_colour_can_be_read() -> None:
    """WCAG asks for a contrast of 4.5 of small text."""

    def luminance(colour: tuple[int, int, int]) -> float:
        parts = [c / 255 for c in colour]
        lin = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(lin, [0.2126, 0.7152, 0.0722]))

    for colour in [*(level_colour(v) for v in np.linspace(0, 1, 101)),
                   *(difference_colour(v) for v in np.linspace(-0.4, 0.4, 101))]:
        ink = ink_on(colour)
        other = tuple(int(ink[k:k + 2], 16) for k in (1, 3, 5))
        high, low = sorted((luminance(colour), luminance(other)), reverse=True)  # type: ignore[arg-type]
        assert (high + 0.05) / (low + 0.05) >= 4.2
