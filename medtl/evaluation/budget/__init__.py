"""How many target labels a wanted AUROC takes: learning curve, its fit, and the answer."""
from __future__ import annotations

from medtl.evaluation.budget.curve import Curve, Point, learning_curve
from medtl.evaluation.budget.page import write_curve

__all__ = ["Curve", "Point", "learning_curve", "write_curve"]
