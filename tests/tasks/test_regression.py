"""A regression's cells, its loss in standard deviations, and a head that starts at the mean."""
from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from medtl.config.sections import ModelSection, TaskSection
from medtl.errors import OptionError
from medtl.models.build import build_model
from medtl.tasks.regression import Regression


def test_cells_are_numbers_or_blank() -> None:
    task = Regression("age")
    assert task.encode([" 61.5 "]) == (61.5,)
    assert math.isnan(task.encode([""])[0])
    assert task.decode((61.5,)) == ("61.5",)
    assert task.decode((math.nan,)) == ("",)
    for cell in ("old", "inf", "nan"):
        with pytest.raises(ValueError, match="no finite number"):
            task.encode([cell])
    assert (task.kind, task.outputs, task.score_names) == ("regression", 1, ("age",))


@pytest.mark.parametrize("options", [{"classes": ("0", "1")}, {"class_weights": "balanced"}, {}])
def test_what_a_regression_does_not_have_is_told(options: dict[str, object]) -> None:
    section = TaskSection(name="regression", label="age" if options else None, **options)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="a regression reads one column"):
        Regression.from_section(section, None)


def test_the_loss_counts_standard_deviations_and_ignores_what_is_unknown() -> None:
    labels = np.array([[10.0], [30.0], [np.nan]], dtype=np.float32)
    task = Regression("age").balanced_by(labels)
    assert (task.mean, task.scale) == (20.0, 10.0)
    said = torch.tensor([[20.0], [30.0], [1e9]], requires_grad=True)
    known = torch.tensor([[True], [True], [False]])
    loss = task.loss(said, torch.nan_to_num(torch.from_numpy(labels)), known, torch.tensor([1.0, 3.0, 1.0]))
    assert loss.item() == pytest.approx(0.5)
    loss.backward()
    assert said.grad is not None
    assert said.grad[2].item() == 0.0
    nothing = task.loss(said, torch.zeros(3, 1), torch.zeros(3, 1, dtype=torch.bool), torch.ones(3))
    assert nothing.item() == 0.0
    assert nothing.requires_grad


def test_a_network_starts_near_the_mean_whatever_the_unit() -> None:
    task = Regression("volume").balanced_by(np.array([[4000.0], [6000.0]], dtype=np.float32))
    model = build_model(ModelSection(backbone="mobilenetv3_small_050", weights="none"), task=task, seed=0)
    with torch.no_grad():
        said = model(torch.rand(4, 1, 1, 64, 64))
    assert said.shape == (4, 1)
    assert (said - 5000).abs().max() < 2000
    assert torch.equal(task.activate(said), said)
