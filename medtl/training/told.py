"""What a procedure found out, beside its stages: one JSON file and tables."""
from __future__ import annotations

import csv
import io
from pathlib import Path

from medtl.atomic import write_text
from medtl.methods.base import Tell
from medtl.training.files import write_json


def keep(request: Tell, place: Path) -> None:
    """Writes ``NAME.json`` and a CSV per table; the same content gives the same bytes.

    Args:
        request: of the procedure.
        place: the stage's folder.
    """
    write_json(place / f"{request.name}.json", dict(request.content))
    for name, (header, rows) in request.tables.items():
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        write_text(place / f"{name}.csv", out.getvalue())
