"""``python -m medtl`` is ``medtl``."""
from __future__ import annotations

from medtl.cli import main

if __name__ == "__main__":
    main()
