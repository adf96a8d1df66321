"""A probe: the layer, the head and its penalty, and whether the source helps, all by grouped validation."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medtl.functional.probing.coordinates import Coordinates, Whitening
from medtl.functional.probing.evidence import NONE, Evidence, HeldOut, compared
from medtl.functional.probing.folds import grouped_folds, held_out_losses, mean_and_error
from medtl.functional.probing.machines import STRENGTHS, Array, Kind, Machine, fit_machine

ENOUGH = 400
"""Held-out answers beyond which folds are not repeated: then patients, not folds, make the error."""

FitOn = Literal["source", "target", "both", "auto"]
Domain = Literal["source", "target", "both"]


@dataclass(frozen=True)
class Candidate:
    """What validation chooses among.

    Attributes:
        layers: side by side, each with the same share of the rows' length.
        kind: of head.
        strength: inverse penalty, or LDA's shrinkage.
    """

    layers: tuple[str, ...]
    kind: Kind
    strength: float


@dataclass(frozen=True)
class Scored:
    """A candidate and its held-out loss.

    Attributes:
        candidate: which.
        fit_on: the domains it was fitted on.
        loss: mean over held-out rows: 1 - AUROC, error rate or squared error; NaN where nothing could be held out.
        error: its standard error over patients.
        against: how much lower its loss is than the first candidate's (or, with the source, than without), on the same
            rows and folds.
    """

    candidate: Candidate
    fit_on: Domain
    loss: float
    error: float
    against: Evidence

    @property
    def gain(self) -> float:
        """How much lower its loss is."""
        return self.against.gain

    @property
    def gain_error(self) -> float:
        """Standard error of the gain."""
        return self.against.error


@dataclass(frozen=True)
class Rows:
    """What may be seen.

    Attributes:
        features: per layer, (n, d of the layer).
        labels: class numbers or values, NaN where unknown or hidden, (n,).
        patients: whose each row is; empty where unknown, (n,).
        is_source: bool, (n,).
    """

    features: Mapping[str, NDArray[np.floating]]
    labels: NDArray[np.float64]
    patients: tuple[str, ...]
    is_source: NDArray[np.bool_]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Rows with a label, (n,)."""
        return ~np.isnan(self.labels)


@dataclass(frozen=True)
class Probe:
    """A fitted head and how it was chosen.

    Attributes:
        candidate: the chosen one.
        fit_on: the domains whose labels it was fitted on.
        whitening: mean and scale of each feature of the chosen layers, of the domain that answers.
        machine: on rows of length 1, in the features' own coordinates.
        slope: of held-out margins, so that two-class outputs are log odds; 1 where nothing could be held out.
        offset: likewise; 0 then.
        scored: every candidate that was validated; the first is the one that stands unless another is clearly better.
        source: with and without the source, where both were tried.
    """

    candidate: Candidate
    fit_on: Domain
    whitening: Whitening
    machine: Machine
    slope: float
    offset: float
    scored: tuple[Scored, ...]
    source: tuple[Scored, ...]

    def outputs(self, features: Mapping[str, NDArray[np.floating]]) -> Array:
        """Logits, or values of a regression.

        Args:
            features: per layer, at least the chosen ones, (n, d of the layer).

        Returns:
            (n, K), or (n, 1) for values.
        """
        said = self.machine(self.whitening.apply(features))
        return said if said.shape[1] == 1 else said * self.slope + self.offset * np.linspace(-0.5, 0.5, said.shape[1])


@dataclass(frozen=True)
class Search:
    """How a probe is found.

    Attributes:
        candidates: the first stands unless another's held-out loss is lower at ``level`` over their number.
        classes: K; 0 for values.
        fit_on: whose labels; ``auto`` takes the target's, and the source's too where held-out target rows are clearly
            better with them; the source's alone where no target label is known.
        level: of error, one-sided, at which a gain is clear: that of the source, and of any other candidate.
        folds: of patients.
        repeats: of the folds, fewer beyond ``ENOUGH`` held-out answers.
        share: of the target's rows in the fit on both, by weight.
        seed: of the folds.
    """

    candidates: tuple[Candidate, ...]
    classes: int
    fit_on: FitOn = "auto"
    level: float = 0.01
    folds: int = 5
    repeats: int = 10
    share: float = 0.5
    seed: int = 0
    _spaces: dict[tuple[tuple[str, ...], Domain], Coordinates] = field(default_factory=dict, compare=False, repr=False)

    def fit(self, rows: Rows) -> Probe:
        """Chooses and fits.

        Args:
            rows: of both domains, or of one.

        Raises:
            ValueError: no label of a class where it is needed.
        """
        self._spaces.clear()
        target = rows.known & ~rows.is_source
        fit_on = self.fit_on
        if fit_on == "auto":
            fit_on = "target" if self._complete(rows.labels[target]) else "source"
        self._check(rows, fit_on)
        judged = "source" if fit_on == "source" else "target"
        scored, said = self._validated(rows, fit_on, self.candidates, judged)
        best = self._best(scored)
        source: tuple[Scored, ...] = ()
        of_source = rows.known & rows.is_source
        if self.fit_on == "auto" and fit_on == "target" and self._complete(rows.labels[of_source]):
            fit_on, source, said_both = self._with_source(rows, scored[best])
            if fit_on == "both" and said_both is not None:
                said[best] = said_both
        chosen = scored[best].candidate
        space = self._space(rows, chosen.layers, fit_on)
        machine = self._fitted(rows, chosen, fit_on, space, self._used(rows, fit_on))
        slope, offset = _calibrated(said.get(best), rows.labels, self.classes)
        self._spaces.clear()
        return Probe(chosen, fit_on, space.whitening, space.in_features(machine), slope, offset, scored, source)

    def _complete(self, labels: NDArray[np.float64]) -> bool:
        return len(labels) > 1 if self.classes == 0 else len(np.unique(labels)) == self.classes

    def _check(self, rows: Rows, fit_on: Domain) -> None:
        for domain in ("source", "target") if fit_on == "both" else (fit_on,):
            labels = rows.labels[rows.known & (rows.is_source == (domain == "source"))]
            if not self._complete(labels):
                raise ValueError(
                    f"{domain} labels are needed of all {self.classes} classes, found {len(np.unique(labels))}"
                    if self.classes else f"at least two {domain} values are needed, found {len(labels)}"
                )

    def _used(self, rows: Rows, fit_on: Domain) -> NDArray[np.int64]:
        domain = np.ones(len(rows.labels), dtype=bool) if fit_on == "both" else rows.is_source == (fit_on == "source")
        return np.flatnonzero(rows.known & domain)

    def _space(self, rows: Rows, layers: tuple[str, ...], fit_on: Domain) -> Coordinates:
        key = (layers, fit_on)
        if key not in self._spaces:
            used = self._used(rows, fit_on)
            self._spaces[key] = Coordinates.of(rows.features, layers, rows.is_source, used)
        return self._spaces[key]

    def _validated(
        self, rows: Rows, fit_on: Domain, candidates: Sequence[Candidate], judged: str
    ) -> tuple[tuple[Scored, ...], dict[int, Array]]:
        """Held-out losses of candidates, and their mean held-out outputs per row."""
        held = list(self._splits(rows, judged))
        at = np.flatnonzero(rows.known & (rows.is_source == (judged == "source")))
        labels, patients = rows.labels[at], [rows.patients[i] for i in at]
        found = [self._held_out(rows, candidate, fit_on, at, held) for candidate in candidates]
        scored, said = [], {}
        for number, (candidate, one) in enumerate(zip(candidates, found, strict=True)):
            if one is None or found[0] is None:
                scored.append(Scored(candidate, fit_on, np.nan, np.nan, NONE))
                continue
            said[number] = _spread(one.outputs, at, len(rows.labels))
            loss, error = mean_and_error(one.mean_losses, labels, patients, self.classes)
            against = compared(found[0], one, labels, patients, self.classes) if number else NONE
            scored.append(Scored(candidate, fit_on, loss, error, against))
        return tuple(scored), said

    def _splits(self, rows: Rows, judged: str) -> Iterator[NDArray[np.int64]]:
        """A fold per judged row, as often as there are repeats."""
        at = np.flatnonzero(rows.known & (rows.is_source == (judged == "source")))
        patients = [rows.patients[i] for i in at]
        for repeat in range(min(self.repeats, max(1, ENOUGH // max(len(at), 1)))):
            fold = grouped_folds(
                rows.labels[at], patients, folds=self.folds, classes=self.classes, seed=self.seed * 1000 + repeat
            )
            if fold is not None:
                yield fold

    def _held_out(
        self, rows: Rows, candidate: Candidate, fit_on: Domain, at: NDArray[np.int64], held: list[NDArray[np.int64]]
    ) -> HeldOut | None:
        """None where no repeat has all classes in each fit."""
        if not held:
            return None
        space = self._space(rows, candidate.layers, fit_on)
        used = self._used(rows, fit_on)
        outputs, losses = [], np.full((len(held), len(at)), np.nan)
        for repeat, fold in enumerate(held):
            said: Array | None = None
            for k in range(int(fold.max()) + 1):
                out = at[fold == k]
                train = used[~np.isin(used, out)]
                if self.classes and len(np.unique(rows.labels[train])) < self.classes:
                    break
                machine = self._fitted(rows, candidate, fit_on, space, train)
                answer = machine(space.at(out))
                said = np.full((len(at), answer.shape[1]), np.nan) if said is None else said
                said[fold == k] = answer
            else:
                assert said is not None
                outputs.append(said)
                losses[repeat] = held_out_losses(said, rows.labels[at], fold, self.classes)
        return HeldOut(losses, np.array(held), np.mean(outputs, axis=0)) if outputs else None

    def _fitted(
        self, rows: Rows, candidate: Candidate, fit_on: Domain, space: Coordinates, train: NDArray[np.int64]
    ) -> Machine:
        labels = rows.labels[train]
        weights = np.ones(len(train))
        domains = rows.is_source[train]
        for domain in (True, False):
            mine = domains == domain
            if not mine.any():
                continue
            if self.classes:
                for c in range(self.classes):
                    chosen = mine & (labels == c)
                    weights[chosen] = 1.0 / max(int(chosen.sum()), 1)
            weights[mine] *= (self.share if not domain else 1.0 - self.share) / weights[mine].sum()
        # in a fit on both, all the evidence counts in rows of the target
        weights *= (float((~domains).sum()) / self.share if fit_on == "both" else len(train)) / weights.sum()
        return fit_machine(
            candidate.kind, space.at(train), labels, weights, strength=candidate.strength, classes=self.classes,
            width=space.width, products=space.products_of(train) if candidate.kind in ("svm", "rbf") else None,
        )

    def _best(self, scored: tuple[Scored, ...]) -> int:
        """The one that stands, or the clearest of those that are better; the level is shared among them all."""
        p_values = np.array([one.against.p_value for one in scored])
        best = int(np.argmin(p_values))
        return best if p_values[best] < self.level / max(len(scored) - 1, 1) else 0

    def _with_source(self, rows: Rows, without: Scored) -> tuple[Domain, tuple[Scored, ...], Array | None]:
        """Whether held-out target rows are clearly better with the source's labels too."""
        held = list(self._splits(rows, "target"))
        at = np.flatnonzero(rows.known & ~rows.is_source)
        labels, patients = rows.labels[at], [rows.patients[i] for i in at]
        alone = self._held_out(rows, without.candidate, "target", at, held)
        with_source = self._held_out(rows, without.candidate, "both", at, held)
        if alone is None or with_source is None:
            return "target", (), None
        loss, error = mean_and_error(with_source.mean_losses, labels, patients, self.classes)
        against = compared(alone, with_source, labels, patients, self.classes)
        both = Scored(without.candidate, "both", loss, error, against)
        said = _spread(with_source.outputs, at, len(rows.labels))
        return ("both" if against.p_value < self.level else "target"), (replace(without, against=NONE), both), said


def _spread(outputs: Array, at: NDArray[np.int64], n: int) -> Array:
    """Outputs of some rows among all, NaN elsewhere, (n, outputs)."""
    wide = np.full((n, outputs.shape[1]), np.nan)
    wide[at] = outputs
    return wide


def candidates(
    layers: Sequence[tuple[str, ...]], kinds: Sequence[Kind], strengths: Sequence[float] | None = None
) -> tuple[Candidate, ...]:
    """All combinations, layers slowest; the first has the first layers, the first kind and its middle strength.

    Args:
        layers: sets of layers.
        kinds: of heads.
        strengths: instead of each kind's own.
    """
    found = []
    for some in layers:
        for kind in kinds:
            grid = tuple(strengths or STRENGTHS[kind])
            middle = grid[len(grid) // 2]
            found += [Candidate(some, kind, strength) for strength in (middle, *(s for s in grid if s != middle))]
    return tuple(found)


def _calibrated(said: Array | None, labels: NDArray[np.float64], classes: int) -> tuple[float, float]:
    """Slope and offset of Platt's sigmoid on held-out margins; 1 and 0 where there is none or it falls.

    Reference:
        Platt 1999, "Probabilistic Outputs for Support Vector Machines", with his targets.
    """
    if said is None or classes != 2:
        return 1.0, 0.0
    rows = ~np.isnan(said).any(axis=1) & ~np.isnan(labels)
    margin, y = (said[rows, 1] - said[rows, 0]), labels[rows]
    ones, zeros = float((y == 1).sum()), float((y == 0).sum())
    spread = float(margin.std())
    if min(ones, zeros) < 2 or spread <= 0:
        return 1.0, 0.0
    from scipy.optimize import minimize

    goal = np.where(y == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    x = margin / spread

    def cost(parameters: Array) -> tuple[float, Array]:
        logit = parameters[0] * x + parameters[1]
        p = 1.0 / (1.0 + np.exp(-np.clip(logit, -30, 30)))
        value = float((np.logaddexp(0.0, logit) - goal * logit).sum())
        return value, np.array([((p - goal) * x).sum(), (p - goal).sum()])

    found = minimize(cost, np.array([1.0, 0.0]), jac=True, method="BFGS")
    slope = float(found.x[0]) / spread
    return (slope, float(found.x[1])) if slope > 0 else (1.0, 0.0)
