"""Figures of several runs together in the terminal: a row per model and site, under whatever title says how."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rich import box
from rich.table import Table
from rich.text import Text

from medtl.evaluation.estimates import Estimate
from medtl.evaluation.scoring import load_metrics

FIGURES = ("auroc", "average_precision", "sensitivity", "specificity", "brier")
"""Metrics that runs are put together by."""


class Together(Protocol):
    """One model at one site over several runs.

    Attributes:
        site: hospital.
        role: source or target.
        model: adapted, baseline or tent.
        studies: tested with a known label in some run, each counted once.
        patients: of those studies.
        estimates: of FIGURES, in their order.
    """

    @property
    def site(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def studies(self) -> int: ...
    @property
    def patients(self) -> int: ...
    @property
    def estimates(self) -> tuple[Estimate, ...]: ...


def estimates_table(rows: Sequence[Together], title: str) -> Table:
    """The rows with their estimates, each interval beneath its figure.

    Args:
        rows: of one method.
        title: over how many runs, and what the intervals are over.

    Returns:
        A renderable.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("site")
    table.add_column("n", justify="right")
    for metric in load_metrics(FIGURES):
        table.add_column(metric.short, justify="right", no_wrap=True)
    for row in rows:
        figures = [str(estimate).replace(" [", "\n[") for estimate in row.estimates]
        table.add_row(Text(f"{row.site}\n{row.role} {row.model}"), f"{row.studies}\n{row.patients} pat.", *figures)
    return table
