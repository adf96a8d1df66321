"""The terminal's table fits 80 columns and says everything."""
from __future__ import annotations

from collections.abc import Callable

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
