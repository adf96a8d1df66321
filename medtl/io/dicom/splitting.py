"""Parts the slices of one series into stacks: by orientation, spacing and matrix always, by other fields where needed.

A field such as EchoTime separates stacks only where positions repeat; a series whose AcquisitionNumber grows from slice
to slice stays whole.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np

from medtl.io.dicom.geometry import axes_of
from medtl.io.dicom.instances import Frame
from medtl.io.dicom.limits import Refusal

_COSINES = 1e-3
_SPACING = 1e-4


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices that belong together.

    Attributes:
        frames: one per position.
        copies: (kept, other) pairs at one position that no field separates: copies if their pixels agree.
        split_by: the fields, with their values, that told this stack from its neighbours.
    """

    frames: list[Frame]
    copies: list[tuple[Frame, Frame]] = field(default_factory=list)
    split_by: tuple[tuple[str, str], ...] = ()


def stacks_of(frames: list[Frame]) -> list[Stack]:
    """Splits the slices of a series.

    Args:
        frames: slices with position and orientation.

    Returns:
        Stacks, in an order that does not depend on the files' names or order.
    """
    ordered = sorted(frames, key=_identity)
    found: list[Stack] = []
    parts = _by_plane(ordered)
    for plane, part in parts:
        named = plane if len(parts) > 1 else ()
        found += [Stack(s.frames, s.copies, named + s.split_by) for s in _by_position(part)]
    return found


def _identity(frame: Frame) -> tuple[str, int, tuple[float, ...]]:
    return frame.instance.instance_uid, frame.index, frame.position or ()


def _by_plane(frames: list[Frame]) -> list[tuple[tuple[tuple[str, str], ...], list[Frame]]]:
    """Groups of one matrix, pixel spacing and orientation."""
    groups: dict[tuple[Hashable, ...], list[Frame]] = {}
    for frame in frames:
        layout = frame.instance.layout
        assert layout is not None
        stack = frame.separators.get("StackID")
        groups.setdefault((layout.columns, layout.rows, stack), []).append(frame)
    found = []
    for (columns, rows, stack), group in sorted(groups.items(), key=lambda item: str(item[0])):
        for alike in _cluster(group, "spacing", _SPACING):
            for parallel in _cluster(alike, "orientation", _COSINES):
                cosines = " ".join(f"{value:.3f}" for value in parallel[0].orientation or ())
                name = [("matrix", f"{columns} x {rows}"), ("orientation", cosines)]
                name += [("StackID", str(stack))] if stack else []
                found.append((tuple(name), parallel))
    return found


def _cluster(frames: list[Frame], attribute: str, tolerance: float) -> list[list[Frame]]:
    """Groups whose values lie within a tolerance of the group's first, taken in sorted order."""
    ordered = sorted(frames, key=lambda frame: getattr(frame, attribute) or ())
    groups: list[list[Frame]] = []
    heads: list[tuple[float, ...]] = []
    for frame in ordered:
        value: tuple[float, ...] = getattr(frame, attribute) or ()
        for head, group in zip(heads, groups, strict=True):
            if len(head) == len(value) and all(abs(a - b) <= tolerance for a, b in zip(head, value, strict=True)):
                group.append(frame)
                break
        else:
            heads.append(value)
            groups.append([frame])
    return groups


def _by_position(frames: list[Frame]) -> list[Stack]:
    """Splits parallel slices whose positions repeat, by the field that separates them best."""
    kept, copies = _same_object(frames)
    sites = _sites(kept)
    crowd = max(Counter(sites).values())
    if crowd == 1:
        return [Stack(kept, copies)]
    partition = _best_partition(kept, sites)
    if partition is None:
        unique, others = _first_of_each(kept, sites)
        return [Stack(unique, copies + others)]
    stacks = []
    for name in sorted(set(partition.labels), key=_sortable):
        chosen = [i for i, label in enumerate(partition.labels) if label == name]
        group = [kept[i] for i in chosen]
        inside = {id(frame) for frame in group}
        unique, others = _first_of_each(group, [sites[i] for i in chosen])
        mine = [pair for pair in copies if id(pair[0]) in inside]
        split_by = tuple((key, str(value)) for key, value in zip(partition.fields, name, strict=True))
        stacks.append(Stack(unique, mine + others, split_by))
    return stacks


def _same_object(frames: list[Frame]) -> tuple[list[Frame], list[tuple[Frame, Frame]]]:
    """Sets aside files that state the UID of another file at the same position."""
    seen: dict[tuple[str, int, object], Frame] = {}
    copies = []
    for frame in frames:
        key = (frame.instance.instance_uid or str(id(frame.instance)), frame.index, frame.position)
        if key in seen:
            copies.append((seen[key], frame))
        else:
            seen[key] = frame
    return list(seen.values()), copies


def _sites(frames: list[Frame]) -> list[int]:
    """A number per frame, equal for frames at the same position."""
    positions = np.array([frame.position for frame in frames], np.float64)
    try:
        _, _, normal = axes_of(np.array([frame.orientation for frame in frames], np.float64))
    except Refusal:
        return list(range(len(frames)))  # geometry_of refuses them with a reason
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    gaps = np.diff(along[order])
    typical = float(np.quantile(gaps, 0.75)) if len(gaps) else 0.0
    tolerance = max(1e-3, min(0.02, 0.02 * typical))  # two stacks round their positions each for itself
    sites = [0] * len(frames)
    number = 0
    for before, after in pairwise(order.tolist()):
        if np.linalg.norm(positions[after] - positions[before]) > tolerance:
            number += 1
        sites[after] = number
    return sites


def _first_of_each(frames: list[Frame], sites: list[int]) -> tuple[list[Frame], list[tuple[Frame, Frame]]]:
    first: dict[int, Frame] = {}
    others = []
    for frame, site in zip(frames, sites, strict=True):
        if site in first:
            others.append((first[site], frame))
        else:
            first[site] = frame
    return list(first.values()), others


@dataclass(frozen=True)
class _Partition:
    fields: tuple[str, ...]
    labels: list[tuple[Hashable, ...]]
    left: int


def _best_partition(frames: list[Frame], sites: list[int]) -> _Partition | None:
    """The field, or up to three, that leaves fewest repeats, in fewest stacks, in the order of the rule."""
    names = [name for name in dict.fromkeys(key for frame in frames for key in frame.separators)
             if _varies(frames, sites, name)]
    total = len(frames) - len(set(sites))
    candidates = []
    for size in (1, 2, 3):
        for number, chosen in enumerate(combinations(names[:12], size)):
            labels: list[tuple[Hashable, ...]] = [
                tuple(frame.separators.get(name) for name in chosen) for frame in frames]
            for variant in (labels, _ranks(labels, sites) if size == 1 else None):
                if variant is None:
                    continue
                left = len(frames) - len(set(zip(sites, variant, strict=True)))
                count = len(set(variant))
                if left < total and 2 * count <= max(len(frames), 2 * 2):
                    candidates.append(((left, count, size, number), _Partition(chosen, variant, left)))
        if candidates and min(key for key, _ in candidates)[0] == 0:
            break
    return min(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def _varies(frames: list[Frame], sites: list[int], name: str) -> bool:
    """Whether a field differs between slices at one position."""
    seen: dict[int, Hashable] = {}
    return any(seen.setdefault(site, frame.separators.get(name)) != frame.separators.get(name)
               for frame, site in zip(frames, sites, strict=True))


def _ranks(labels: list[tuple[Hashable, ...]], sites: list[int]) -> list[tuple[Hashable, ...]] | None:
    """Phases of a field that drifts along the stack, such as TriggerTime: its rank at each position.

    Only where every position has as many values, and all of one rank lie below all of the next.
    """
    values: dict[int, list[float]] = {}
    numbers: list[float] = []
    for (label,), site in zip(labels, sites, strict=True):
        value = label[0] if isinstance(label, tuple) and label else label
        if not isinstance(value, int | float):
            return None
        numbers.append(float(value))
        values.setdefault(site, []).append(float(value))
    counts = {len(group) for group in values.values()}
    if len(counts) != 1:
        return None
    table = np.sort(np.array(list(values.values())), axis=1)  # (positions, phases)
    if np.any(table[:, :-1].max(0) >= table[:, 1:].min(0)):
        return None
    rank = {site: sorted(group) for site, group in values.items()}
    return [(rank[site].index(number),) for number, site in zip(numbers, sites, strict=True)]


def _sortable(name: tuple[Hashable, ...]) -> tuple[tuple[bool, float, str], ...]:
    return tuple((False, float(v), "") if isinstance(v, int | float) else (True, 0.0, str(v)) for v in name)
