"""Class-balanced batches teach another prior; undoing it gives the posterior of the source back."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_cohort import TASK, cohort, loader, small_model

from medtl.data.loaders import PairLoader
from medtl.training.balance import source_shares, undo_balance


def uneven() -> object:
    """Source train studies of class 1 at every fourth place in north, every second in east."""
    of = cohort()
    items = [
        replace(item, labels=(float(k % 4 == 0),)) if item.site == "north" else item
        for k, item in enumerate(of.catalogue.items)
    ]
    return replace(of, catalogue=replace(of.catalogue, items=tuple(items)))


def test_shares_count_each_domain_equally() -> None:
    of = uneven()
    assert source_shares(of, 2) == pytest.approx([1 - (0.25 + 0.5) / 2, (0.25 + 0.5) / 2])  # type: ignore[arg-type]


def test_a_balanced_posterior_becomes_that_of_the_source() -> None:
    model, shares = small_model(), np.array([0.8, 0.2])
    images = next(loader(cohort()).scan([0, 1, 2, 3])).images
    with torch.no_grad():
        before = torch.softmax(model(images), dim=1).double().numpy()
        assert undo_balance(model, shares)
        after = torch.softmax(model(images), dim=1).double().numpy()
    expected = before * shares / (before * shares).sum(axis=1, keepdims=True)  # Bayes' rule with the new prior
    assert after == pytest.approx(expected, abs=1e-6)


def test_equal_shares_change_no_bit_and_other_heads_are_left_alone() -> None:
    model = small_model()
    bias = model.head.bias.detach().clone()  # type: ignore[union-attr]
    assert undo_balance(model, np.array([0.5, 0.5]))
    assert torch.equal(model.head.bias, bias)  # type: ignore[union-attr, arg-type]
    model.head = torch.nn.Identity()
    assert not undo_balance(model, np.array([0.5, 0.5]))


def test_balanced_batches_hold_the_classes_equally() -> None:
    of = uneven()
    plain = loader(of)  # type: ignore[arg-type]
    balanced = PairLoader(plain.prepared, of, batch_size=8, seed=0, class_balanced=True)  # type: ignore[arg-type]
    seen = torch.cat([pair.source.labels[:, 0] for pair in balanced.epoch("fit", 0)])
    assert float(seen.mean()) == pytest.approx(0.5, abs=0.05)
    assert TASK.outputs == 2
