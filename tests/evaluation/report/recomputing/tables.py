"""results.csv, the page's cells and prose, and report.md say what metrics.json says."""
from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .ledger import Ledger, leaves
from .page import NUMBER, Page, printed

HELD = ("", "results", "comparison", "calibration", "subgroups")
"""Sections whose every decimal number is of metrics.json; the rest of the page tells of scans, training and checks."""
ROUNDED = 5.001e-4
ANY = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
OF_MARKDOWN = ("## Results per site", "## Away from home", "## Did adaptation help")


class Tables:
    """What a report prints.

    Args:
        ledger: of metrics.json.
        folder: of the report.
        page: its page.
    """

    def __init__(self, ledger: Ledger, folder: Path, page: Page) -> None:
        self.ledger, self.page, self.told = ledger, page, ledger.told
        with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        words = folder / "report.md"
        self.markdown = words.read_text(encoding="utf-8") if words.is_file() else ""

    def all(self) -> None:
        """Checks every table and every number in prose."""
        told = dict(self._entries())
        seen = self._rows(told)
        shown = self._cells(told)
        for key in told.keys() - seen:
            self.ledger.wrong.append(f"results.csv lacks {key}")
        numbers = self.told["kind"] == "regression"
        pooled = {("figure", r["model"], r["site"]) for r in self.told["results"] if r["pooled"]}
        for key in told.keys() - shown:
            of_part = key[0] == "figure" and key[5]
            if numbers and (key[0] != "figure" or key[4] != "test"):
                continue  # a regression's page shows tests in its table, the rest in sentences
            if not of_part or (key[4] == "test" and key[:3] not in pooled):
                self.ledger.wrong.append(f"the page lacks {key}")
        self._marked()
        for section, text in self.page.bare:
            if section in HELD and NUMBER.search(text):
                self.ledger.wrong.append(f"the page, {section}: a cell that says not what it holds: {text.strip()}")
        for section in HELD:
            self._prose(f"the page, {section or 'head'}", self.page.prose.get(section, ""))
        for part in re.split(r"(?m)^(?=## )", self.markdown):
            if part.startswith(("# ", *OF_MARKDOWN)):
                self._prose("report.md", part)

    def _entries(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        """Each figure of metrics.json under the name that a row or a cell gives it."""
        for result in (*self.told["results"], *self.told["further"]["results"]):
            place = (result["model"], result["site"], result["role"], result["split"])
            for name, estimate in result["metrics"].items():
                yield ("figure", *place, "", name), estimate
            for part in result["parts"]:
                for estimate in part["estimates"]:
                    yield ("figure", *place, part["name"], estimate["metric"]), estimate
        for gap in self.told["gaps"]:
            yield ("gap", gap["model"], gap["internal"], gap["external"]), gap
        for told in self.told["comparisons"]:
            yield ("comparison", told["site"]), told

    def _rows(self, told: dict[tuple[str, ...], dict[str, Any]]) -> set[tuple[str, ...]]:
        seen = set()
        for row in self.rows:
            if row["what"] == "threshold":
                level = next(t for t in self.told["thresholds"] if t["model"] == row["model"])["values"][row["part"]]
                self.ledger.same(f"results.csv threshold {row['model']}", float(row["value"]) if row["value"] else None,
                                 level, 1e-8)
                continue
            key: tuple[str, ...] = ("comparison", row["site"])
            if row["what"] == "figure":
                key = ("figure", row["model"], row["site"], row["role"], row["split"], row["part"], row["metric"])
            elif row["what"] == "gap":
                key = ("gap", row["model"], *row["site"].split(" minus "))
            seen.add(key)
            self._same(f"results.csv {key}", told[key], [float(row[name]) if row[name] else None
                                                         for name in ("value", "low", "high")], None)
        return seen

    def _cells(self, told: dict[tuple[str, ...], dict[str, Any]]) -> set[tuple[str, ...]]:
        seen = set()
        for attributes, text in self.page.cells:
            if "data-metric" in attributes:
                key = ("figure", *(attributes[f"data-{name}"] for name in
                                   ("model", "site", "role", "split", "part", "metric")))
            elif "data-gap" in attributes:
                key = ("gap", *attributes["data-gap"].split("|"))
            elif "data-comparison" in attributes:
                key = ("comparison", attributes["data-comparison"])
            else:
                continue
            seen.add(key)
            if self.told["kind"] == "regression":  # three digits or four, whatever the unit
                shown = [float(x) for x in ANY.findall(text)]
                self._same(f"page {key}", told[key], [*shown, None, None, None][:3], None, 5.1e-3)
                continue
            value, interval = printed(text)
            self._same(f"page {key}", told[key], [value, *(interval or (None, None))], ROUNDED)
        return seen

    def _marked(self) -> None:
        """Cells that name their place in metrics.json print the numbers that stand there, in order."""
        for attributes, text in self.page.cells:
            if "data-words" in attributes:
                words = str(self._at(attributes["data-words"]))
                if " ".join(words.split()) not in " ".join(text.split()):
                    self.ledger.wrong.append(f"page {attributes['data-words']}: {text.strip()!r}, not {words!r}")
            if "data-told" not in attributes:
                continue
            wanted: list[float] = []
            for path in attributes["data-told"].split("|"):
                at = self._at(path)
                found = [_at(at, place) for place in leaves(at)]
                wanted += [float(v) for v in found if isinstance(v, (int, float)) and not isinstance(v, bool)]
            shown = NUMBER.findall(text.split("no interval")[0].split("not estimable")[0])
            self.ledger.same(f"page {attributes['data-told']}: numbers", len(shown), len(wanted), 0)
            for one, other in zip(shown, wanted, strict=False):
                self.ledger.same(f"page {attributes['data-told']}", float(one), other, width(one))

    def _at(self, path: str) -> Any:
        """What stands at a path of metrics.json."""
        at: Any = self.told
        for key in path.split("/"):
            at = at[int(key)] if isinstance(at, list) else at[key]
        return at

    def _same(
        self, what: str, told: dict[str, Any], found: list[float | None], within: float | None, digits: float = 1e-8
    ) -> None:
        """Sets a figure beside what is printed of it; without a width, at nine significant digits."""
        ends = told["interval"] or (None, None)
        for name, one, other in zip(("value", "low", "high"), (told["value"], *ends), found, strict=True):
            self.ledger.same(f"{what} {name}", one, other, digits * abs(one or 0) + 1e-8 if within is None else within)

    def _prose(self, where: str, text: str) -> None:
        """Every decimal number of some prose is one of metrics.json, rounded as it is printed."""
        known = list(self.ledger.numbers())
        known += [0.05 * len((self.told.get("subgroups") or {}).get("groups", ()))]  # by chance outside their interval
        known += [0.5 * sum(abs(a - b) for a, b in zip(p["value"], p["source"], strict=True))
                  for p in (self.told.get("probabilities") or {}).get("prevalence", ()) if p["value"]]
        titles = " ".join(map(str, (self.told.get("further") or {}).get("titles", {}).values()))
        for shown in dict.fromkeys(NUMBER.findall(text)):
            self.ledger.checked += 1
            stated = shown in titles or float(shown) in (0.8, 0.95)  # a power and a level, in sentences
            if not stated and not any(abs(abs(float(shown)) - abs(value)) <= width(shown) for value in known):
                self.ledger.wrong.append(f"{where}: {shown} is no figure of metrics.json")


def width(shown: str) -> float:
    """Half of the last digit that is shown."""
    return 0.5001 * 10.0 ** -len(shown.partition(".")[2])


def _at(told: Any, place: tuple[str | int, ...]) -> Any:
    for key in place:
        told = told[key]
    return told
