"""Runs every benchmark of this folder, each in a process of its own, and writes RESULTS.md.

A benchmark is a module with a docstring and ``run(quick) -> list[Row]``; ``quick`` is a dry run on reduced sizes, whose
figures mean nothing and are not written.
"""
from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path

from benchmarks.frame.absent import Absent
from benchmarks.frame.figures import Ratio, render
from benchmarks.frame.machine import machine
from benchmarks.frame.process import in_process
from benchmarks.frame.results import replace_sections

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "RESULTS.md"


def found() -> list[str]:
    """The benchmarks of this folder, by name."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def main(words: list[str] | None = None) -> int:
    """Runs the benchmarks that are asked for.

    Returns:
        0, or 1 when one of them failed; a missed goal is written down and is no failure.
    """
    names = found()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(names)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a dry run on reduced sizes; writes nothing")
    asked = parser.parse_args(words)
    unknown = sorted(set(asked.names) - set(names))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(names)}")
    failed = []
    for name in asked.names or names:
        print(f"== {name}", flush=True)
        here = machine()
        try:
            about, rows = in_process(name, asked.quick)
        except Absent as missing:
            print(f"left out: {missing}", end="\n\n", flush=True)
            continue
        except Exception:
            traceback.print_exc()
            failed.append(name)
            continue
        print(render(rows), end="\n\n", flush=True)
        if not asked.quick:
            replace_sections(RESULTS, {name: f"{about}\n\n{render(rows)}\n\n{here}"}, names)
        missed = [row.what for row in rows if isinstance(row, Ratio) and row.verdict == "missed"]
        if missed:
            print(f"missed: {'; '.join(missed)}\n", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
