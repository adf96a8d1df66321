"""Mapping: bring the domains together. One file per method; ``TCA`` and ``CORAL`` here are scikit-learn estimators.

A method of a run is named in a config and found by its file (``tca.py`` holds the method TCA). The closed-form ones are
estimators too, under the package's own name: ``medtl.methods.mapping.TCA().fit(Xs, Xt).transform(X)``.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medtl.methods.mapping._estimators import CORAL, TCA

__all__ = ["CORAL", "TCA"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from medtl.methods.mapping import _estimators

        return getattr(_estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
