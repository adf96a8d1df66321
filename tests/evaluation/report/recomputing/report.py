"""A report set beside what its predictions give."""
from __future__ import annotations

import json
from pathlib import Path

from .calibrations import treated
from .chances import Chances
from .figures import Reference
from .ledger import Ledger
from .page import Page
from .picks import Picks
from .plots import Plots
from .sites import Sites
from .studies import levels_of, read_table
from .subgroups import Subgroups, read_traits
from .tables import Tables
from .values import Values


class Recomputed:
    """A report set beside what its predictions give.

    Args:
        folder: of the report.
        predictions: the file.
        run: folder of the run, for traits and recorded logits; the one that the report lies in by default.
    """

    def __init__(self, folder: Path, predictions: Path, run: Path | None = None) -> None:
        self.folder, self.run = folder, run or folder.parent
        self.ledger = Ledger(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
        self.plain = read_table(predictions)
        self.table = treated(self.plain, read_table(predictions, average=False),
                             self.ledger.told.get("calibration", "none"))
        self.page = Page((folder / "index.html").read_text(encoding="utf-8"))
        self.at = self._reference()
        self.thresholds = {t["model"]: levels_of(self.table, t["model"], t["rule"], t["values"])
                           for t in self.ledger.told["thresholds"]}

    @property
    def checked(self) -> int:
        """How many figures were set beside each other."""
        return self.ledger.checked

    def _reference(self) -> Reference:
        """What the titles of figures refer to."""
        titles = self.ledger.told["further"]["titles"]
        return Reference(**{key: float(titles[name].split()[-1]) for key, name in (
            ("prevalence", "ppv"), ("sensitivity", "specificity_at_sensitivity"),
            ("specificity", "sensitivity_at_specificity")) if name in titles})

    def all(self) -> list[str]:
        """Checks everything.

        Returns:
            What does not agree, and which figures nobody recomputed.
        """
        self.figures()
        self.prints()
        nobody = [f"nobody recomputed {' '.join(map(str, place))}" for place in self.ledger.unaccounted()]
        return [*self.ledger.wrong, *nobody]

    def figures(self) -> None:
        """Checks every figure of metrics.json."""
        ledger = self.ledger
        ledger.same("kind", ledger.told["kind"] == self.table.kind, True, 0)
        if self.table.kind == "regression":
            Values(ledger, self.table).all()
            return
        Sites(ledger, self.table, self.thresholds, self.at).all()
        Chances(ledger, self.plain, self.at).all()
        Subgroups(ledger, self.table, self.thresholds, read_traits(self.run)).all()
        Picks(ledger, self.plain, self.run).all()

    def prints(self) -> None:
        """Checks that tables, cells, sentences and lines say what metrics.json says."""
        Tables(self.ledger, self.folder, self.page).all()
        if self.table.kind != "regression":
            Plots(self.ledger, self.page, Sites(self.ledger, self.table, self.thresholds, self.at)).all()
