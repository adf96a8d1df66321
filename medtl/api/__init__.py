"""The Python API: the same verbs as the command line, on objects."""
from __future__ import annotations

from medtl.api.clustering import Clustered, cluster
from medtl.api.comparing import Comparisons, compare
from medtl.api.generality import Generality, transferable
from medtl.api.judging import Evaluated, evaluate
from medtl.api.packages import export, predict
from medtl.api.ranking import Ranking, rank
from medtl.api.tables import check, scan
from medtl.api.training import Run, train
from medtl.config.load import load_config

__all__ = [
    "Clustered", "Comparisons", "Evaluated", "Generality", "Ranking", "Run", "check", "cluster", "compare",
    "evaluate", "export", "load_config", "predict", "rank", "scan", "train", "transferable",
]
