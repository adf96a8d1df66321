"""RTN: what replaces the task loss, where it starts, and which branch it is that answers."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from medtl.functional.discrepancy import mmd2
from medtl.functional.entropy import prediction_entropy
from medtl.functional.joint import tensor_mmd2
from medtl.methods.base import Setting, Step
from medtl.methods.mapping.rtn import RTN, Residual


def draw(rows: int, width: int, seed: int) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def parts() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    return (draw(6, 4, 1), draw(6, 2, 2)), (draw(5, 4, 3), draw(5, 2, 4))


def test_the_residual_starts_at_nothing_and_learns(setting_of: Callable[..., Setting]) -> None:
    own = RTN(hidden=8).build(setting_of(4))
    assert not own(draw(7, 2, 0)).any()
    (slope,) = torch.autograd.grad(own(draw(7, 2, 0)).sum(), [own.last.weight])  # type: ignore[union-attr]
    assert slope.any()


def test_task_loss_plus_penalty_is_the_papers_objective(full_step: Callable[..., Step]) -> None:
    source, target = parts()
    own = Residual(2, 8, seed=1)
    with torch.no_grad():
        own.last.weight.normal_(generator=torch.Generator().manual_seed(2))
    labels = [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]
    step = full_step(source, target, labels=labels, own=own)
    batch = step.pair.source
    plain = step.task.loss(source[1], batch.labels, batch.known, batch.weights)
    found = plain + RTN(mmd=0.7, entropy=0.2).penalty(step)
    through = torch.nn.functional.cross_entropy(source[1] + own(source[1]), torch.tensor(labels).long())
    scores = [torch.softmax(of[1], dim=1) for of in (source, target)]
    discrepancy = tensor_mmd2((source[0], scores[0]), (target[0], scores[1]))
    uncertain = prediction_entropy(target[1], "binary").mean()
    torch.testing.assert_close(found, through + 0.7 * discrepancy + 0.2 * uncertain)


def test_at_the_start_only_discrepancy_and_entropy_are_added(full_step: Callable[..., Step]) -> None:
    source, target = parts()
    step = full_step(source, target, labels=[0.0, 1.0] * 3, own=Residual(2, 8, seed=1))
    assert float(RTN(mmd=0.0, entropy=0.0).penalty(step).detach()) == 0.0


def test_visible_target_labels_are_learned_through_the_target_branch(full_step: Callable[..., Step]) -> None:
    source, target = parts()
    own = Residual(2, 8, seed=1)
    with torch.no_grad():
        own.last.bias.fill_(0.5)
        own.last.weight.normal_(generator=torch.Generator().manual_seed(2))
    step = full_step(source, target, labels=[0.0, 1.0] * 3, target_labels=[1.0] * 5, own=own)
    logits = target[1].clone().requires_grad_()
    batches = (step.pair.source, step.pair.target)
    labels, known, weights = (torch.cat([getattr(b, k) for b in batches]) for k in ("labels", "known", "weights"))
    ours = full_step(source, (target[0], logits), labels=[0.0, 1.0] * 3, target_labels=[1.0] * 5, own=own)
    task = step.task.loss(torch.cat([source[1], logits]), labels, known, weights)
    (slope,) = torch.autograd.grad(task + RTN(mmd=0.0, entropy=0.0).penalty(ours), logits)
    (plain,) = torch.autograd.grad(
        step.task.loss(torch.cat([source[1], logits]), labels, known, weights), logits
    )
    torch.testing.assert_close(slope, plain)


def test_other_layers_and_every_pair_of_domains_go_into_the_discrepancy(full_step: Callable[..., Step]) -> None:
    source, target = parts()
    step = full_step(source, target, labels=[0.0, 1.0] * 3, own=Residual(2, 8, seed=1))
    only = {"mmd": 1.0, "entropy": 0.0}
    alone = RTN(layers=("features",), **only).penalty(step)  # type: ignore[arg-type]
    torch.testing.assert_close(alone, mmd2(source[0], target[0]))
    assert RTN(layers=("blocks.1", "features")).reads == ("blocks.1", "features", "outputs")
    both = [replace(batch, domain=torch.arange(len(batch.rows)) % 2) for batch in (step.pair.source, step.pair.target)]
    mixed = replace(step, pair=replace(step.pair, source=both[0], target=both[1]))
    found = RTN(layers=("features",), domains="pairwise", **only).penalty(mixed)  # type: ignore[arg-type]
    first, second = (torch.cat([source[0][k::2], target[0][k::2]]) for k in (0, 1))
    torch.testing.assert_close(found, mmd2(first, second))
