"""Treatments of batch normalisation, in 1, 2 and 3 dimensions."""
from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from medtl.models import bn


class _Stack(nn.Module):
    """Two convolutions with BatchNorm between, in any number of dimensions."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
        norm = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[dims - 1]
        self.first, self.norm1 = conv(2, 3, 1), norm(3)
        self.second, self.norm2 = conv(3, 4, 1), norm(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm2(self.second(torch.relu(self.norm1(self.first(x)))))  # type: ignore[no-any-return]


def _data(dims: int, n: int = 24) -> Tensor:
    torch.manual_seed(5)
    return torch.randn(n, 2, *([3] * dims)) * 3 + torch.arange(n).float().view(n, *([1] * (dims + 1)))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_adabn_equals_one_batch_of_everything_in_any_order(dims: int) -> None:
    net, data = _Stack(dims), _data(dims)
    whole = copy.deepcopy(net).train()
    expected = whole(data)
    for order in (torch.arange(24), torch.arange(23, -1, -1), torch.randperm(24)):
        adapted = copy.deepcopy(net)
        chunks = [data[rows] for rows in order.split(5)]  # sorted rows: batches have different means
        bn.adapt_statistics(adapted, adapted, lambda chunks=chunks: chunks)  # type: ignore[misc]
        assert torch.allclose(adapted.eval()(data), expected, atol=1e-5)


def test_adabn_pools_two_moments_where_averaged_batches_are_wrong() -> None:
    norm, data = nn.BatchNorm1d(1), torch.arange(100.0)[:, None].sort(dim=0).values
    bn.adapt_statistics(norm, norm, lambda: data.split(10))
    assert norm.running_var is not None
    assert norm.running_var.item() == pytest.approx(data.var(correction=0).item(), rel=1e-6)
    within = sum(chunk.var().item() for chunk in data.split(10)) / 10
    assert within < 0.02 * data.var().item()


def test_adabn_restores_modes_and_refuses_nothing_to_adapt_to() -> None:
    net = _Stack(2).train()
    net.norm2.eval()
    bn.adapt_statistics(net, net, lambda: [_data(2)])
    assert net.training
    assert net.norm1.training
    assert not net.norm2.training
    with pytest.raises(ValueError, match="at least one batch"):
        bn.adapt_statistics(net, net, list)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_domain_branches_see_only_their_rows(dims: int) -> None:
    net, data = _Stack(dims), _data(dims)
    alone = [copy.deepcopy(net).train(), copy.deepcopy(net).train()]
    bn.treat(net, "dsbn")
    net.train()
    domain = torch.arange(24) % 2
    bn.route(net, domain)
    mixed = net(data)
    for number in (0, 1):
        assert torch.allclose(mixed[domain == number], alone[number](data[domain == number]), atol=1e-5)


def test_the_branch_at_inference_is_the_targets_once_it_saw_a_batch() -> None:
    net, data = _Stack(2), _data(2)
    bn.treat(net, "dsbn")
    net.train()
    bn.route(net, 0)
    net(data)
    assert bn.inference_branch(net) == 0
    bn.route(net, 1)
    net(data + 100)
    assert bn.inference_branch(net) == 1
    net.eval()
    bn.route(net, 1)
    expected = net(data)
    bn.resolve(net)
    assert not any(isinstance(m, bn.DomainBatchNorm) for m in net.modules())
    assert torch.equal(net(data), expected)
    assert bn.inference_branch(net) is None


def test_frozen_stays_in_eval_without_parameters() -> None:
    net, data = _Stack(2), _data(2)
    before = copy.deepcopy(net.state_dict())
    bn.treat(net, "frozen")
    copied = copy.deepcopy(net).train()
    copied(data)
    assert not any(norm.training for norm in bn.layers(copied))
    assert not any(True for norm in bn.layers(copied) for _ in norm.parameters())
    assert copied.state_dict().keys() == before.keys()
    assert all(torch.equal(copied.state_dict()[name], value) for name, value in before.items())


def test_untracked_normalises_by_the_batch_and_keeps_the_statistics() -> None:
    net, data = _Stack(2).train(), _data(2)
    expected = copy.deepcopy(net)(data)
    before = copy.deepcopy(net.state_dict())
    with bn.untracked(net):
        assert torch.equal(net(data), expected)
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
    net(data)
    assert not torch.equal(net.norm1.running_mean, before["norm1.running_mean"])  # type: ignore[arg-type]
