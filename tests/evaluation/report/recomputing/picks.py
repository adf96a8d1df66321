"""The oracle and what rules of selection picked: from the logits that training recorded, and labels of predictions."""
from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from scipy import special

from .figures import figures, mean_of
from .ledger import Ledger, Place
from .studies import Array, Study, Table, questions

ESS = "effective_sample_size"


class Picks:
    """The parts `oracle` and `selection_rules` of metrics.json.

    Args:
        ledger: of metrics.json.
        table: of predictions.
        run: the folder of the run.
    """

    def __init__(self, ledger: Ledger, table: Table, run: Path) -> None:
        self.ledger, self.table, self.run = ledger, table, run
        self.recorded = sorted(run.glob("stages/*/oracle.safetensors"))

    def all(self) -> None:
        """Checks what the best epoch would have been, and what each rule picked."""
        told = self.ledger.told["oracle"]
        if not told:
            return
        epochs = self._by_epoch()
        for k, one in enumerate(told):
            values, place = epochs[one["site"]], ("oracle", k)
            known = [v for v in values if v is not None]
            self.ledger.agree((*place, "auroc"), max(known))
            self.ledger.agree((*place, "epoch"), values.index(max(known)), 0)
            self.ledger.agree((*place, "epochs"), len(values), 0)
            self.ledger.agree((*place, "auroc_last_epoch"), values[-1])
        logged = self._logged()
        for k, pick in enumerate(self.ledger.told["selection_rules"]):
            self._pick(("selection_rules", k), pick, epochs[pick["site"]], logged)

    def _pick(self, place: Place, pick: dict[str, Any], values: list[float | None], logged: list[dict[str, Any]]
              ) -> None:
        of_rule = [row["values"].get(pick["rule"]) for row in logged]
        epoch = len(logged) - 1 if pick["rule"] == "last" else of_rule.index(min(of_rule))
        best = max(v for v in values if v is not None)
        self.ledger.agree((*place, "chosen"), pick["rule"] == logged[-1]["rule"], 0)
        self.ledger.agree((*place, "epoch"), epoch, 0)
        self.ledger.agree((*place, "auroc"), values[epoch])
        self.ledger.agree((*place, "below_oracle"), best - (values[epoch] or 0.0))
        weighs = pick["rule"] in ("dev", "importance_weighted")
        self.ledger.agree((*place, ESS), logged[epoch]["values"].get(ESS) if weighs else None)

    def _by_epoch(self) -> dict[str, list[float | None]]:
        tensors = load_file(self.recorded[-1])
        with (self.run / "catalogue.csv").open(encoding="utf-8", newline="") as file:
            catalogue = list(csv.DictReader(file))
        rows = [catalogue[k] for k in tensors["rows"].tolist()]
        logits = tensors["logits"].astype(np.float64)
        answers: Array = special.expit(logits) if self.table.kind == "multilabel" else special.softmax(logits, axis=-1)
        out: dict[str, list[float | None]] = {}
        model = self.table.models[0]
        for site in dict.fromkeys(s for m, s, r, p in self.table.parts if (m, r, p) == (model, "target", "test")):
            studies = self.table.parts[model, site, "target", "test"]
            places = {s.name: [i for i, row in enumerate(rows) if (row["site"], row["study"]) == (site, s.name)]
                      for s in studies}
            there = [s for s in studies if places[s.name]]
            out[site] = [self._auroc([s._replace(scores=tuple(of_epoch[places[s.name]].mean(axis=0).tolist()))
                                      for s in there]) for of_epoch in answers]
        return out

    def _auroc(self, studies: list[Study]) -> float | None:
        return mean_of(self.table.kind, [figures(q) for q in questions(self.table, studies, {})]).get("auroc")

    def _logged(self) -> list[dict[str, Any]]:
        """What the last stage's epochs say of selection; a line that a kill cut off counts for nothing."""
        stage = self.recorded[-1].parent.name.partition("-")[2]
        found: dict[int, dict[str, Any]] = {}
        for line in (self.run / "log.jsonl").read_text(encoding="utf-8").splitlines():
            if line.endswith("}"):
                entry = json.loads(line)
                if entry.get("stage") == stage and (entry.get("selection") or {}).get("values"):
                    found[int(entry["epoch"])] = entry["selection"]
        return [found[epoch] for epoch in sorted(found)]
