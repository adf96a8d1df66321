"""The second waist: predictions as a table, and predictions.csv, which every figure of a report comes from."""
from __future__ import annotations

from medtl.predictions.csv_file import read_predictions, write_predictions
from medtl.predictions.studies import by_study
from medtl.predictions.table import UNKNOWN, Predictions, check_predictions

__all__ = ["UNKNOWN", "Predictions", "by_study", "check_predictions", "read_predictions", "write_predictions"]
