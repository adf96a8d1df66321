"""The terminal's table fits 80 columns and says everything."""
from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from rich.console import Console

from medtl.evaluation.sites import evaluate_sites
from medtl.evaluation.table import render_report
from medtl.predictions import Predictions


def test_eighty_columns_hold_every_figure(predictions_of: Callable[..., Predictions]) -> None:
    report = evaluate_sites(predictions_of(n=60, one_class="west"), bootstrap=50)
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render_report(report, selection="source_validation", notes=["[bold]simulated[/bold] data"]))
    text = console.export_text()
    console.file.close()
    assert "…" not in text
    for result in report.select(split="test"):
        assert result.site in text
        for estimate in result.estimates:
            assert estimate.value is None or f"{estimate.value:.3f}" in text
    for said in ("south (worst)", "source_validation", "one class at west", "[bold]simulated[/bold] data",
                 "adapted minus baseline at south", "gap, adapted", "threshold, baseline"):
        assert said in text


def test_studies_of_unknown_patients_are_not_counted_as_patients(predictions_of: Callable[..., Predictions]) -> None:
    p = predictions_of(n=60)
    nameless = replace(p, patient=np.where(p.site == "south", "", p.patient))
    report = evaluate_sites(nameless, bootstrap=20)
    assert {result.unnamed for result in report.select(split="test") if result.site == "south"} == {True}
    assert {result.unnamed for result in report.select(split="test") if result.site == "north"} == {False}
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(render_report(report, selection="last"))
    lines = console.export_text().splitlines()
    below = lines[next(k for k, line in enumerate(lines) if line.strip().startswith("south")) + 1]
    assert "? pat." in below
