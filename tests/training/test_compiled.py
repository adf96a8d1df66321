"""torch.compile on request, for training steps of a whole backbone."""
from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_cohort import QUICK, run, small_model, weights

from medtl.methods.network.freeze import Freeze
from medtl.progress import QUIET
from medtl.training.compiled import Compiled


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on the CPU")
@pytest.mark.filterwarnings("ignore")
def test_compiled_steps_give_nearly_the_same_weights(tmp_path: Path) -> None:
    plain = weights(run(tmp_path / "plain", []))
    quick = weights(run(tmp_path / "compiled", [], train=replace(QUICK, compile=True)))
    for name, tensor in plain.items():
        torch.testing.assert_close(quick[name], tensor, rtol=5e-2, atol=5e-3, msg=name)


def test_it_is_left_out_behind_a_bank_and_where_layers_within_are_read(tmp_path: Path) -> None:
    train = replace(QUICK, compile=True)
    plain = weights(run(tmp_path / "plain", [Freeze(until="all")]))
    same = weights(run(tmp_path / "asked", [Freeze(until="all")], train=train))
    assert all(torch.equal(same[name], tensor) for name, tensor in plain.items())
    model, said = small_model(), []
    told = type("Told", (type(QUIET),), {"say": lambda self, line: said.append(line)})()
    for _ in range(2):
        with Compiled(model, True, ("blocks.0", "features"), told).steps(behind_front=False):
            assert "forward" not in vars(model.encoder.net)
    assert "reads blocks.0" in said[0]
