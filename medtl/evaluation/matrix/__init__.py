"""Site x site: what many runs over sources, targets, methods and seeds say together."""
from __future__ import annotations

from medtl.evaluation.matrix.cells import PairedRun
from medtl.evaluation.matrix.figures import Cell, Matrix, Summary, evaluate_matrix
from medtl.evaluation.matrix.written import WrittenMatrix, write_matrix

__all__ = ["Cell", "Matrix", "PairedRun", "Summary", "WrittenMatrix", "evaluate_matrix", "write_matrix"]
