"""Reads and prepares all scans of a run before it starts, and sets aside what cannot be read."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medtl.cores import readers
from medtl.data.cache import ScanCache, Unreadable
from medtl.data.preflight import preflight
from medtl.data.prepared import Prepared
from medtl.data.transforms import Preprocess
from medtl.data.windows import UnitError
from medtl.errors import DataError
from medtl.progress import Progress, doing
from medtl.sources.base import SHOWN, at_most_ten
from medtl.types import Catalogue, Cohort, Item, Refusal


@dataclass(frozen=True)
class CachedReader:
    """Reads prepared scans from the cache, and names them as the cache does.

    Attributes:
        cache: where they are kept.
        preprocess: how they were prepared, should one have to be prepared again.
        items: all rows.
        keys: in the cache, by position.
    """

    cache: ScanCache
    preprocess: Preprocess
    items: tuple[Item, ...]
    keys: Mapping[int, str]

    def __call__(self, position: int) -> NDArray[np.float32]:
        """The array, memory-mapped."""
        return self.cache.fetch(self.keys[position], self.items[position], self.preprocess)

    def key(self, position: int) -> str:
        """What the array is made of: the scan's bytes, the preparation and its code."""
        return self.keys[position]


def prepare(
    data: Catalogue | Cohort,
    preprocess: Preprocess,
    cache: ScanCache,
    *,
    max_refused: float = 0.05,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Prepared:
    """Prepares every scan that takes part.

    Args:
        data: all rows of a catalogue, or those rows of a cohort that have a split.
        preprocess: how scans are prepared.
        cache: where prepared scans are kept.
        max_refused: share of scans that may be set aside, in [0, 1].
        progress: where to report to.
        workers: threads; :func:`medtl.cores.readers` if None.

    Returns:
        The arrays by position, and the refused rows with reasons.

    Raises:
        DataError: files are missing, or more scans than allowed cannot be read; nothing is lost in the cache.
    """
    catalogue = data.catalogue if isinstance(data, Cohort) else data
    positions = preflight(data)
    name = cache.keys(preprocess)

    def one(position: int) -> tuple[str, str] | Refusal:
        item = catalogue.items[position]
        try:
            content = item.digest or cache.digest(item)
            key = name(content)
            if not cache.has(key):
                cache.fetch(key, item, preprocess)
        except Unreadable as error:
            return _refusal(item, error.reasons, error.detail)
        except UnitError as error:
            return _refusal(item, ("not_hounsfield",), str(error))
        return content, key

    with doing(progress, "preparing scans", len(positions)) as shown, ThreadPoolExecutor(workers or readers()) as pool:
        answers: list[tuple[str, str] | Refusal] = []
        try:
            for answer in pool.map(one, positions):
                answers.append(answer)
                shown.advance()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    refusals = tuple(answer for answer in answers if isinstance(answer, Refusal))
    if len(refusals) > max_refused * len(positions):
        _stop(refusals, len(positions), max_refused)
    items = list(catalogue.items)
    keys: dict[int, str] = {}
    for position, answer in zip(positions, answers, strict=True):
        if not isinstance(answer, Refusal):
            items[position] = replace(items[position], digest=answer[0])
            keys[position] = answer[1]

    reader = CachedReader(cache, preprocess, tuple(items), keys)
    kept = np.array([position in keys for position in range(len(items))], dtype=np.bool_)
    return Prepared(replace(catalogue, items=tuple(items)), kept, refusals, reader)


def _stop(refusals: Sequence[Refusal], total: int, max_refused: float) -> None:
    lines = [f"row {r.row} ({r.site}): {', '.join(r.reasons)}: {r.detail}" for r in refusals]
    raise DataError(
        f"{len(refusals)} of {total} scans cannot be used, more than data.max_refused: {max_refused:g} allows; "
        f"repair or remove them, or allow more",
        *at_most_ten(lines, limit=SHOWN - 1),
    )


def _refusal(item: Item, reasons: tuple[str, ...], detail: str) -> Refusal:
    return Refusal(item.row, item.study, item.site, reasons, detail)

