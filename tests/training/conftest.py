"""Makes the small hospitals of ``toy_cohort.py`` importable: subprocesses run it too."""
from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
