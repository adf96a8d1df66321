"""The loop: one fit of one model, its turns, its checkpoints and its log."""
from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medtl.data.batches import Pair
from medtl.errors import ConfigError
from medtl.methods.base import Fit, Step
from medtl.models.harmonize import route
from medtl.models.model import Outputs
from medtl.models.predict import Predicted, predict
from medtl.training import checkpoint, oracle
from medtl.training.banks import Banks
from medtl.training.compiled import Compiled
from medtl.training.context import Context, reseed
from medtl.training.files import on_cpu
from medtl.training.movers import Mover
from medtl.training.moves import Stillness, always_still, paces
from medtl.training.prefetch import on_device
from medtl.training.selection import LAST, SOURCE_VALIDATION, rules_for, seen_by_rules, values_of
from medtl.types import Cohort


def players(request: Fit, context: Context) -> tuple[nn.Module, ...]:
    """The modules that a fit may change besides its model: methods' own parts, and those of its turns."""
    named = [module for turn in request.turns for module in turn.moves]
    return tuple(dict.fromkeys([*(own for own in context.own if own is not None), *named]))


def fit(request: Fit, folder: Path, context: Context, weights: NDArray[np.float32] | None) -> None:
    """Fits a model, going on from the last checkpoint in the folder; it ends with the chosen epoch's weights.

    Args:
        request: what to fit.
        folder: of the stage; exists.
        context: of the run.
        weights: of the studies, per position of the catalogue, or None.

    Raises:
        ConfigError: a loss is no longer finite.
    """
    loop = _Loop(request, context, weights)
    scored = any(turn.loss is None for turn in request.turns)
    rule = context.train.selection if scored else LAST
    task, cohort = context.setting.task, context.loader.cohort
    rules = rules_for(task, cohort) if scored else {}
    start, best, choice = checkpoint.load_epoch(folder, loop.snapshot, rule)
    context.log.rewind(request.name, start)
    progress, patience = context.progress, context.train.early_stopping
    resumed = f", from epoch {start + 1} of {loop.epochs}" if start else ""
    progress.start(f"training, stage {request.name}{resumed}", (loop.epochs - start) * context.loader.steps)
    try:
        for epoch in range(start, loop.epochs):
            if patience is not None and choice.stale >= patience:
                break
            began = time.perf_counter()
            done = loop.run_epoch(epoch)
            said = loop.predicted()
            values = values_of(rules, seen_by_rules(task, cohort, said))
            value = values.get(SOURCE_VALIDATION if rule == LAST else rule)
            if choice.offer(epoch, value):
                best = {name: on_cpu(tensor) for name, tensor in loop.snapshot.weights().items()}
            oracle.record_epoch(folder, epoch, *_tested(cohort, said))
            record = {
                "stage": request.name,
                "epoch": epoch,
                "progress": round((epoch + 1) / loop.epochs, 6),
                "losses": done.losses,
                "diagnostics": done.diagnostics,
                "selection": {"rule": rule, "value": value, "best_epoch": choice.best_epoch, "values": values},
                "pace": loop.plan[epoch],
                "seconds": round(time.perf_counter() - began, 3),
                "wait_seconds": round(done.waited, 4),
                "compute_seconds": round(done.computed, 4),
            }
            context.log.append(record)
            checkpoint.save_epoch(folder, epoch, loop.snapshot, best, choice, {"stage": request.name})
    finally:
        progress.finish()
        loop.stillness.release()
    checkpoint.copy_into(loop.snapshot.weights(), best)
    chosen = {"rule": rule, "value": choice.lowest, "best_epoch": choice.best_epoch}
    checkpoint.finish(folder, request.model, loop.players, {"stage": request.name, "selection": chosen})


@dataclass(frozen=True)
class _Epoch:
    losses: dict[str, float]
    diagnostics: dict[str, float]
    waited: float
    computed: float


class _Loop:
    """The fit's state in memory."""

    def __init__(self, request: Fit, context: Context, weights: NDArray[np.float32] | None) -> None:
        self.request, self.context, self.weights = request, context, weights
        self.model = request.model
        self.players = players(request, context)
        for module in (self.model, *self.players, *request.frozen, *(request.forwards or ())):
            context.device.place(module)
        self.epochs = request.epochs or context.train.epochs
        self.plan = paces(context.methods, self.model, self.epochs)
        own = [module for module in context.own if module is not None]
        self.movers = [
            Mover(turn, self.model, own, context.train, context.device, turn.steps * context.loader.steps)
            for turn in request.turns
        ]
        self.stillness = Stillness(self.model, self.players, request.frozen)
        parts = self.model.parts
        self.snapshot = checkpoint.Snapshot(
            self.model,
            (*(parts[name] for name in always_still(self.plan)), *request.frozen),
            self.players,
            tuple(mover.optimizer for mover in self.movers),
        )
        self.taps = tuple(dict.fromkeys(name for i in context.penalties for name in context.methods[i].reads))
        self.uses_labels = request.target_labels and context.setting.target_labels
        per_domain = self.model.treatment in ("split", "dsbn")  # the target's own statistics need its images
        read = any(context.methods[i].needs_target_images for i in context.penalties)
        self.uses_target = read or self.uses_labels or per_domain
        self.compiled = Compiled(self.model, context.train.compile, self.taps, context.progress)
        self.banks = Banks(
            request, context, self.plan, uses_target=self.uses_target, uses_labels=self.uses_labels,
            scored=scored_rows(context),
        )

    def pairs(self, epoch: int) -> Iterator[Pair]:
        """The pairs of an epoch, of images or of what the front made of them."""
        bank, name = self.banks.bank, self.request.name
        if bank is not None and bank.trains:
            return bank.epoch(name, epoch, self.weights, self.uses_labels)
        return self.context.loader.epoch(name, epoch, self.weights, self.uses_labels, self.banks.views)

    def predicted(self) -> Predicted:
        """Logits of the validation and test rows."""
        bank, device = self.banks.bank, self.context.device.torch
        if bank is None:
            return predict(self.model, self.context.loader.scan(scored_rows(self.context)), device, features=True)
        with bank.starting():
            return predict(self.model, bank.scored(), device, features=True)

    def run_epoch(self, epoch: int) -> _Epoch:
        """All steps of one epoch."""
        self.banks.enter(epoch)
        self.stillness.apply(self.plan[epoch])
        behind = self.banks.bank is not None and self.banks.bank.trains
        with self.banks.training(), self.compiled.steps(behind_front=behind):
            return self._run_epoch(epoch)

    def _run_epoch(self, epoch: int) -> _Epoch:
        loader, name = self.context.loader, self.request.name
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = defaultdict(int)
        waited, began = 0.0, time.perf_counter()
        mark = began
        for number, pair in enumerate(on_device(self.pairs(epoch), self.context.device.torch)):
            waited += time.perf_counter() - mark
            progress = min((epoch + number / loader.steps) / self.epochs, 1.0)
            for key, value in self._step(pair, epoch, number, progress):
                sums[key] = sums[key] + value if key in sums else value
                counts[key] += 1
            self.context.progress.advance()
            mark = time.perf_counter()
        means = {key: float(value) / counts[key] for key, value in sums.items()}  # the epoch's one synchronisation
        computed = time.perf_counter() - began - waited
        for key, mean in means.items():
            if not np.isfinite(mean):
                raise ConfigError(
                    f"stage {name}, epoch {epoch}: the loss {key} is {mean}, expected a finite number. Lower train.lr "
                    f"(it is {self.context.train.lr:g}) or the method's weight; the epochs before are saved"
                )
        losses = {key: mean for key, mean in means.items() if not key.startswith("?")}
        diagnostics = {key[1:]: mean for key, mean in means.items() if key.startswith("?")}
        return _Epoch(losses, diagnostics, waited, computed)

    def _step(self, pair: Pair, epoch: int, number: int, progress: float) -> Iterator[tuple[str, Tensor]]:
        rng, name = self.context.setting.rng, self.request.name
        for mover in self.movers:
            turn = mover.turn
            for again in range(turn.steps):
                stream = (name, epoch, number, turn.name, again)
                self.stillness.hold()
                reseed(rng, *stream, "forward")
                if turn.loss is None:
                    loss = yield from self._main_loss(pair, progress, stream)
                else:
                    with self.context.device.forwards():
                        loss = turn.loss(pair, progress)
                    yield turn.name, loss.detach()
                mover.move(loss, self.plan[epoch], progress, number * turn.steps + again)

    def _main_loss(
        self, pair: Pair, progress: float, stream: tuple[str | int, ...]
    ) -> Generator[tuple[str, Tensor], None, Tensor]:
        context = self.context
        target = pair.target if self.uses_target else None
        route(self.model, pair.source.domain, *(() if target is None else (target.domain,)))
        with context.device.forwards():
            source_out, target_out = self.model.pair(
                pair.source.images, None if target is None else target.images, self.taps
            )
        route(self.model)
        loss = self._task_loss(pair, source_out, target_out)
        yield "task", loss.detach()
        for role, said in (("source", source_out), ("target", target_out)):
            if said is not None:
                yield f"?features.norm_{role}", said.features.detach().float().norm(dim=1).mean()
        for i in context.penalties:
            step = Step(
                pair, source_out, target_out, progress, len(context.setting.domains), context.own[i], self.model,
                context.setting.task, context.setting.domains,
            )
            reseed(context.setting.rng, *stream, "penalty", i)
            penalty = context.methods[i].penalty(step)
            if penalty is not None:
                yield context.names[i], penalty.detach()
                loss = loss + penalty
            with torch.no_grad():
                for key, value in context.methods[i].diagnose(step).items():
                    yield f"?{context.names[i]}.{key}", value
        return loss

    def _task_loss(self, pair: Pair, source: Outputs, target: Outputs | None) -> Tensor:
        """Weighted mean over the known labels of the source, and of the target where they may be seen."""
        batch, logits = pair.source, source.outputs.float()
        if not self.uses_labels or target is None or pair.target is None:
            return self.context.setting.task.loss(logits, batch.labels, batch.known, batch.weights)
        other = pair.target
        return self.context.setting.task.loss(
            torch.cat([logits, target.outputs.float()]),
            torch.cat([batch.labels, other.labels]),
            torch.cat([batch.known, other.known]),
            torch.cat([batch.weights, other.weights]),
        )


def scored_rows(context: Context) -> NDArray[np.int64]:
    """Positions that are predicted after each epoch: the source's validation rows, the target's test rows, and those of
    the target that rules of selection may look at."""
    cohort = context.loader.cohort
    rows = [cohort.rows("source", "val"), cohort.rows("target", "test"), cohort.rows("target", "adapt")]
    return np.concatenate(rows)


def _tested(cohort: Cohort, said: Predicted) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The target's test rows and their logits."""
    test = np.isin(said.rows, cohort.rows("target", "test"))
    return said.rows[test], said.logits[test]
