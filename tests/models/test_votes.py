"""Heads of many learners: their closed form, and the way to disk and back."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import nn

from medtl.config.sections import ModelSection
from medtl.export.formats.onnx import Onnx
from medtl.models import store
from medtl.models.build import assemble, build_model
from medtl.models.votes import FLOOR, NearestHead, VoteHead, with_head
from medtl.tasks.classification import Classification

TASK = Classification(label="nodule")


def filled(head: VoteHead | NearestHead) -> VoteHead | NearestHead:
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in (*head.parameters(), *head.buffers()):
            tensor.copy_(torch.randn(tensor.shape, generator=random).abs() + 0.1)
        if isinstance(head, NearestHead):
            head.of_class.copy_(torch.eye(2).repeat(1, 3)[:, :5])
        else:
            head.linear.weight.copy_(torch.randn(head.linear.weight.shape, generator=random))
    return head


@pytest.mark.parametrize("kind", ["soft", "hard", "nearest"])
def test_a_network_with_such_a_head_comes_back_from_the_disk(kind: str, tmp_path: Path) -> None:
    section = ModelSection(backbone="mobilenetv3_small_050", weights="none", adaptation=6)
    base = build_model(section, task=TASK, seed=0)
    head = NearestHead(6, 3, 5, 2) if kind == "nearest" else VoteHead(6, 2, 4, kind)  # type: ignore[arg-type]
    before = with_head(base, filled(head))
    store.save(before, tmp_path)
    after = store.load(tmp_path)
    images = torch.rand(3, 2, 1, 32, 32, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        assert after.describe() == before.describe()
        assert torch.equal(before(images), after(images))
        assert torch.equal(before.full(images).features, base.full(images).features)
    assert before.encoder is base.encoder
    assert base.describe()["head"] == "linear"


class Tiny(nn.Module):
    num_features = 6

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).mean(dim=(2, 3))


@pytest.mark.parametrize("kind", ["soft", "hard", "nearest"])
def test_such_a_network_exports_with_parity(kind: str, tmp_path: Path) -> None:
    description: dict[str, Any] = {
        "backbone": "tiny", "mean": [0.5] * 3, "std": [0.5] * 3, "pooling": "mean", "adaptation": 0, "bn": "joint",
        "head": "linear", "outputs": 2,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = assemble(Tiny(), description, 0)
    head = NearestHead(6, 3, 5, 2) if kind == "nearest" else VoteHead(6, 2, 4, kind)  # type: ignore[arg-type]
    network = with_head(network, filled(head))
    path = Onnx().write(network, (2, 1, 16, 16), tmp_path)
    images = torch.rand(3, 2, 1, 16, 16, generator=torch.Generator().manual_seed(5))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": images.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(found), network(images), rtol=1e-3, atol=1e-4)


def test_the_vote_is_a_weighted_mean_of_answers() -> None:
    soft, hard = filled(VoteHead(4, 3, 2, "soft")), filled(VoteHead(4, 3, 2, "hard"))
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
    for head in (soft, hard):
        assert isinstance(head, VoteHead)
        head.votes.copy_(torch.tensor([0.25, 0.75]))
        learners = [x @ w.T + b for w, b in zip(head.linear.weight.reshape(2, 3, 4), head.linear.bias.reshape(2, 3),
                                                strict=True)]
        answers = [said.softmax(1) if head is soft else torch.eye(3)[said.argmax(1)] for said in learners]
        expected = 0.25 * answers[0] + 0.75 * answers[1]
        with torch.no_grad():
            torch.testing.assert_close(head(x).exp(), expected.clamp_min(FLOOR))


def test_the_nearest_neighbour_decides() -> None:
    head = filled(NearestHead(4, 3, 5, 2))
    assert isinstance(head, NearestHead)
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(3))
    distances = torch.cdist(x @ head.matrix.T + head.offset, head.places).square()
    expected = torch.stack([distances[:, head.of_class[k] > 0].amin(1) for k in range(2)], dim=1)
    torch.testing.assert_close(head(x), -expected / head.scale, rtol=1e-4, atol=1e-4)
    assert torch.equal(head(x).argmax(1), head.of_class.argmax(0)[distances.argmin(1)])
