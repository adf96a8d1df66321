"""medtl carries a model from one hospital's scans to another's, and says honestly how well it does there.

::

    import medtl

    config = medtl.load_config("chest_ct.yaml", ["train.epochs=5"])
    run = medtl.train(config)

Importing it imports nothing else; each name below is fetched when it is first used.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medtl.api import evaluate, export, load_config, predict, train

__all__ = ["__version__", "evaluate", "export", "load_config", "predict", "train"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("medtl")
        except PackageNotFoundError:  # run from a checkout that was not installed
            return "0+unknown"
    if name in __all__:
        import medtl.api

        return getattr(medtl.api, name)
    raise AttributeError(f"module 'medtl' has no attribute {name!r}")
