"""Budgets of labels as their user meets them."""
from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.api.hospitals import config, medtl


def test_more_labels_of_the_same_draw_on_the_same_test_studies(work: Path) -> None:
    file = config(work, transfer="{}")
    said = medtl("budget", "--config", file, "--auroc", "0.8", "--labels", "2,3,4,9", "--draws", "2", "--jobs", "1")
    assert said.code == 0, said.err
    folder = work / "runs" / "tiny-budget"
    seen, tested = {}, []
    for run in sorted((folder / "runs").iterdir()):
        if not (run / "DONE").exists():
            assert run.name.startswith("labels-9")
            continue
        rows = list(csv.DictReader((run / "catalogue.csv").read_text().splitlines()))
        seen[run.name] = {r["study"] for r in rows if r["role"] == "target" and r["hidden"] == "0"}
        tested.append({r["study"] for r in rows if (r["role"], r["split"]) == ("target", "test")})
    assert all(test == tested[0] for test in tested)
    for draw in (3, 4):
        sizes = [seen[f"labels-{n}.draw-{draw}"] for n in (0, 2, 3, 4)]
        assert [len(size) for size in sizes] == [0, 4, 6, 8]
        assert sizes[1] < sizes[2] < sizes[3]
    assert seen["labels-4.draw-3"] != seen["labels-4.draw-4"]
    told = json.loads((folder / "budget.json").read_text())
    assert [point["per_class"] for point in told["points"]] == [0, 2, 3, 4, 9]
    assert "ask for fewer" in told["points"][-1]["reasons"][0]
    assert told["answer"] in said.out.replace("\n", " ")
    assert (folder / "index.html").is_file()


def test_mistakes(work: Path) -> None:
    file = config(work, transfer="{}")
    assert medtl("budget", "--config", file, "--auroc", "1.2").code == 2
    assert medtl("budget", "--config", file, "--auroc", "0.8", "--labels", "4,x").code == 2
