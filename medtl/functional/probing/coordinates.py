"""Standardised features of some layers, rotated into the few coordinates that labelled rows span."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medtl.functional.probing.machines import Array, KernelMachine, LinearMachine, Machine
from medtl.functional.standardise import location_and_scale


@dataclass(frozen=True)
class Whitening:
    """From features of some layers to one row of length about 1, the layers side by side.

    Attributes:
        layers: in order.
        mean: of every feature, (d,).
        scale: its standard deviation times the root of (features of the layer times layers); infinite where it does not
            vary.
    """

    layers: tuple[str, ...]
    mean: Array
    scale: Array

    def apply(self, features: Mapping[str, NDArray[np.floating]]) -> Array:
        """(n, d)."""
        stacked = np.concatenate([np.asarray(features[name], np.float64) for name in self.layers], axis=1)
        return np.asarray((stacked - self.mean) / self.scale)

    @classmethod
    def of(
        cls, features: Mapping[str, NDArray[np.floating]], layers: tuple[str, ...], rows: NDArray[np.bool_]
    ) -> Whitening:
        """Counted over some rows; no label is read.

        Args:
            features: per layer, (n, d of the layer).
            layers: which.
            rows: bool, (n,).
        """
        means, scales = [], []
        for name in layers:
            mean, scale = location_and_scale(features[name][rows])
            means.append(mean)
            scales.append(scale * np.sqrt(len(mean) * len(layers)))
        return cls(layers, np.concatenate(means), np.concatenate(scales))


@dataclass(frozen=True)
class Coordinates:
    """Rows in the basis of their own span: every head here is the same there, at the cost of n columns.

    Attributes:
        whitening: of the domain that answers.
        basis: orthonormal rows, (r, d).
        z: coordinates of the used rows, (used, r).
        place: position in ``z`` of each row, -1 for rows that are not used, (n,).
    """

    whitening: Whitening
    basis: Array
    z: Array
    place: NDArray[np.int64]

    @property
    def width(self) -> int:
        """Features before rotating."""
        return int(self.basis.shape[1])

    def at(self, rows: NDArray[np.int64]) -> Array:
        """Coordinates of some rows, (len(rows), r)."""
        return np.asarray(self.z[self.place[rows]])

    @cached_property
    def products(self) -> Array:
        """Inner products of the used rows, (used, used): one product for all folds."""
        return np.asarray(self.z @ self.z.T)

    def products_of(self, rows: NDArray[np.int64]) -> Array:
        """Inner products of some rows."""
        at = self.place[rows]
        return np.asarray(self.products[np.ix_(at, at)])

    def in_features(self, machine: Machine) -> Machine:
        """The same machine on whitened features themselves."""
        if isinstance(machine, LinearMachine):
            return LinearMachine(machine.weight @ self.basis, machine.bias)
        return KernelMachine(machine.vectors @ self.basis, machine.weight, machine.bias, machine.gamma)

    @classmethod
    def of(
        cls, features: Mapping[str, NDArray[np.floating]], layers: tuple[str, ...], is_source: NDArray[np.bool_],
        used: NDArray[np.int64],
    ) -> Coordinates:
        """Each domain standardised by itself, over all of its rows that may be seen, labelled or not.

        Scanners move and scale features; what is left of that after two moments is the head's to bear. The target's
        moments go into the network, or the source's where there is no target.

        Args:
            features: per layer, (n, d of the layer).
            layers: which.
            is_source: bool, (n,).
            used: positions of labelled rows to be fitted or judged.
        """
        rows = np.zeros((len(used), sum(features[name].shape[1] for name in layers)))
        answers = Whitening.of(features, layers, ~is_source if (~is_source).any() else is_source)
        for domain in (True, False):
            mine = is_source[used] == domain
            if mine.any():
                own = answers if not domain else Whitening.of(features, layers, is_source)
                rows[mine] = own.apply({name: features[name][used[mine]] for name in layers})
        if len(rows) < rows.shape[1]:
            u, s, basis = np.linalg.svd(rows, full_matrices=False)
            kept = s > 1e-10 * max(float(s[0]), 1e-300)
            z, basis = u[:, kept] * s[kept], basis[kept]
        else:
            z, basis = rows, np.eye(rows.shape[1])
        place = np.full(len(is_source), -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        return cls(answers, basis, z, place)
