"""Classification: vocabulary, masked and weighted loss against a slow loop, activation."""
from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from medtl import registry
from medtl.errors import OptionError
from medtl.tasks.classification import Classification


def _slow(task: Classification, logits: torch.Tensor, labels: torch.Tensor, known: torch.Tensor, weights: torch.Tensor,
          factors: list[list[float]]) -> float:
    total, count = 0.0, 0
    for i in range(len(logits)):
        for column in range(labels.shape[1]):
            if not known[i, column]:
                continue
            count += 1
            truth = int(labels[i, column])
            if task.kind == "multilabel":
                p = 1 / (1 + math.exp(-float(logits[i, column])))
                cost = -math.log(p if truth else 1 - p)
            else:
                exponentials = [math.exp(float(z)) for z in logits[i]]
                cost = -math.log(exponentials[truth] / sum(exponentials))
            total += float(weights[i]) * factors[column][truth] * cost
    return total / count


@pytest.mark.parametrize(("task", "classes", "factors"), [
    (Classification(label="a"), 2, [[1, 1]]),
    (Classification(label="a", classes=("x", "y", "z"), class_weights=(0.5, 2, 3)), 3, [[0.5, 2, 3]]),
    (Classification(labels=("a", "b", "c"), class_weights=(2, 1, 4)), 2, [[1, 2], [1, 1], [1, 4]]),
])
def test_loss_equals_a_slow_loop(task: Classification, classes: int, factors: list[list[float]]) -> None:
    rng = torch.Generator().manual_seed(3)
    logits = torch.randn(17, task.outputs, generator=rng)
    labels = torch.randint(0, classes, (17, len(task.label_names)), generator=rng).float()
    known = torch.rand(labels.shape, generator=rng) > 0.3
    weights = torch.rand(17, generator=rng) * 2
    assert task.loss(logits, labels, known, weights).item() == pytest.approx(
        _slow(task, logits, labels, known, weights, factors), rel=1e-5)


@pytest.mark.parametrize("task", [Classification(label="a"), Classification(labels=("a", "b"))])
def test_unknown_labels_give_zero_gradient_whatever_they_hold(task: Classification) -> None:
    labels = torch.full((4, len(task.label_names)), 1.0)
    labels[2:] = float("nan")
    known = ~labels.isnan()
    logits = torch.randn(4, task.outputs, requires_grad=True)
    loss = task.loss(logits, labels, known, torch.ones(4))
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.all(logits.grad[2:] == 0)
    assert torch.all(logits.grad[:2] != 0)


def test_nothing_known_is_zero_with_a_graph() -> None:
    logits = torch.randn(3, 2, requires_grad=True)
    loss = Classification(label="a").loss(logits, torch.zeros(3, 1), torch.zeros(3, 1, dtype=torch.bool), torch.ones(3))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert torch.all(logits.grad == 0)


def test_half_precision_logits_give_a_float32_loss() -> None:
    task = Classification(label="a")
    loss = task.loss(torch.zeros(2, 2, dtype=torch.bfloat16), torch.ones(2, 1), torch.ones(2, 1).bool(), torch.ones(2))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(math.log(2), rel=1e-6)


def test_balanced_weights_give_every_class_the_same_share_and_mean_one() -> None:
    labels = np.array([[0]] * 6 + [[1]] * 2 + [[np.nan]] * 3, dtype=np.float32)
    task = Classification(label="a", class_weights="balanced").balanced_by(labels)
    known = torch.tensor(~np.isnan(labels))
    truth = torch.tensor(np.nan_to_num(labels))
    uniform = torch.zeros(len(labels), 2)
    assert task.loss(uniform, truth, known, torch.ones(len(labels))).item() == pytest.approx(math.log(2), rel=1e-6)
    negatives, positives = (known[:, 0] & (truth[:, 0] == c) for c in (0, 1))
    shares = [task.loss(uniform, truth, chosen[:, None], torch.ones(len(labels))).item() * int(chosen.sum())
              for chosen in (negatives, positives)]
    assert shares[0] == pytest.approx(shares[1], rel=1e-6)


def test_balanced_keeps_its_vocabulary_and_leaves_other_tasks_alone() -> None:
    plain = Classification(label="a", classes=("no", "yes"))
    assert plain.balanced_by(np.zeros((2, 1), np.float32)) is plain
    task = Classification(labels=("a", "b"), class_weights="balanced")
    task = task.balanced_by(np.array([[0, 1], [1, 1]], np.float32))
    assert task.label_names == ("a", "b")
    assert task.kind == "multilabel"


def test_scores() -> None:
    logits = torch.randn(5, 3)
    assert torch.allclose(Classification(label="a", classes=("x", "y", "z")).activate(logits).sum(1), torch.ones(5))
    assert torch.equal(Classification(labels=("a", "b", "c")).activate(logits), torch.sigmoid(logits))


def test_cells_to_numbers_and_back() -> None:
    task = Classification(labels=("a", "b"), classes=("no", "yes"))
    assert task.decode(task.encode([" yes ", ""])) == ("yes", "")
    assert task.encode(["no", "yes"]) == (0.0, 1.0)
    with pytest.raises(ValueError, match=r"label 'b': 'maybe' is not in the vocabulary no, yes"):
        task.encode(["no", "maybe"])
    with pytest.raises(ValueError, match="expected 2 label cells, found 1"):
        task.encode(["no"])


@pytest.mark.parametrize("options", [
    {}, {"label": "a", "labels": ("b",)}, {"label": "a", "classes": ("x",)}, {"label": "a", "classes": ("x", "x")},
    {"labels": ()}, {"labels": ("a",), "classes": ("x", "y", "z")}, {"label": "a", "class_weights": (1.0,)},
    {"label": "a", "class_weights": (1.0, -1.0)}, {"label": "a", "class_weights": (1.0, float("nan"))},
])
def test_options_that_make_no_task_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        Classification(**options)  # type: ignore[arg-type]


def test_every_default_metric_is_registered() -> None:
    assert set(Classification(label="a").metrics) <= set(registry.names("metrics"))
    assert registry.load("tasks", "classification") is Classification
