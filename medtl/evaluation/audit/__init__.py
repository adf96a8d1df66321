"""The shift and shortcut audit: what a model could have learned instead of the disease; see ``docs/audit.md``."""
from __future__ import annotations

from medtl.evaluation.audit.model import Audit, Check, Figure, Profile, read_audit, write_audit

__all__ = ["Audit", "Check", "Figure", "Profile", "read_audit", "write_audit"]
