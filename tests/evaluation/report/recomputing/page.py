"""What is printed on a page: cells that say what they hold, prose, and the lines of its plots in their own units."""
from __future__ import annotations

import re
from html.parser import HTMLParser

NUMBER = re.compile(r"-?\d+\.\d+")
SILENT = ("td", "svg", "pre", "style", "title", "th", "nav", "caption", "ul")
"""What holds no prose of results; lists are of notes."""
Line = tuple[str, str, list[tuple[float, float]], tuple[float, float]]


class Page(HTMLParser):
    """A page, read.

    Args:
        text: of index.html.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[tuple[dict[str, str], str]] = []
        """Attributes and text of each cell that says what it holds."""
        self.bare: list[tuple[str, str]] = []
        """Section and text of each cell that does not."""
        self.prose: dict[str, str] = {}
        """By section."""
        self.lines: list[Line] = []
        self._open: dict[str, str] | None = None
        self._cell = ""
        self._axes: list[float] = []
        self._picture = ""
        self._section = ""
        self._deep: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        if tag == "section":
            self._section = found.get("id", "")
        if tag in SILENT:
            self._deep.append(tag)
        if tag == "td":
            self._open, self._cell = found, ""
        elif tag == "svg" and "data-axes" in found:
            self._axes, self._picture = [float(x) for x in found["data-axes"].split()], found["aria-label"]
        elif tag == "polyline" and "data-line" in found:
            x0, x1, low_x, high_x, y0, y1, low_y, high_y = self._axes
            points = [tuple(float(v) for v in pair.split(",")) for pair in found["points"].split()]
            scaled = [(low_x + (x - x0) / (x1 - x0) * (high_x - low_x), low_y + (y - y0) / (y1 - y0) * (high_y - low_y))
                      for x, y in points]
            pixel = (abs((high_x - low_x) / (x1 - x0)), abs((high_y - low_y) / (y1 - y0)))
            self.lines.append((self._picture, found["data-line"], scaled, pixel))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._deep:
            while self._deep.pop() != tag:
                pass
        if tag == "td" and self._open is not None:
            if any(key.startswith("data-") for key in self._open):
                self.cells.append((self._open, self._cell))
            else:
                self.bare.append((self._section, self._cell))
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._cell += " " + data
        elif not self._deep:
            self.prose[self._section] = self.prose.get(self._section, "") + " " + data

    def line(self, picture: str, name: str) -> tuple[list[tuple[float, float]], tuple[float, float]] | None:
        """A plot's line: its points, and what a pixel is worth along both axes."""
        return next(((points, pixel) for about, called, points, pixel in self.lines
                     if about.startswith(picture) and called == name), None)


def printed(text: str) -> tuple[float | None, tuple[float, float] | None]:
    """Value and interval of a cell as printed."""
    if "not estimable" in text.split("no interval")[0] and not NUMBER.match(text.strip()):
        return None, None
    numbers = [float(x) for x in NUMBER.findall(text.split("no interval")[0])]
    return (numbers[0] if numbers else None), ((numbers[1], numbers[2]) if len(numbers) == 3 else None)
