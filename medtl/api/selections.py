"""``selections``: how well each rule of checkpoint selection did over past runs."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtl.errors import DataError
from medtl.evaluation.selection_table import NEAR, Record, over_runs

NOTES = (
    "ORACLE: AUROC of an epoch needs the target's test labels; nothing here chose a checkpoint",
    "runs of one sweep share their patients, so this counts cases and claims no interval",
)


@dataclass(frozen=True)
class Selections:
    """A record of every rule.

    Attributes:
        runs: how many were read.
        records: the closest to the oracle first.
    """

    runs: int
    records: tuple[Record, ...]

    def __rich__(self) -> Any:
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(title=f"Rules of selection over {self.runs} runs", title_justify="left", box=box.SIMPLE_HEAD,
                      padding=(0, 1), pad_edge=False)
        table.add_column("rule", no_wrap=True)
        for name in ("cases", f"within {NEAR:g}", "below oracle", "at most", "over source validation"):
            table.add_column(name, justify="right")
        for record in self.records:
            gain = "" if record.gain is None else f"{record.gain:+.3f}"
            table.add_row(record.rule, str(record.cases), f"{record.near} ({record.near / record.cases:.0%})",
                          f"{record.below:.3f}", f"{record.worst:.3f}", gain)
        return Group(table, *(Text(f"note: {note}") for note in NOTES))


def selections(places: Sequence[Path]) -> Selections:
    """Reads every finished run at or below some folders.

    Args:
        places: runs, or folders of runs; baselines within runs count as runs.

    Returns:
        The records.

    Raises:
        DataError: a folder that is not there, or no run with anything to compare.
    """
    missing = [str(place) for place in places if not place.is_dir()]
    if missing:
        raise DataError(f"{', '.join(missing)}: no such folder; expected runs, or folders of runs")
    done = sorted({path.parent for place in places for path in place.rglob("DONE")})
    runs = [folder for folder in done if (folder / "predictions.csv").is_file() and (folder / "log.jsonl").is_file()]
    return Selections(len(runs), over_runs(runs))
