"""The banks of one fit, one after the other: which serves an epoch, and how many views of a scan there are in it."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from medtl.methods.base import Fit
from medtl.training.context import Context
from medtl.training.feature_bank import FeatureBank, Shown, open_bank
from medtl.training.phases import Phase, phases


class Banks:
    """Opens the bank of each stretch of a fit when its first epoch comes.

    How many views there are does not depend on whether a bank serves them, so that weights are equal with and without.

    Args:
        request: what is fitted.
        context: of the run.
        plan: pace per part, for every epoch.
        uses_target: whether steps forward target batches.
        uses_labels: whether visible target labels are trained on.
        scored: rows that are predicted after each epoch.
    """

    def __init__(
        self, request: Fit, context: Context, plan: Sequence[dict[str, float]], *, uses_target: bool, uses_labels: bool,
        scored: NDArray[np.int64],
    ) -> None:
        self.bank: FeatureBank | None = None
        self.views = 0
        self._request, self._context = request, context
        self._uses_labels, self._scored = uses_labels, scored
        main = any(turn.loss is None for turn in request.turns)
        own = any(turn.loss is not None for turn in request.turns)
        others = request.forwards if own else ()
        together = request.model.treatment == "joint" and uses_target and main
        self._uses_target = uses_target or own
        self._forwards = context.loader.batch_size * (2 if together else 1)
        self._phase: Phase | None = None
        self._models = (request.model, *(others or ()))
        closed = others is None or any(method.reads_images for method in context.methods)
        branched = any(model.treatment == "dsbn" for model in self._models)
        read = {layer for i in context.penalties for layer in context.methods[i].reads} if main else set()
        self._phases = [] if closed or branched else phases(request.model, plan, request.frozen, read)

    def enter(self, epoch: int) -> None:
        """Makes :attr:`bank` and :attr:`views` those of an epoch."""
        phase = next((phase for phase in self._phases if phase.start <= epoch < phase.stop), None)
        if phase is self._phase:
            return
        self._phase, self.bank = phase, None
        context = self._context
        self.views = context.train.bank_views if phase is not None and context.loader.augmented else 0
        if phase is None or context.train.feature_bank == "off":
            return
        shown = Shown(
            self._request.name, range(phase.start, phase.stop), self._uses_labels, self.views, self._uses_target,
            self._scored, self._forwards,
        )
        self.bank = open_bank(self._models, phase, shown, context.loader, context.device, context.progress)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Within it, training steps take what the loader or the bank gives them."""
        if self.bank is not None and self.bank.trains:
            with self.bank.starting():
                yield
        else:
            yield
