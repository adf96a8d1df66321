"""Scans that are ready: arrays by position, and which were refused."""
from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from medtl.types import Catalogue, Cohort, Refusal, Role, Split


@dataclass(frozen=True)
class Prepared:
    """The arrays of a catalogue.

    Attributes:
        catalogue: all rows, refused ones too, with digests where they were read.
        kept: bool, (n,): the rows that have an array.
        refusals: the rows that were read and have none.
        reader: position to float32 in [0, 1], (slices, 1, rows, columns); read-only, of one shape for all. Where it has
            a method ``key`` (position to text), that names the array by what it is made of.
    """

    catalogue: Catalogue
    kept: NDArray[np.bool_]
    refusals: tuple[Refusal, ...]
    reader: Callable[[int], NDArray[np.float32]]
    _keys: dict[int, str] = field(default_factory=dict, repr=False, compare=False)

    def array(self, position: int) -> NDArray[np.float32]:
        """The scan at a position of the catalogue.

        Args:
            position: of a kept row.

        Returns:
            float32 in [0, 1], (slices, 1, rows, columns).

        Raises:
            KeyError: the row was refused, or not asked for.
        """
        if not self.kept[position]:
            raise KeyError(position)
        return self.reader(position)

    def key(self, position: int) -> str:
        """Names the scan's array by its content, alike wherever the same array is prepared; as :meth:`array` else."""
        if position not in self._keys:
            named = getattr(self.reader, "key", None)
            if named is None:
                array = np.ascontiguousarray(self.array(position))
                state = hashlib.sha256(repr(array.shape).encode())
                state.update(array.data)
                self._keys[position] = state.hexdigest()
            else:
                self._keys[position] = str(named(position))
        return self._keys[position]

    def cohort(self, cohort: Cohort) -> Cohort:
        """The cohort without the refused rows: their role and split become ``unused``; positions stay.

        Args:
            cohort: over a catalogue of the same rows.

        Returns:
            The cohort of a run.
        """
        if len(cohort.catalogue.items) != len(self.catalogue.items):
            rows, prepared = len(cohort.catalogue.items), len(self.catalogue.items)
            raise ValueError(f"a cohort of {rows} rows over {prepared} prepared")
        refused = {refusal.row for refusal in self.refusals}
        out = [item.row in refused for item in cohort.catalogue.items]
        role: tuple[Role, ...] = tuple("unused" if o else r for o, r in zip(out, cohort.role, strict=True))
        split: tuple[Split, ...] = tuple("unused" if o else s for o, s in zip(out, cohort.split, strict=True))
        return replace(cohort, catalogue=self.catalogue, role=role, split=split, hidden=cohort.hidden | np.array(out))

    @classmethod
    def in_memory(cls, catalogue: Catalogue, arrays: Mapping[int, NDArray[np.float32]]) -> Prepared:
        """Arrays that are at hand already, by position."""
        kept = np.array([position in arrays for position in range(len(catalogue.items))], dtype=np.bool_)
        return cls(catalogue, kept, (), arrays.__getitem__)
