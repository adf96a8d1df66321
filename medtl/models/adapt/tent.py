"""TENT: a network lowers the entropy of its answers on the scans that it is asked about, batch after batch."""
from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from medtl.data.batches import Batch
from medtl.data.seeds import generator
from medtl.errors import ConfigError
from medtl.functional.entropy import prediction_entropy
from medtl.models import bn
from medtl.models.harmonize import route
from medtl.models.model import Model
from medtl.models.predict import Predicted

NAME = "tent"
"""The value of ``model`` in predictions.csv."""
RATE = 1e-3
"""Of Adam, as in the paper's experiments on corrupted CIFAR."""


def check_tent(model: Model, kind: str) -> None:
    """Refuses a network or task that TENT has nothing to work on.

    Args:
        model: the network.
        kind: of the task.

    Raises:
        ConfigError: a regression, or no batch normalisation whose scale and shift may learn.
    """
    if kind == "regression":
        raise ConfigError("evaluate.adapt: tent lowers the entropy of classes, which a regression does not have; "
                          "set evaluate.adapt: none")
    if not _affine(model):
        why = "is frozen (model.bn: frozen)" if model.treatment == "frozen" else "is not there"
        raise ConfigError(f"evaluate.adapt: tent moves scale and shift of batch normalisation, which {why} in this "
                          "network; choose another backbone or model.bn, or set evaluate.adapt: none")


def tent(
    model: Model,
    scan: Callable[[NDArray[np.int64]], Iterable[Batch]],
    rows: NDArray[np.int64],
    *,
    kind: str,
    batch_size: int,
    seed: int,
    site: str,
    device: torch.device | str = "cpu",
    rate: float = RATE,
) -> Predicted:
    r"""Predicts the test scans of one site while a copy of the network adapts to them.

    Online: the rows come in one fixed order (a permutation drawn from the seed and the site's name, so that a file
    sorted by class does no harm), in batches of nearly equal size. Every batch is normalised by its own statistics and
    answered, then scale and shift of all batch normalisations take one step of Adam down those answers' mean entropy:

    .. math:: H(\hat y) = -\sum_c p(\hat y_c) \log p(\hat y_c)

    So a batch's answers depend on it and on those before it; labels have no part in it. Each site starts from the
    network as it was trained, which stays as it is.

    Args:
        model: left as it is.
        scan: gives rows as batches; called with one batch's rows.
        rows: positions of the site's test scans.
        kind: of the task.
        batch_size: scans per batch.
        seed: of the order.
        site: whose scans they are.
        device: where it runs.
        rate: of learning.

    Returns:
        Answers in the order of ``rows``.

    Raises:
        ConfigError: as :func:`check_tent`.

    Reference:
        Wang et al. 2021, "Tent: fully test-time adaptation by entropy minimization", section 3.
    """
    check_tent(model, kind)
    copied = copy.deepcopy(model).to(device).eval()
    copied.requires_grad_(False)
    learning = _affine(copied)
    for norm in bn.layers(copied):
        norm.track_running_stats = False
        norm.running_mean = norm.running_var = None
    for parameter in learning:
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(learning, lr=rate, betas=(0.9, 0.999))
    order = generator(seed, NAME, site).permutation(len(rows))
    logits = np.zeros((len(rows), int(model.describe()["outputs"])), np.float32)
    with torch.enable_grad():
        for places in np.array_split(order, max(1, math.ceil(len(rows) / batch_size))):
            done = []
            for batch in scan(rows[places]):
                route(copied, batch.domain)
                outputs = copied.full(batch.images.to(device)).outputs
                done.append(outputs.detach().float().cpu().numpy())
                loss = prediction_entropy(outputs, kind).mean()
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            logits[places] = np.concatenate(done)
    return Predicted(rows, logits, None, model.branch)


def _affine(model: Model) -> list[torch.nn.Parameter]:
    """Scale and shift of every batch normalisation."""
    found = [getattr(norm, name) for norm in bn.layers(model) for name in ("weight", "bias")]
    return [parameter for parameter in found if isinstance(parameter, torch.nn.Parameter)]
