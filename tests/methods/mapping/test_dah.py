"""DAH: the objective, the codes that are kept, and that a toy is classified by them in the other domain."""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from medtl.functional.discrepancy import mmd2
from medtl.functional.hashing import class_shares, likeness_loss, quantisation_loss
from medtl.methods.mapping.dah import DAH, refreshed, typical_codes
from medtl.models.behind import CodeHead, Hash
from medtl.types import Role, Table


def draw(rows: int, width: int, *, seed: int) -> Tensor:
    return torch.tanh(torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)))


def test_the_objective_is_its_four_terms() -> None:
    head, source, target = CodeHead(2, 2, 4), draw(5, 4, seed=1), draw(3, 4, seed=2)
    head.codes.copy_(draw(4, 4, seed=3).reshape(2, 2, 4))
    rows, classes = torch.tensor([0, 2, 4]), torch.tensor([1, 1, 1])
    before = head.codes.clone()
    found = DAH(quantisation=0.1, mmd=2.0, entropy=0.5).loss(head, source, target, rows, classes)
    stored = torch.stack([before[0], source[[0, 2]]])
    shares = class_shares(target, stored)
    expected = likeness_loss(source[rows], classes) + 0.1 * quantisation_loss(source[rows])
    expected = expected + 2.0 * mmd2(source, target) - 0.5 * (shares.exp() * shares).sum(1).mean()
    torch.testing.assert_close(found, expected)
    assert torch.equal(head.codes, stored)


def test_fresh_codes_come_first_and_classes_that_are_not_in_the_batch_stay() -> None:
    stored = torch.arange(12.0).reshape(3, 2, 2)
    codes = torch.tensor([[100.0, 100.0], [200.0, 200.0]], requires_grad=True)
    found = refreshed(stored, codes, torch.tensor([2, 2]))
    assert torch.equal(found[:2], stored[:2])
    assert torch.equal(found[2].detach(), codes.detach())
    one = refreshed(stored, codes[:1], torch.tensor([0]))
    assert one[0].tolist() == [[100.0, 100.0], [0.0, 1.0]]
    assert torch.autograd.grad(found.sum(), codes)[0].all()


def table(labels: list[float], role: list[Role], features: Tensor) -> Table:
    n = len(labels)
    return Table(
        tuple(map(str, range(n))), ("",) * n, ("a",) * n, tuple(role), ("train",) * n,
        np.array(labels, np.float32)[:, None], np.zeros(n, bool), features.numpy(),
    )


def test_stored_codes_are_of_labelled_source_studies_only() -> None:
    codes = draw(6, 3, seed=1)
    of = table([0, 1, 1, float("nan"), 0, 1], ["source"] * 4 + ["target"] * 2, codes)
    kept = typical_codes(of, 3, 2)
    assert torch.equal(kept[0], codes[[0, 0]])
    assert {tuple(row.tolist()) for row in kept[1]} == {tuple(codes[i].tolist()) for i in (1, 2)}
    assert not kept[2].any()


def test_codes_learned_on_the_source_classify_a_shifted_target() -> None:
    method, head = DAH(bits=8, codes=4, mmd=2.0), CodeHead(2, 4, 8)
    torch.manual_seed(0)
    layer = Hash(3, 8)
    optimizer = torch.optim.Adam(layer.parameters(), lr=2e-2)

    def batch(seed: int, shift: float, n: int = 40) -> tuple[Tensor, Tensor]:
        labels = torch.arange(n) % 2
        x = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed)) * 0.7
        return x + torch.stack([3.0 * labels - 1.5, torch.full((n,), shift), torch.zeros(n)], dim=1), labels

    for k in range(100):
        (s, labels), (t, _) = batch(k, 0.0), batch(500 + k, 2.0)
        optimizer.zero_grad()
        method.loss(head, layer(s), layer(t), torch.arange(40), labels).backward()
        optimizer.step()
    x, labels = batch(9999, 2.0, 200)
    with torch.no_grad():
        codes = layer(x)
        assert (head(codes).argmax(1) == labels).float().mean() > 0.95
        assert codes.abs().mean() > 0.6
