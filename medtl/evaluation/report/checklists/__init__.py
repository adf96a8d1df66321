"""Reporting guidelines, item by item: what a run can answer is filled, the rest stands open for the authors.

The items are data (`claim_2024.csv`, `tripod_ai.csv`: number, section, what it asks in our words, which answer); an
answer is a function in one of the modules here, found by that name.
"""
from __future__ import annotations

from medtl.evaluation.report.checklists.fill import Checklist, Filled, checklists

__all__ = ["Checklist", "Filled", "checklists"]
