"""The map says what a network rests on: here networks whose answer is known to rest on one square of one slice."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medtl.models.model import Model
from medtl.models.occlusion import occlude

SIDE, CELLS = 28, 7


class Corner(nn.Module):
    """An encoder whose one feature is the mean of the second cell's square in the third row."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Module()

    def forward(self, images: Tensor) -> Tensor:
        return images[:, :1, 8:12, 4:8].mean(dim=(1, 2, 3))[:, None]


class Stacked(Model):
    """Slices are averaged, then a fixed head; or the slices are mixed first, so that they cannot be taken apart."""

    def __init__(self, mixed: bool = False) -> None:
        head = nn.Linear(1, 2, bias=False)
        nn.Module.__init__(self)
        with torch.no_grad():
            head.weight.copy_(torch.tensor([[-3.0], [3.0]]))
        self.encoder, self.head, self.mixed = Corner(), head, mixed  # type: ignore[assignment]
        self.treatment = "joint"

    def slice_features(self, images: Tensor) -> Tensor:
        if self.mixed:
            raise RuntimeError("this network has no slices of its own")
        return self.encoder(images.flatten(0, 1)).reshape(*images.shape[:2], 1)

    def finish(self, slices: Tensor):  # type: ignore[no-untyped-def]
        from medtl.models.model import Outputs

        features = slices.mean(dim=1)
        return Outputs(features, {}, self.head(features))

    def full(self, images: Tensor, domain=None, taps=()):  # type: ignore[no-untyped-def]
        if self.mixed:
            return self.finish(self.encoder(images.flatten(0, 1)).reshape(*images.shape[:2], 1))
        return self.finish(self.slice_features(images))


def scan() -> np.ndarray:
    """Three dark slices; the middle one is bright where the encoder looks."""
    image = np.full((3, 1, SIDE, SIDE), 0.1, dtype=np.float32)
    image[1, 0, 8:12, 4:8] = 1.0
    return image


@pytest.mark.parametrize("mixed", [False, True])
def test_the_square_that_the_answer_rests_on_is_found(mixed: bool) -> None:
    model = Stacked(mixed)
    found = occlude(model, scan(), 1, "binary", cells=CELLS)
    assert (found.slice, found.slices) == (1, 3)
    assert found.falls.shape == (CELLS, CELLS)
    assert np.unravel_index(found.falls.argmax(), found.falls.shape) == (2, 1)
    whole = float(np.mean([0.1, 1.0, 0.1]))
    assert found.evidence == pytest.approx(6 * whole, rel=1e-5)
    grey = float(scan()[1].mean())
    assert found.falls[2, 1] == pytest.approx(6 * (1.0 - grey) / 3, rel=1e-4)
    far = np.ones((CELLS, CELLS), dtype=bool)
    far[1:4, 0:3] = False
    np.testing.assert_allclose(found.falls[far], 0.0, atol=1e-6)


def test_the_other_class_has_the_opposite_map() -> None:
    one, other = (occlude(Stacked(), scan(), k, "binary").falls for k in (1, 0))
    np.testing.assert_allclose(one, -other, atol=1e-5)


def test_a_label_of_several_is_judged_by_its_own_logit_and_modes_stay() -> None:
    model = Stacked()
    model.train()
    found = occlude(model, scan(), 1, "multilabel")
    assert found.evidence == pytest.approx(3 * 0.4, rel=1e-5)
    assert model.training
