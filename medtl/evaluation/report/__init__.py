"""The report: one self-contained HTML page and metrics.json, made from the files of a run folder."""
from __future__ import annotations

from medtl.evaluation.report.page import WrittenReport, write_report

__all__ = ["WrittenReport", "write_report"]
