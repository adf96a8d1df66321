"""What a transfer method is: four seams with neutral defaults, and the requests that a procedure yields.

A method is a frozen pydantic dataclass of its options (``@dataclass(frozen=True, config=OPTIONS)``, so that a wrong
option is refused wherever it is written); a file in ``methods/FAMILY/`` named like it registers it. It overrides one or
two of :meth:`Method.pace`, :meth:`Method.weigh`, :meth:`Method.penalty` and :meth:`Method.stages`; the engine composes
them over all methods of a run: pace and weights by product, penalties by sum, stages from at most one.
"""
from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from torch import Tensor, nn

from medtl.data.batches import Pair
from medtl.models.model import Model, Outputs
from medtl.tasks.base import Task
from medtl.types import Table

OPTIONS = ConfigDict(extra="forbid", validate_default=False)
"""How every method's options are validated."""


class Rng(Protocol):
    """Seeds that do not depend on what else draws random numbers."""

    def __call__(self, *names: str | int) -> int: ...


@dataclass(frozen=True)
class Setting:
    """What a method may know of the run before it starts.

    Attributes:
        model: the network at its start; a procedure may copy it.
        task: loss, activation and number of outputs.
        source_sites: names, in the order of ``Batch.domain``'s numbers.
        target_sites: names; their domain numbers follow those of the source sites.
        domains: names of all domains (sites, or scanners), position = ``Batch.domain``'s number.
        target_labels: whether some target labels are visible.
        epochs: planned epochs of one fit.
        rng: seeds by name.
        table: the initial features of every study that may be seen (source train, target adapt).
    """

    model: Model
    task: Task
    source_sites: tuple[str, ...]
    target_sites: tuple[str, ...]
    domains: tuple[str, ...]
    target_labels: bool
    epochs: int
    rng: Rng
    table: Callable[[], Table]


@dataclass(frozen=True)
class Step:
    """One training step, as a penalty sees it.

    Attributes:
        pair: the source and target batches; target labels are masked unless they may be seen.
        source: outputs of the source batch.
        target_outputs: outputs of the target batch; None where no method of the run needs one.
        progress: steps done over steps planned of this fit, in [0, 1).
        domains: how many domains ``Batch.domain`` numbers.
        own: what :meth:`Method.build` returned for this method.
        model: the network that is being fitted.
        task: loss and activation.
        domain_names: position = ``Batch.domain``'s number; empty where nobody said.
    """

    pair: Pair
    source: Outputs
    target_outputs: Outputs | None
    progress: float
    domains: int
    own: nn.Module | None
    model: Model
    task: Task
    domain_names: tuple[str, ...] = ()

    @property
    def target(self) -> Outputs:
        """Outputs of the target batch, which are there for every method with ``needs_target_images``.

        Raises:
            ValueError: there was no target batch, so a method reads what it does not say that it needs.
        """
        if self.target_outputs is None:
            raise ValueError("a penalty reads step.target without needs_target_images = True in its method; set it")
        return self.target_outputs


TurnLoss: TypeAlias = Callable[[Pair, float], Tensor]
"""(pair, progress) to a scalar; it forwards what it needs itself."""


@dataclass(frozen=True)
class Turn:
    """One player's move within a training step.

    Attributes:
        name: for the log.
        moves: modules whose parameters this turn updates; not read for the main turn, which moves the fitted model and
            the methods' own parts.
        loss: scalar to minimise, or None for the main loss (task loss plus the penalties of all methods).
        steps: how often it moves per pair.
        rate: factor of the learning rate.
    """

    name: str
    moves: tuple[nn.Module, ...] = ()
    loss: TurnLoss | None = None
    steps: int = 1
    rate: float = 1.0


MAIN = Turn("model")
"""The ordinary turn: task loss plus penalties, over the model and the penalties' own parts."""


@dataclass(frozen=True)
class Fit:
    """Request: fit this model; answered by None.

    Attributes:
        name: of the stage; a letter-digit-dash word, unique within the run.
        model: what is fitted; what selection scores.
        turns: moves of each step, in order.
        weights: per row of the table, or None; multiplies the weights of the methods.
        frozen: modules kept in eval mode without gradient during this fit.
        target_labels: whether visible target labels join the task loss.
        epochs: planned epochs, or None for the run's.
        forwards: networks that the turns' losses forward besides ``model``, so that all can start behind a frozen front
            (:mod:`medtl.training.feature_bank`); None if not known, then they all see images.
    """

    name: str
    model: Model
    turns: tuple[Turn, ...] = (MAIN,)
    weights: NDArray[np.float32] | None = None
    frozen: tuple[nn.Module, ...] = ()
    target_labels: bool = True
    epochs: int | None = None
    forwards: tuple[Model, ...] | None = None


@dataclass(frozen=True)
class Extract:
    """Request: the features of every study that may be seen; answered by a Table."""

    name: str
    model: Model


@dataclass(frozen=True)
class Tell:
    """Request: keep beside the stages what a procedure found out, and say it; answered by None.

    Attributes:
        name: of the stage; a letter-digit-dash word, unique within the run. ``NAME.json`` holds the content.
        lines: for people.
        content: as JSON.
        tables: further CSV files beside it, by name without ending: a header and rows.
    """

    name: str
    lines: Sequence[str]
    content: Mapping[str, Any]
    tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[str | int | float]]]] = field(default_factory=dict)


Request: TypeAlias = Fit | Extract | Tell
Stages: TypeAlias = Generator[Request, Table | None, Model]


@dataclass(frozen=True)
class Method:
    """Base of all transfer methods, neutral in every seam. Options are the fields of the subclass."""

    needs_target_images: ClassVar[bool] = False
    """Whether each step must bring a target batch; without one a penalty sees the source and the weights only."""
    reads_images: ClassVar[bool] = False
    """Whether the penalty reads ``Step.pair``'s images, which are activations behind a frozen front otherwise."""
    needs_target_labels: ClassVar[bool] = False
    """Whether at least one visible target label per class is required."""
    drops_penalties: ClassVar[bool] = False
    """Whether this procedure's last fits ignore other methods' penalties, so that combining them is refused."""
    drops_because: ClassVar[str] = "ends with a stage without a task loss"
    """Why, for the message; follows the method's name."""
    replaces_encoder: ClassVar[bool] = False
    """Whether this procedure returns another network than the configured one, so that paces are refused beside it."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The layers that the penalty reads: ``features``, ``outputs`` or names of parts. Each must have something
        trainable at or beneath it, else the engine refuses the run. None for a penalty that looks at weights only."""
        return ("features",)

    def check(self, model: Model) -> Sequence[str]:
        """What is wrong with the options for this model, one line each, told before the first epoch."""
        return ()

    def build(self, setting: Setting) -> nn.Module | None:
        """The method's own trainable parts (a discriminator, say), seeded by ``setting.rng``; None for none."""
        return None

    def pace(self, model: Model, progress: float) -> Mapping[str, float]:
        """Factor of the learning rate per part of ``model.parts``, asked at the start of each epoch.

        Parts left out keep 1, and 0 is frozen: no gradient AND eval mode.
        """
        return {}

    def learns(self, model: Model) -> Mapping[str, int]:
        """How many numbers learn in each part that learns by additions to it instead of by its own."""
        return {}

    def weigh(self, table: Table) -> NDArray[np.float32] | None:
        """Weight per row of the table, non-negative, for source rows; None for all equal."""
        return None

    def penalty(self, step: Step) -> Tensor | None:
        """Scalar to add to the task loss, float32, already multiplied by the method's weight; None for none."""
        return None

    def diagnose(self, step: Step) -> Mapping[str, Tensor]:
        """Scalars whose mean over an epoch's steps is worth a place in the log; asked without gradient."""
        return {}

    def stages(self, setting: Setting) -> Stages | None:
        """The procedure, or None: then the run is one ordinary fit."""
        return None


def overrides(method: Method, seam: str) -> bool:
    """Whether a method uses a seam, that is, defines it itself."""
    return getattr(type(method), seam) is not getattr(Method, seam)


def one_fit(setting: Setting) -> Stages:
    """The plan of a run without a procedure."""
    yield Fit("fit", setting.model)
    return setting.model
