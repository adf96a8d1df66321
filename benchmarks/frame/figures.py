"""What a benchmark gives back: ratios against a named peer or limit of the same run, and tables beside them."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """One figure of merit.

    Attributes:
        what: what is divided by what.
        value: the ratio.
        ours: medtl's own figure with its unit and its spread over repeats.
        theirs: that of the peer or limit, measured in the same run.
        at_least: what is wanted, where more is better.
        at_most: what is wanted, where less is better.
    """

    what: str
    value: float
    ours: str
    theirs: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def wanted(self) -> str:
        """The goal in words; empty without one."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}" if self.at_most is not None else ""

    @property
    def verdict(self) -> str:
        """Whether the goal is met; empty without one."""
        if self.at_least is not None:
            return "met" if self.value >= self.at_least else "missed"
        return "" if self.at_most is None else "met" if self.value <= self.at_most else "missed"

    def cells(self) -> tuple[str, ...]:
        """A row of the table of ratios."""
        digits = 2 if abs(self.value) < 10 else 1 if abs(self.value) < 100 else 0
        return self.what, f"{self.value:.{digits}f}", self.wanted, self.verdict, self.ours, self.theirs


@dataclass(frozen=True)
class Table:
    """Figures beside the ratios.

    Attributes:
        title: one line.
        head: column names.
        rows: cells.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


RATIOS = ("ratio", "value", "wanted", "", "medtl", "peer or limit")
Row = Ratio | Table


def markdown(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    """A table in Markdown, numbers to the right, aligned for a terminal too."""
    widths = [max(3, len(name), *(len(row[i]) for row in rows)) if rows else max(3, len(name))
              for i, name in enumerate(head)]
    right = [bool(rows) and all(_number(row[i]) for row in rows) for i in range(len(head))]

    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(
            cell.rjust(width) if end else cell.ljust(width)
            for cell, width, end in zip(cells, widths, right, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if end else "-") for width, end in zip(widths, right, strict=True))
    return "\n".join([line(head), rule + "|", *map(line, rows)])


def _number(cell: str) -> bool:
    return cell.replace(".", "", 1).replace("-", "", 1).replace(",", "").isdigit()


def render(rows: list[Row]) -> str:
    """Ratios first, then the tables."""
    ratios = tuple(row.cells() for row in rows if isinstance(row, Ratio))
    parts = [markdown(RATIOS, ratios)] if ratios else []
    parts += [f"{row.title}\n\n{markdown(row.head, row.rows)}" for row in rows if isinstance(row, Table)]
    return "\n\n".join(parts)
