"""One image of a scan that was refused as a whole, so that a report shows what kind of scan it was."""
from __future__ import annotations

from pathlib import Path

from medtl.io.read import read_scan
from medtl.io.thumbnail import SIDE, png, thumbnail

_TRIES = 5


def refused_thumbnail(path: Path, *, side: int = SIDE) -> bytes | None:
    """Draws the middlemost image of a scan that can be read by itself: a slice of a stack with gaps, say.

    Its borders are masked whatever the image is, and so is all that may be text: what is refused is often no scan at
    all. Localizers, reports and screen captures are refused one by one too, and are not drawn.

    Args:
        path: of a scan that was refused.
        side: pixels of the longer side.

    Returns:
        A PNG file's bytes; None where no image of the scan can be read by itself.
    """
    series = max(read_scan(path), key=lambda each: each.instances)
    files = list(dict.fromkeys(file for file in series.files if file.is_file()))
    if len(files) < 2:
        return None  # the one file is what was refused
    for file in sorted(files, key=lambda each: abs(files.index(each) - len(files) // 2))[:_TRIES]:
        for alone in read_scan(file):
            if alone.volume is not None:
                return png(thumbnail(alone.volume, side=side, frame=True))
    return None
