"""Scans that are the same, or nearly, on both sides of a split: recompressed, shaded, slightly cropped copies.

Near duplicates are found in two steps: a difference hash of each scan's mean slice proposes neighbours, and the
correlation of small pictures, over small shifts, and of fine detail decides. Blocks of rows bound the memory. What was
found out about a scan or a pair stays known to the process, so that the runs of a sweep do not ask again.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medtl.data.compared import Remembered, RememberedPairs
from medtl.data.prepared import Prepared
from medtl.types import Cohort

SIDE = 8
"""Of the hash: 8 x 8 signs of differences along rows and as many along columns, 128 bits."""
MAX_BITS = 22
"""Of 128; unrelated scans differ in about 64, but chests are alike, so this only proposes."""
SMALL = 32
MIN_CORRELATION = 0.95
"""Between high-passed small pictures at the best of small shifts and scales."""
EDGE = 4
SHIFT = 1
SCALES = (0.96, 1.0, 1.04)
PROMISING = 0.88
"""Coarse correlation from which a pair is looked at more closely."""
MIN_DETAIL = 0.90
"""Correlation of what is left of the middle slices after their local mean: a copy keeps grain and vessels, another
patient of the same build has other ones (at most .86 among 900 simulated thoraxes, at least .94 for copies)."""
ALIGNED = 200
"""Pairs that are aligned finely, the most alike first; it bounds the time where all scans are alike."""
STILL_BYTES = 256 * 2**20
"""Fine detail of single scans that is held while pairs are compared."""
_SMALL_OF: Remembered[NDArray[np.float32]] = Remembered(20_000)
_COARSE_OF = RememberedPairs(4_000_000)
_DETAIL_OF: Remembered[float] = Remembered(200_000)
_FINE_OF: Remembered[tuple[float, float]] = Remembered(200_000)
_UNNAMED = count()
_BLOCK = 512
_PAIRS = 4096


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
    for i, j, exact, similarity in duplicate_pairs(
        _Scans(prepared, used), digests, parts, [prepared.key(i) for i in used]
    ):
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
    scans: Sequence[NDArray[np.float32]], digests: Sequence[str], parts: Sequence[object],
    keys: Sequence[str] | None = None,
) -> list[tuple[int, int, bool, float]]:
    """Pairs of scans in different parts that are the same.

    Args:
        scans: float32 in [0, 1], (slices, 1, rows, columns), read one after the other.
        digests: of the files; empty where unknown.
        parts: scans of one part are not compared.
        keys: name the scans' arrays by their content, so that nothing is computed twice in this process; None for no
            memory.

    Returns:
        (first, second, exact, similarity), sorted.
    """
    named = keys if keys is not None else [f"{id(scans)}/{next(_UNNAMED)}" for _ in range(len(scans))]
    pictures = [_SMALL_OF.of(key, lambda i=i: _small(scans[i])) for i, key in enumerate(named)]  # type: ignore[misc]
    small = np.stack(pictures) if pictures else np.zeros((0, SMALL, SMALL), np.float32)
    hashes = _hashes(small)
    numbers = {part: i for i, part in enumerate(dict.fromkeys(parts))}
    part = np.array([numbers[p] for p in parts], dtype=np.int64)
    names = {digest: i for i, digest in enumerate(dict.fromkeys(digests))}
    words = np.array([names[d] if d else -1 - i for i, d in enumerate(digests)], dtype=np.int64)
    pairs: list[tuple[int, int, bool, float]] = []
    near: list[tuple[int, int]] = []
    for start in range(0, len(small), _BLOCK):
        rows = slice(start, start + _BLOCK)
        bits = _bits(hashes[rows], hashes)
        apart = part[rows, None] != part[None, :]
        later = np.arange(len(small))[None, :] > np.arange(len(small))[rows, None]
        for i, j in np.argwhere(apart & later & ((bits <= MAX_BITS) | (words[rows, None] == words[None, :]))):
            first, second = start + int(i), int(j)
            if digests[first] and digests[first] == digests[second]:
                pairs.append((first, second, True, 1.0))
            else:
                near.append((first, second))
    if near:
        ends = np.array(near, dtype=np.int64)
        coarse = _COARSE_OF.of(
            [named[i] for i in ends[:, 0]], [named[i] for i in ends[:, 1]],
            lambda chosen: _coarse(small, ends[chosen, 0], ends[chosen, 1]),
        )
        left = ALIGNED
        still: Remembered[NDArray[np.float32]] = Remembered(max(64, STILL_BYTES // max(1, scans[0][0].nbytes)))
        for i in np.argsort(-coarse, kind="stable")[: int((coarse >= PROMISING).sum())]:
            first, second = near[i]
            similarity = float(coarse[i])
            pair = named[first], named[second]
            detail = _DETAIL_OF.of(pair, lambda i=first, j=second: _still_detail(scans, named, still, i, j))  # type: ignore[misc]
            if (similarity < MIN_CORRELATION or detail < MIN_DETAIL) and left:
                left -= 1
                similarity, detail = _FINE_OF.of(
                    pair, lambda i=first, j=second: _aligned(small[i], small[j], scans[i], scans[j])  # type: ignore[misc]
                )
            if similarity >= MIN_CORRELATION and detail >= MIN_DETAIL:
                pairs.append((first, second, False, similarity))
    return sorted(pairs)


class _Scans(Sequence[NDArray[np.float32]]):
    """Prepared scans at positions, each read when it is asked for."""

    def __init__(self, prepared: Prepared, positions: Sequence[int]) -> None:
        self._prepared, self._positions = prepared, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, i: Any) -> Any:
        return self._prepared.array(self._positions[i])


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


def _coarse(
    small: NDArray[np.float32], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The greatest correlation of the middle of each first picture with the second, over small shifts and scales."""
    best = np.full(len(first), -1.0)
    middle = _unit(_sharp(small)[:, EDGE:-EDGE, EDGE:-EDGE])
    for scale in SCALES:
        sharp = _sharp(np.stack([_moved(picture, scale, 0.0, 0.0) for picture in small]) if scale != 1.0 else small)
        for down in range(-SHIFT, SHIFT + 1):
            for across in range(-SHIFT, SHIFT + 1):
                part = _unit(sharp[:, EDGE + down:SMALL - EDGE + down, EDGE + across:SMALL - EDGE + across])
                for start in range(0, len(first), _PAIRS):
                    rows = slice(start, start + _PAIRS)
                    found = np.einsum("ij,ij->i", middle[first[rows]], part[second[rows]])
                    np.maximum(best[rows], found, out=best[rows])
    return best


def _fine(first: NDArray[np.float32], second: NDArray[np.float32]) -> tuple[float, NDArray[np.float64]]:
    """The correlation of the middles after the second picture was scaled and moved onto the first, and that move."""
    from scipy.optimize import minimize

    middle = _unit(_sharp(first[None])[:, EDGE:-EDGE, EDGE:-EDGE])[0]

    def loss(move: NDArray[np.float64]) -> float:
        moved = _sharp(_moved(second, 1.0 + move[0] / SMALL, move[1], move[2])[None])
        return -float(middle @ _unit(moved[:, EDGE:-EDGE, EDGE:-EDGE])[0])

    simplex = np.vstack([np.zeros(3), 1.5 * np.eye(3)]) - 0.5
    found = minimize(loss, np.zeros(3), method="Nelder-Mead",
                     options={"initial_simplex": simplex, "maxfev": 80, "xatol": 0.02, "fatol": 1e-4})
    return -float(found.fun), np.asarray(found.x)


def _aligned(
    small: NDArray[np.float32], other: NDArray[np.float32], first: NDArray[np.float32], second: NDArray[np.float32]
) -> tuple[float, float]:
    """Correlation of the small pictures and of fine detail after fine alignment."""
    similarity, move = _fine(small, other)
    return similarity, _detail(first, second, move)


def _still_detail(
    scans: Sequence[NDArray[np.float32]], named: Sequence[str], still: Remembered[NDArray[np.float32]], i: int, j: int
) -> float:
    """The correlation of two scans' fine detail as they lie, each scan's detail computed once."""
    one, other = (still.of(named[k], lambda k=k: _grain(_middle(scans[k]))) for k in (i, j))  # type: ignore[misc]
    return float(one @ other)


def _detail(first: NDArray[np.float32], second: NDArray[np.float32], move: NDArray[np.float64]) -> float:
    """The correlation of the middle slices' fine detail, the second moved as :func:`_fine` found for small ones."""
    one, other = _middle(first), _middle(second)
    times = len(one) / SMALL
    other = _moved(other, 1.0 + move[0] / SMALL, move[1] * times, move[2] * times)
    return float(_grain(one) @ _grain(other))


def _middle(scan: NDArray[np.float32]) -> NDArray[np.float32]:
    """Its middle slice, (rows, columns)."""
    return np.asarray(scan[len(scan) // 2, 0])


def _grain(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is left of a picture's middle after its local mean, a vector of length 1."""
    edge = len(picture) // 8
    return np.asarray(_unit(_sharp(picture[None], 5)[:, edge:-edge, edge:-edge])[0])


def _moved(picture: NDArray[np.float32], scale: float, down: float, across: float) -> NDArray[np.float32]:
    """The picture about its centre, scaled and shifted by pixels, its border continued."""
    from scipy.ndimage import affine_transform

    rows, columns = ((n - 1) / 2 * (1 - scale) for n in picture.shape)
    moved = affine_transform(picture, np.array([scale, scale]), offset=(rows + down, columns + across), order=1,
                             mode="nearest")
    return np.asarray(moved, dtype=np.float32)


def _unit(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1, (n, pixels); a constant picture stays 0."""
    rows = pictures.reshape(len(pictures), -1)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _sharp(pictures: NDArray[np.float32], window: int = 9) -> NDArray[np.float32]:
    """Pictures less their local mean: what is particular to one scan rather than to all chests."""
    from scipy.ndimage import uniform_filter

    return np.asarray(pictures - uniform_filter(pictures, (0, window, window), mode="nearest"), dtype=np.float32)
