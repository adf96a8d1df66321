"""Training on the source alone: what an empty `transfer:` block means."""
from __future__ import annotations

from pydantic.dataclasses import dataclass

from medtl.methods.base import OPTIONS, Method


@dataclass(frozen=True, config=OPTIONS)
class SourceOnly(Method):
    """The plain baseline: one ordinary fit on the source sites, with visible target labels if there are any.

    It overrides no seam. Every other method is compared with it, under the same augmentation, epochs and seed.

    Reference:
        Vapnik 1998, "Statistical Learning Theory": empirical risk minimisation.
    """
