"""Scans that are the same, or nearly, on both sides of a split: recompressed, shaded, slightly cropped copies.

Near duplicates are found in two steps: a difference hash of each scan's mean slice proposes neighbours, and the
correlation of small pictures, over small shifts, decides. Blocks of rows bound the memory.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtl.data.prepared import Prepared
from medtl.types import Cohort

SIDE = 8
"""Of the hash: 8 x 8 signs of differences along rows and as many along columns, 128 bits."""
MAX_BITS = 28
"""Of 128; unrelated scans differ in about 64, but chests are alike, so this only proposes."""
SMALL = 32
MIN_CORRELATION = 0.985
"""Between high-passed small pictures at the best of small shifts and scales."""
_BLOCK = 512


@dataclass(frozen=True)
class Duplicate:
    """Two scans in different splits, or of different sites, that are the same.

    Attributes:
        first: position in the catalogue.
        second: position, later.
        exact: whether the files hold the same bytes; else the pictures are nearly equal.
        similarity: correlation of the small pictures; 1 for exact ones.
    """

    first: int
    second: int
    exact: bool
    similarity: float


@dataclass(frozen=True)
class Finding:
    """The duplicates between two parts of a cohort, for the report.

    Attributes:
        parts: (site, role, split) of either side.
        pairs: all of them.
    """

    parts: tuple[tuple[str, str, str], tuple[str, str, str]]
    pairs: tuple[Duplicate, ...]
    rows: tuple[tuple[int, int], ...]

    @property
    def sentence(self) -> str:
        """For people: how many, where, and the first three pairs by row number."""
        (a, b), exact = self.parts, sum(pair.exact for pair in self.pairs)
        kinds = [f"{n} {word}" for n, word in ((exact, "exact"), (len(self.pairs) - exact, "near")) if n]
        shown = ", ".join(f"{x} and {y}" for x, y in self.rows[:3]) + (", …" if len(self.rows) > 3 else "")
        return (f"duplicates: {' and '.join(kinds)} between {a[0]} {a[1]} {a[2]} and {b[0]} {b[1]} {b[2]} "
                f"(rows {shown}); figures on either side may flatter")


def find_duplicates(prepared: Prepared, cohort: Cohort) -> list[Finding]:
    """Looks for duplicates between splits and between sites; those within one split of one site do no harm.

    Args:
        prepared: arrays and digests.
        cohort: splits.

    Returns:
        One finding per pair of parts, those with most pairs first.
    """
    used = [i for i in range(len(cohort.catalogue.items))
            if prepared.kept[i] and cohort.role[i] != "unused" and cohort.split[i] != "unused"]
    parts = [(cohort.catalogue.items[i].site, cohort.role[i], cohort.split[i]) for i in used]
    digests = [prepared.catalogue.items[i].digest for i in used]
    found: dict[tuple[tuple[str, str, str], tuple[str, str, str]], list[Duplicate]] = {}
    for i, j, exact, similarity in duplicate_pairs([prepared.array(i) for i in used], digests, parts):
        key = (parts[i], parts[j])
        if (parts[j], parts[i]) in found:
            key = (parts[j], parts[i])
        found.setdefault(key, []).append(Duplicate(used[i], used[j], exact, similarity))
    items = cohort.catalogue.items
    findings = [
        Finding(key, tuple(pairs), tuple((items[p.first].row, items[p.second].row) for p in pairs))
        for key, pairs in found.items()
    ]
    return sorted(findings, key=lambda finding: -len(finding.pairs))


def duplicate_pairs(
    scans: Sequence[NDArray[np.float32]], digests: Sequence[str], parts: Sequence[object]
) -> list[tuple[int, int, bool, float]]:
    """Pairs of scans in different parts that are the same.

    Args:
        scans: float32 in [0, 1], (slices, 1, rows, columns), read one after the other.
        digests: of the files; empty where unknown.
        parts: scans of one part are not compared.

    Returns:
        (first, second, exact, similarity), sorted.
    """
    small = np.stack([_small(scan) for scan in scans]) if len(scans) else np.zeros((0, SMALL, SMALL), np.float32)
    hashes = _hashes(small)
    numbers = {part: i for i, part in enumerate(dict.fromkeys(parts))}
    part = np.array([numbers[p] for p in parts], dtype=np.int64)
    words = np.array([hash(d) if d else -1 - i for i, d in enumerate(digests)], dtype=np.int64)
    pairs = []
    for start in range(0, len(small), _BLOCK):
        rows = slice(start, start + _BLOCK)
        bits = _bits(hashes[rows], hashes)
        apart = part[rows, None] != part[None, :]
        later = np.arange(len(small))[None, :] > np.arange(len(small))[rows, None]
        for i, j in np.argwhere(apart & later & ((bits <= MAX_BITS) | (words[rows, None] == words[None, :]))):
            first, second = start + int(i), int(j)
            if digests[first] and digests[first] == digests[second]:
                pairs.append((first, second, True, 1.0))
            elif (similarity := _similarity(small[first], small[second])) >= MIN_CORRELATION:
                pairs.append((first, second, False, similarity))
    return sorted(pairs)


def parts_touched(findings: Sequence[Finding]) -> Counter[tuple[str, str, str]]:
    """How many scans of each part have a duplicate elsewhere."""
    touched = {(part, position) for finding in findings for pair in finding.pairs
               for part, position in zip(finding.parts, (pair.first, pair.second), strict=True)}
    return Counter(part for part, _ in touched)


def _small(scan: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scan's mean slice, area-averaged to a small square."""
    picture = scan[:, 0].mean(axis=0)
    edges = [np.linspace(0, n, SMALL + 1).round().astype(int) for n in picture.shape]
    sums = np.add.reduceat(np.add.reduceat(picture, edges[0][:-1], axis=0), edges[1][:-1], axis=1)
    area = np.outer(np.diff(edges[0]), np.diff(edges[1]))
    return np.asarray(sums / area, dtype=np.float32)


def _hashes(small: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Signs of differences of neighbouring means along rows and columns, packed: uint8, (n, 16)."""
    n, step = len(small), SMALL // SIDE
    mean = small.reshape(n, SIDE, step, SIDE, step).mean(axis=(2, 4))
    across = mean > np.roll(mean, -1, axis=2)
    down = mean > np.roll(mean, -1, axis=1)
    return np.packbits(np.concatenate([across.reshape(n, -1), down.reshape(n, -1)], axis=1), axis=1)


def _bits(some: NDArray[np.uint8], all_: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Hamming distances, (len(some), len(all_))."""
    a, b = (np.unpackbits(x, axis=1).astype(np.float32) for x in (some, all_))
    return np.asarray(a.sum(1)[:, None] + b.sum(1)[None, :] - 2 * a @ b.T, dtype=np.int64)


def _similarity(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """The greatest correlation of the middle of one picture with the other, shifted and scaled a little."""
    from scipy.ndimage import affine_transform

    edge = 4
    middle = _sharp(first)[edge:-edge, edge:-edge].ravel()
    best = -1.0
    centre = (SMALL - 1) / 2
    for scale in (0.94, 0.97, 1.0, 1.03, 1.06):
        scaled = second if scale == 1.0 else affine_transform(
            second, np.diag([scale, scale]), offset=centre * (1 - scale), order=1, mode="nearest")
        sharp = _sharp(scaled)
        for down in (-2, -1, 0, 1, 2):
            for across in (-2, -1, 0, 1, 2):
                part = sharp[edge + down:SMALL - edge + down, edge + across:SMALL - edge + across].ravel()
                best = max(best, float(middle @ part / max(np.linalg.norm(middle) * np.linalg.norm(part), 1e-12)))
    return best


def _sharp(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture less its local mean: what is particular to one scan rather than to all chests."""
    from scipy.ndimage import uniform_filter

    return np.asarray(picture - uniform_filter(picture, 9, mode="nearest"), dtype=np.float32)
