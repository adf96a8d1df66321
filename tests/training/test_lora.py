"""Additions start at nothing, learn alone, and are gone into the weights in the end."""
from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import nn
from toy_cohort import QUICK, real_model, run, small_model, weights

from medtl.methods.base import Fit, Tell
from medtl.methods.network.lora import Lora
from medtl.models.lowrank import adaptable, add, merge
from medtl.training.moves import table_of_moves


def test_an_addition_changes_nothing_at_the_start_and_nothing_when_merged() -> None:
    model = real_model("mobilenetv3_small_050").eval()
    x = torch.rand(2, 1, 1, 64, 64)
    modules = adaptable(model.encoder, 2)
    assert modules
    assert all(getattr(m, "groups", 1) == 1 for m in modules)
    with torch.no_grad():
        before, names = model(x), set(model.state_dict())
        learning = add(modules, 2, 3.0)
        assert torch.equal(model(x), before)
        for parameter in learning:
            parameter.add_(0.05 * torch.randn(parameter.shape))
        moved = model(x)
        assert not torch.allclose(moved, before)
        merge(modules)
        assert torch.allclose(model(x), moved, atol=1e-6)
    assert set(model.state_dict()) == names


def test_an_addition_is_of_its_rank() -> None:
    layer = nn.Conv2d(8, 16, 3)
    before = layer.weight.detach().clone()
    learning = add([layer], 2, 1.0)
    with torch.no_grad():
        learning[1].copy_(torch.randn(16, 2))
    merge([layer])
    assert torch.linalg.matrix_rank((layer.weight.detach() - before).flatten(1)) == 2


def test_only_additions_and_what_follows_learn(tmp_path: Path) -> None:
    start = weights(small_model())
    after = weights(run(tmp_path, [Lora(rank=2)]))
    assert after.keys() == start.keys()
    for name, value in start.items():
        normalises = "bn1" in name or re.search(r"blocks\.\d\.1\.", name)
        if name.startswith("encoder") and (normalises or value.ndim < 2):
            assert torch.equal(after[name], value), name
    change = (after["encoder.net.blocks.0.0.weight"] - start["encoder.net.blocks.0.0.weight"]).flatten(1)
    assert 0 < torch.linalg.matrix_rank(change, rtol=1e-4) <= 2
    assert not torch.equal(after["head.weight"], start["head.weight"])


def test_the_table_says_what_learns() -> None:
    model = small_model()
    rows = {row.part: row for row in table_of_moves([Lora(rank=2)], model, QUICK)}
    assert rows["blocks.0"].state == "adapted"
    assert rows["blocks.0"].learning == 2 * (8 + 72)
    assert rows["blocks.0"].bn == "running statistics"
    assert rows["bn1"].state == "frozen"
    assert (rows["head"].state, rows["head"].learning) == ("trained", rows["head"].parameters)


def test_a_layer_that_is_not_there_and_a_rank_that_is_too_large_are_told() -> None:
    assert "did you mean 'blocks.0'" in Lora(layers=("block.0",)).check(small_model())[0]
    assert "too large" in Lora(rank=500).check(small_model())[0]


def test_the_procedure_tells_then_fits() -> None:
    from types import SimpleNamespace

    model = small_model()
    asked = Lora(rank=2).stages(SimpleNamespace(model=model, rng=lambda *_: 1))  # type: ignore[arg-type]
    first = next(asked)
    assert isinstance(first, Tell)
    assert first.content["learning"] == sum(Lora(rank=2).learns(model).values())
    assert isinstance(asked.send(None), Fit)
