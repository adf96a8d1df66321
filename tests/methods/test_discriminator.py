"""The discriminator's losses: equal say for each domain, whatever the order and the shares."""
from __future__ import annotations

import math

import pytest
import torch

from medtl.methods.discriminator import Discriminator, domain_accuracy, domain_loss, role_loss, roles, told_apart


def test_blind_discriminators_lose_the_logarithm_of_the_number_of_domains() -> None:
    assert float(role_loss(torch.zeros(3, 1), torch.zeros(9, 1))) == pytest.approx(math.log(2))
    domain = torch.tensor([0, 0, 0, 1, 2, 2])
    assert float(domain_loss(torch.zeros(6, 3), domain)) == pytest.approx(math.log(3))


def test_each_domain_has_equal_say_whatever_its_share() -> None:
    logits, domain = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 0, 0, 1, 2, 2])
    again = torch.cat([logits, logits[3:4], logits[3:4]]), torch.cat([domain, torch.tensor([1, 1])])
    torch.testing.assert_close(domain_loss(*again), domain_loss(logits, domain))


def test_interleaved_domains_equal_sorted_ones() -> None:
    logits, domain = torch.randn(8, 2, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1] * 4)
    order = domain.argsort(stable=True)
    torch.testing.assert_close(domain_loss(logits, domain), domain_loss(logits[order], domain[order]))
    torch.testing.assert_close(domain_accuracy(logits, domain), domain_accuracy(logits[order], domain[order]))


def test_two_domains_agree_with_the_single_logit() -> None:
    logit = torch.randn(6, 1, generator=torch.Generator().manual_seed(2))
    two = torch.cat([torch.zeros_like(logit), logit], dim=1)
    domain = torch.tensor([1, 1, 0, 0, 0, 0])
    torch.testing.assert_close(role_loss(logit[:2], logit[2:]), domain_loss(two, domain))
    torch.testing.assert_close(domain_accuracy(logit, domain), domain_accuracy(two, domain))


def test_a_domain_that_is_not_in_the_batch_costs_nothing() -> None:
    logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    expected = -math.log(math.exp(2) / (math.exp(2) + 2))
    assert float(domain_loss(logits, torch.tensor([0, 1]))) == pytest.approx(expected)
    assert float(domain_accuracy(logits, torch.tensor([0, 1]))) == 1.0


def test_its_start_depends_on_its_seed_alone() -> None:
    torch.manual_seed(1)
    first = Discriminator(4, 8, 1, seed=5)
    state = torch.random.get_rng_state()
    torch.manual_seed(2)
    second = Discriminator(4, 8, 1, seed=5)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    torch.manual_seed(1)
    assert torch.equal(torch.random.get_rng_state(), state)  # and it draws nothing from the stream of others


def test_what_the_log_says_of_each_site() -> None:
    domain = torch.tensor([0, 0, 1, 1, 2, 2, 2, 2])
    logits = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0])[:, None]
    role = roles(4, 8, domain.device)
    told = {name: float(value) for name, value in told_apart(logits, role, domain, ("a", "b", "c")).items()}
    assert told == {"accuracy": 0.75, "chance": 0.5, "accuracy.a": 0.5, "accuracy.b": 1.0, "accuracy.c": 0.75}
    many = told_apart(torch.eye(3)[domain], domain, domain, ("a", "b", "c"))
    assert float(many["chance"]) == pytest.approx(1 / 3)
    assert float(many["accuracy.c"]) == 1.0
    assert set(told_apart(logits, role, domain, tuple("abcde"))) == {"accuracy", "chance"}
