"""The Python API: the same verbs as the command line, on objects."""
from __future__ import annotations

from medtl.api.judging import Evaluated, evaluate
from medtl.api.packages import export, predict
from medtl.api.tables import check, scan
from medtl.api.training import Run, train
from medtl.config.load import load_config

__all__ = ["Evaluated", "Run", "check", "evaluate", "export", "load_config", "predict", "scan", "train"]
