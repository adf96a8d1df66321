"""Packages for others: written from a run, checked against it, and read without the trainer.

The Python API's verb ``medtl.export(run)`` has the name of this package, so the package answers to a call.
"""
from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Verb(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        return importlib.import_module("medtl.api").export(*args, **options)


sys.modules[__name__].__class__ = _Verb
