"""A small head on layers within the pretrained network, all choices made by grouped validation on what may be seen."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from medtl.functional.probing.evidence import LEAST, Evidence
from medtl.functional.probing.machines import Kind, LinearMachine
from medtl.functional.probing.search import FitOn, Rows, Scored, Search, candidates
from medtl.functional.probing.search import Probe as Found
from medtl.methods.base import OPTIONS, Extract, Fit, Method, Setting, Stages, Tell
from medtl.methods.fronts import encoder_parts
from medtl.methods.kinds import CLASSES, only_for
from medtl.models.behind import KernelProjection, Standardise
from medtl.models.model import Model
from medtl.models.probed import probed
from medtl.models.tapped import Statistic, layers_of
from medtl.types import Table, nearest

FRONT, END = 1 / 3, 1 / 6
"""Shares of the layers that are not read where none are named: the foremost see grey values and edges, which are the
scanner's, the last ones the classes that the network was pretrained on."""


@dataclass(frozen=True, config=OPTIONS)
class Probe(Method):
    """Fits a head on the pooled mean and standard deviation of layers of the network, without training the network.

    Features are extracted once. Each domain is standardised by its own moments, over all of its studies that may be
    seen. Candidates are sets of layers times heads times penalties; the first set is all layers side by side, and
    another candidate is taken only where its held-out loss, over folds of patients, is lower at the error level
    `level`, shared among the candidates. What answers is one network: the encoder up to the last layer read, the
    moments, the head.

    With `fit_on: auto` the target's labels are fitted; the source's join them where that lowers the held-out loss of
    target studies at the same level, which is told either way, and never with fewer than eight labelled patients of a
    class. Without target labels the source's are fitted.

    Args:
        heads: among which validation chooses, the first one standing: `logistic`, `lda` (Ledoit and Wolf's shrinkage),
            `svm`, `rbf`, `ridge`. Only `ridge` is for regression.
        layers: parts of the encoder; if none, its middle half.
        each: whether every one of these layers by itself is a candidate too, beside all of them side by side.
        statistics: of each layer, over space and then over slices by the model's pooling.
        strengths: inverse penalties; each head's own three if none.
        fit_on: whose labels: `source`, `target`, `both`, or `auto`.
        level: of error, one-sided, at which a gain is clear, by the corrected resampled t-test.
        folds: of patients; fewer where a class has fewer.
        repeats: of the folds; fewer beyond 400 held-out answers.
        share: of the target's labels in a fit on both, by weight.
        first: `nothing` takes the network as it is; `fit` trains it before, on source and visible target labels.

    Reference:
        Alain & Bengio 2016, "Understanding intermediate layers using linear classifier probes"; the choice is ours.
    """

    heads: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("rbf",)
    layers: tuple[str, ...] = ()
    each: bool = True
    statistics: Annotated[tuple[Statistic, ...], Field(min_length=1)] = ("mean", "std")
    strengths: tuple[Annotated[float, Field(gt=0)], ...] = ()
    fit_on: FitOn = "auto"
    level: Annotated[float, Field(gt=0, lt=1)] = 0.01
    folds: Annotated[int, Field(ge=2)] = 5
    repeats: Annotated[int, Field(ge=1)] = 10
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    first: Literal["nothing", "fit"] = "nothing"

    drops_because: ClassVar[str] = "fits a head without gradients"

    @property
    def drops_penalties(self) -> bool:  # type: ignore[override]
        """Without a fit there is nothing that a penalty could act on."""
        return self.first == "nothing"

    @property
    def needs_target_labels(self) -> bool:  # type: ignore[override]
        """Where it is told to fit them."""
        return self.fit_on in ("target", "both")

    def check(self, model: Model) -> Sequence[str]:
        """Layers that are there, and a head that fits the task."""
        lines = list(only_for("probe", (*CLASSES, "regression"), model))
        parts = encoder_parts(model)
        for layer in self.layers:
            if layer not in parts:
                hint = nearest(layer, parts)
                lines.append(f"probe.layers: {layer!r} is no layer of this network's encoder"
                             + (f"; did you mean {hint!r}?" if hint else ".") + f" Layers: {', '.join(parts)}")
        kind = model.describe().get("task", {}).get("kind")
        if kind == "regression" and self.heads not in (("ridge",), Probe.heads):
            lines.append(f"probe.heads: found {', '.join(self.heads)}; a regression takes ridge")
        return lines

    def pace(self, model: Model, progress: float) -> Mapping[str, float]:
        """The encoder stands still, unless it is fitted first."""
        return dict.fromkeys(encoder_parts(model), 0.0) if self.first == "nothing" else {}

    def stages(self, setting: Setting) -> Stages:
        """Extract all layers at once, choose, fit, and put head and layers together."""
        if self.first == "fit":
            yield Fit("fit", setting.model)
        layers = self.layers or default_layers(setting.model)
        whole = probed(setting.model, layers, self.statistics)
        table = yield Extract("layers", whole)
        assert table is not None
        features = by_layer(table.features, whole)
        found = self.search(setting, layers).fit(rows_of(table, features))
        yield Tell("probe", lines_of(found), told(found))
        return answering(setting.model, found, self.statistics)

    def search(self, setting: Setting, layers: Sequence[str]) -> Search:
        """How the head is found.

        Args:
            setting: of the run.
            layers: that are read.
        """
        sets: list[tuple[str, ...]] = [tuple(layers)]
        if self.each and len(layers) > 1:
            sets += [(layer,) for layer in layers]
        values = setting.task.kind == "regression"
        heads: tuple[Kind, ...] = ("ridge",) if values else self.heads
        return Search(
            candidates(sets, heads, self.strengths or None), 0 if values else setting.task.outputs, self.fit_on,
            level=self.level, folds=self.folds, repeats=self.repeats, share=self.share,
            seed=setting.rng("probe") % 2**31,
        )


def default_layers(model: Model) -> tuple[str, ...]:
    """The middle of the layers that give an activation; all of them where there are fewer than three."""
    found = layers_of(model.encoder)
    middle = found[round(FRONT * len(found)): len(found) - round(END * len(found))]
    return middle or found


def by_layer(features: NDArray[np.float32], model: Model) -> dict[str, NDArray[np.float32]]:
    """Columns of a table by layer.

    Args:
        features: (n, d), of a network that :func:`medtl.models.probed.probed` made.
        model: that network.
    """
    tapped = model.describe()["tap"]
    widths = [width * len(tapped["statistics"]) for width in tapped["widths"]]
    ends = np.cumsum(widths)
    return {
        layer: features[:, end - width: end]
        for layer, width, end in zip(tapped["layers"], widths, ends, strict=True)
    }


def rows_of(table: Table, features: Mapping[str, NDArray[np.float32]]) -> Rows:
    """A table as the search takes it.

    Args:
        table: what may be seen.
        features: its columns by layer.
    """
    patients = tuple(f"{site}\t{name}" if name else "" for site, name in zip(table.site, table.patient, strict=True))
    return Rows(features, table.labels[:, 0].astype(np.float64), patients, table.is_source)


def answering(model: Model, found: Found, statistics: Sequence[Statistic]) -> Model:
    """The network that answers as a fitted probe does.

    Args:
        model: whose encoder was read.
        found: the probe.
        statistics: that were read of each layer.
    """
    white = found.whitening
    standardise = Standardise(len(white.mean))
    standardise.mean.copy_(torch.from_numpy(white.mean))
    standardise.factor.copy_(torch.from_numpy(1.0 / white.scale))
    machine = found.machine
    outputs = len(machine.bias)
    offset = 0.0 if outputs == 1 else found.offset * np.linspace(-0.5, 0.5, outputs)
    head: nn.Linear | KernelProjection
    if isinstance(machine, LinearMachine):
        head = nn.Linear(len(white.mean), outputs)
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(machine.weight * found.slope))
            head.bias.copy_(torch.from_numpy(machine.bias * found.slope + offset))
    else:
        head = KernelProjection(len(white.mean), len(machine.vectors), outputs)
        head.landmarks.copy_(torch.from_numpy(machine.vectors))
        head.weights.copy_(torch.from_numpy(machine.weight * found.slope))
        head.offset.copy_(torch.from_numpy(machine.bias * found.slope + offset))
        head.gamma.fill_(machine.gamma)
    return probed(model, white.layers, statistics, standardise, head)


def lines_of(found: Found) -> tuple[str, ...]:
    """What was chosen, in words."""
    chosen = found.candidate
    first = found.scored[0]
    lines = [
        f"probe: {chosen.kind} (strength {chosen.strength:g}) on {', '.join(chosen.layers)}, fitted on the labels of "
        + {"both": "source and target", "source": "the source", "target": "the target"}[found.fit_on]
        + f"; {len(found.scored)} candidates, held-out loss {_loss(first.loss)} of the standing one"
        + ("" if chosen == first.candidate else f", {_loss(_of(found).loss)} of the chosen one")
    ]
    if found.source:
        alone, both = found.source
        verdict = "is used" if found.fit_on == "both" else f"{_left_out(both.against)} and is left out"
        lines.append(
            f"probe: the source {verdict}: held-out loss on target studies {_loss(alone.loss)} without it, "
            f"{_loss(both.loss)} with it (gain {both.gain:+.3f}, standard error {both.gain_error:.3f}, "
            f"p {both.against.p_value:.2g}); "
            + ("the config without it is probe with fit_on: target" if found.fit_on == "both"
               else "this run equals probe with fit_on: target")
        )
    return tuple(lines)


def told(found: Found) -> dict[str, object]:
    """The choice as JSON."""

    def number(value: float) -> float | None:
        return round(float(value), 6) if np.isfinite(value) else None

    def row(one: Scored) -> dict[str, object]:
        return {
            "layers": list(one.candidate.layers), "head": one.candidate.kind, "strength": one.candidate.strength,
            "fit_on": one.fit_on, "loss": number(one.loss), "error": number(one.error), "gain": number(one.gain),
            "gain_error": number(one.gain_error), "p_value": number(one.against.p_value),
        }

    return {
        "layers": list(found.candidate.layers), "head": found.candidate.kind, "strength": found.candidate.strength,
        "fit_on": found.fit_on, "candidates": [row(one) for one in found.scored],
        "source": [row(one) for one in found.source], "said": list(lines_of(found)),
    }


def _left_out(against: Evidence) -> str:
    """Why the source is not taken."""
    harms = against.gain < -against.error
    if against.patients < LEAST:
        judged = "looks harmful" if harms else "cannot be judged"
        return f"{judged} on {against.patients} labelled patients of a class ({LEAST} are needed to judge)"
    if harms:
        return "hurts"
    return "brings no clear gain"


def _of(found: Found) -> Scored:
    return next(one for one in found.scored if one.candidate == found.candidate)


def _loss(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "unknown"
