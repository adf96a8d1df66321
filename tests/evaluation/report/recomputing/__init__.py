"""Every figure of a report again, from predictions.csv alone, by scikit-learn, scipy and numpy; nothing of medtl.

    python -m tests.evaluation.report.recomputing REPORT_FOLDER PREDICTIONS.csv

reads index.html, report.md, results.csv and metrics.json of the folder, prints what does not agree and what nobody
recomputed, and ends with 1 if there is any. It shares no code with what it checks: pages are parsed, tables are read,
formulas are written out again. Two kinds of figures need more than predictions: subgroups the run's traits.csv, the
oracle and its picks the logits that training recorded; both are read from the run folder that the report lies in.
"""
from __future__ import annotations

from .report import Recomputed

__all__ = ["Recomputed"]
