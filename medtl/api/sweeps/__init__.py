"""Many runs as one sweep: independent, resumable, on local processes or a Ray cluster."""
from __future__ import annotations

from medtl.api.sweeps.spec import RunResult, RunSpec
from medtl.api.sweeps.sweep import sweep

__all__ = ["RunResult", "RunSpec", "sweep"]
