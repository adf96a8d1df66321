"""The Python API: the same verbs as the command line, on objects."""
from __future__ import annotations

from medtl.api.comparing import Comparisons, compare
from medtl.api.judging import Evaluated, evaluate
from medtl.api.packages import export, predict
from medtl.api.tables import check, scan
from medtl.api.training import Run, train
from medtl.config.load import load_config

__all__ = [
    "Comparisons", "Evaluated", "Run", "check", "compare", "evaluate", "export", "load_config", "predict", "scan",
    "train",
]
