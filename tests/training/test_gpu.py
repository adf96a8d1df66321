"""On a GPU: the loop, its copies, the bank and bf16; skipped where there is none."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_cohort import QUICK, cohort, loader, plan, run, small_model, weights

from medtl.training.prefetch import on_device

GPU = replace(QUICK, device="cuda")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_run_learns_and_comes_back_to_the_cpu(precision: str, tmp_path: Path) -> None:
    start = weights(small_model())
    model = run(tmp_path, plan("dan+dann"), train=replace(GPU, precision=precision))
    assert all(tensor.device.type == "cpu" for tensor in model.state_dict().values())
    assert all(tensor.dtype == torch.float32 for tensor in model.parameters())
    assert any(not torch.equal(start[name], tensor) for name, tensor in weights(model).items())


def test_what_the_bank_gives_is_what_the_front_gives(tmp_path: Path) -> None:
    results = [
        weights(run(tmp_path / bank, plan("freeze+dann"), train=replace(GPU, feature_bank=bank)))
        for bank in ("auto", "off")
    ]
    for name, tensor in results[0].items():
        torch.testing.assert_close(results[1][name], tensor, rtol=1e-3, atol=1e-4, msg=name)


def test_copies_made_ahead_are_the_batches(tmp_path: Path) -> None:
    data = loader(cohort())
    device = torch.device("cuda")
    for there, here in zip(on_device(data.epoch("fit", 0), device), data.epoch("fit", 0), strict=True):
        assert there.source.images.device.type == "cuda"
        assert torch.equal(there.source.images.cpu(), here.source.images)
        assert there.target is not None
        assert here.target is not None
        assert torch.equal(there.target.rows.cpu(), here.target.rows)
