"""Confusion and soft labels against their formulas, similarities against hand counts."""
from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from medtl.functional.confusion import as_classes, confusion_losses, soft_label_loss, soft_labels
from medtl.functional.semantics import prototypes, similarities, similarity_entropy


def draw(rows: int, width: int, *, seed: int) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def test_confusion_is_least_where_nothing_is_preferred() -> None:
    assert confusion_losses(torch.zeros(2, 3)).tolist() == pytest.approx([math.log(3)] * 2)
    assert confusion_losses(torch.zeros(1, 1)).item() == pytest.approx(math.log(2))
    assert (confusion_losses(draw(50, 3, seed=1)) >= math.log(3)).all()
    q = torch.softmax(torch.tensor([1.0, -2.0, 0.5]), dim=0)
    assert confusion_losses(torch.tensor([[1.0, -2.0, 0.5]])).item() == pytest.approx(-float(q.log().mean()))


def test_one_logit_is_two_domains() -> None:
    logit = draw(4, 1, seed=2)
    both = torch.cat([torch.zeros_like(logit), logit], dim=1)
    torch.testing.assert_close(confusion_losses(logit), confusion_losses(both))


def test_soft_labels_are_class_means_of_softened_predictions() -> None:
    logits, labels = draw(5, 3, seed=3).requires_grad_(), torch.tensor([0, 2, 0, 2, 2])
    soft, present = soft_labels(logits, labels, 2.0)
    assert present.tolist() == [True, False, True]
    assert not soft.requires_grad
    torch.testing.assert_close(soft[2], torch.softmax(logits.detach()[[1, 3, 4]] / 2.0, dim=1).mean(0))
    target = draw(3, 3, seed=4)
    written = [-float((soft[k] * torch.log_softmax(target[i] / 2.0, 0)).sum()) for i, k in ((0, 0), (2, 2))]
    found = soft_label_loss(target, torch.tensor([0, 1, 2]), soft, present, 2.0)  # class 1 has no soft label
    assert float(found) == pytest.approx(sum(written) / 2, rel=1e-5)
    assert float(soft_label_loss(target[:0], labels[:0], soft, present, 2.0)) == 0.0


def test_only_known_labels_are_classes() -> None:
    rows, classes = as_classes(torch.tensor([[1.0], [0.0], [2.0]]), torch.tensor([[True], [False], [True]]))
    assert rows.tolist() == [0, 2]
    assert classes.tolist() == [1, 2]


def test_similarity_entropy_is_zero_for_the_sure_and_ln_n_for_the_undecided() -> None:
    assert float(similarity_entropy(torch.zeros(3, 4))) == pytest.approx(math.log(4))
    assert float(similarity_entropy(torch.tensor([[100.0, 0.0]]))) == pytest.approx(0.0, abs=1e-6)
    assert float(similarity_entropy(torch.zeros(0, 4))) == 0.0
    rows, others = draw(2, 3, seed=1), draw(4, 3, seed=2)
    p = torch.softmax(rows.double() @ others.double().T / 0.5, dim=1)
    expected = -(p * p.log()).sum(1).mean()
    assert float(similarity_entropy(similarities(rows, others, 0.5, normalise=False))) == pytest.approx(float(expected))


def test_prototypes_are_means_of_the_classes_that_occur() -> None:
    rows = draw(5, 3, seed=1)
    centres, position = prototypes(rows, torch.tensor([7, 2, 7, 2, 2]))
    torch.testing.assert_close(centres, torch.stack([rows[[1, 3, 4]].mean(0), rows[[0, 2]].mean(0)]))
    assert position.tolist() == [1, 0, 1, 0, 0]
