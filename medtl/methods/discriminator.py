"""The network that tells domains apart, and its loss with equal say for each domain."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Discriminator(nn.Module):
    """Two hidden layers without normalisation, so that studies of one batch do not see each other.

    Args:
        width: of the features.
        hidden: units of each hidden layer.
        outputs: 1 for source against target, else the number of domains.
        seed: of its initial weights, which depend on nothing else.
    """

    def __init__(self, width: int, hidden: int, outputs: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Logits, float32, (n, outputs), of features (n, width) of any float type."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.layers(features.float())
        return logits


def role_loss(source: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy of source (1) against target (0), half for each.

    Args:
        source: logits of source studies, (n, 1).
        target: logits of target studies, (m, 1).

    Returns:
        Scalar; ln 2 when nothing is told apart.
    """
    return 0.5 * (functional.softplus(-source).mean() + functional.softplus(target).mean())


def domain_loss(logits: Tensor, domain: Tensor) -> Tensor:
    """Cross entropy over K domains, averaged within each domain and then over those present in the batch.

    Args:
        logits: (n, K), K ≥ 2.
        domain: int64, (n,), in [0, K).

    Returns:
        Scalar; ln K when nothing is told apart.
    """
    losses = functional.cross_entropy(logits, domain, reduction="none")
    return _per_domain(losses, domain, logits.shape[1])


def domain_accuracy(logits: Tensor, domain: Tensor) -> Tensor:
    """Share of studies whose domain is found, averaged within each domain and then over those present.

    Args:
        logits: (n, K), or (n, 1): then positive means domain 1.
        domain: int64, (n,).

    Returns:
        Scalar in [0, 1]; chance is 1 over the number of domains present.
    """
    found = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)
    return _per_domain((found == domain).float(), domain, max(2, logits.shape[1]))


def roles(source: int, rows: int, device: torch.device) -> Tensor:
    """1 for the first ``source`` of so many rows, 0 for the rest; int64, (rows,)."""
    return (torch.arange(rows, device=device) < source).long()


def told_apart(logits: Tensor, truth: Tensor, domain: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """What a discriminator finds out on a batch, for the log: over all, per site, and by chance.

    Args:
        logits: (n, K), or (n, 1): then positive means 1.
        truth: int64, (n,), what it is asked for: the role (1 for source) or the domain.
        domain: int64, (n,), which domain each study is of.
        names: of the domains, position = number.

    Returns:
        ``accuracy`` balanced over what is asked for, ``chance``, and ``accuracy.NAME`` per domain where the batch is
        large enough to hold every domain of either role.
    """
    asked = max(2, logits.shape[1])
    told = {"accuracy": domain_accuracy(logits, truth), "chance": logits.new_tensor(1.0 / asked)}
    if names and 2 * len(names) <= len(domain):
        found = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)
        members = functional.one_hot(domain, len(names)).to(torch.float32)
        right = ((found == truth).float()[:, None] * members).sum(dim=0) / members.sum(dim=0).clamp_min(1.0)
        told |= {f"accuracy.{name}": right[number] for number, name in enumerate(names)}
    return told


def _per_domain(values: Tensor, domain: Tensor, domains: int) -> Tensor:
    members = functional.one_hot(domain, domains).to(values.dtype)  # (n, K)
    counts = members.sum(dim=0)
    means = (values[:, None] * members).sum(dim=0) / counts.clamp_min(1.0)
    return means.sum() / (counts > 0).sum()
