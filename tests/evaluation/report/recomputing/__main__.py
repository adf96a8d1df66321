"""`python -m tests.evaluation.report.recomputing REPORT_FOLDER PREDICTIONS.csv`."""
from __future__ import annotations

import sys
from pathlib import Path

from .report import Recomputed


def main(words: list[str]) -> int:
    """Checks a report; prints what does not agree.

    Args:
        words: the report's folder and predictions.csv.

    Returns:
        1 if anything does not agree, else 0.
    """
    recomputed = Recomputed(Path(words[0]), Path(words[1]))
    wrong = recomputed.all()
    for line in wrong:
        print(line)
    print(f"{recomputed.checked} figures recomputed, {len(wrong)} do not agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
