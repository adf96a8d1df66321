"""Lists the files of a tree of any size, one by one, whatever its links and names."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from medtl.io.reasons import Reason


def files_below(root: Path, skip: Path | None = None) -> Iterator[tuple[str, Reason | None]]:
    """Every file below a folder.

    Args:
        root: the folder.
        skip: a folder that is left out with all below it.

    Yields:
        (path, None) for a file to look at, in the order of names; (path, reason) for an entry that is passed over:
        a link that leads back or nowhere, or what cannot be opened. A name with control characters is looked at.
    """
    seen: set[tuple[int, int]] = set()
    pending = [os.fspath(root)]
    left_out = None if skip is None else os.path.realpath(skip)
    while pending:
        folder = pending.pop()
        try:
            facts = os.stat(folder)
            if (facts.st_dev, facts.st_ino) in seen:
                yield folder, Reason.SYMLINK_LOOP
                continue
            seen.add((facts.st_dev, facts.st_ino))
            if left_out is not None and os.path.realpath(folder) == left_out:
                continue
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            yield folder, Reason.UNREADABLE_FILE
            continue
        below = []
        for entry in entries:
            try:
                if entry.is_dir():
                    below.append(entry.path)
                elif entry.is_file():
                    yield entry.path, None
                else:
                    yield entry.path, Reason.SYMLINK_LOOP if entry.is_symlink() else Reason.UNREADABLE_FILE
            except OSError:
                yield entry.path, Reason.SYMLINK_LOOP
        pending.extend(reversed(below))
